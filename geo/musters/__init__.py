"""Musters (一呼百应): units are called to a place, answer, arrive, are stood down."""
