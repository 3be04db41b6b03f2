"""Where incidents gather, and where to be next."""
