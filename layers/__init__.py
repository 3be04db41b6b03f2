"""Answers computed over places and time."""
