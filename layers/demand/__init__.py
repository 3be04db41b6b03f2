"""What there is to be reached."""
