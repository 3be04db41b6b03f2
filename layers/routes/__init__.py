"""Patrol routes: for a shift, which unit stops where, when and for how long."""
