"""Patrol plans in the store, and the routes that units are given by them."""
