"""Positions of patrol units: the formats they come in, their clocks, what is dropped and why."""
