"""Travel times and ways by road."""
