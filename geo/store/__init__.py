"""The store: the database (embedded or given), its migrations, its sessions."""
