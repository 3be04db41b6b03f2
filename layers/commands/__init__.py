"""Verbs of the command line that answer with layers."""
