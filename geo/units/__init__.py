"""Patrol units: made, on duty, doing something; their devices."""
