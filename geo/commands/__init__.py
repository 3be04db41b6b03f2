"""Verbs of the command line whose functions live in `geo`."""
