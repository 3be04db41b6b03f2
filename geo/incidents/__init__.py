"""Incidents: what was reported, when and where. A place and a time, never a person."""
