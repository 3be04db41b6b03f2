"""Patrol coverage: measured, kept up and asked for."""
