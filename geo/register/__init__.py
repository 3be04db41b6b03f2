"""The register of standard addresses: read, write one by one, merge many."""
