"""What coverage is kept from and as: changes that are due, fixes, packed pieces, key places."""
