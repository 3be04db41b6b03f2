"""Statistics over events at places."""
