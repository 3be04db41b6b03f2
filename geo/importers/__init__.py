"""Files in: areas, grids, addresses, base map."""
