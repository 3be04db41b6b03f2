"""Who arrives where in time, and where nobody does."""
