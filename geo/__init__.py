"""Places and what is recorded at them."""
