"""From address text to point, grid and H3 cell: one text, many, a file, or while typing."""

from geo.geocoding.batch import GeocodeSummary, geocode_file
from geo.geocoding.geocoder import GeocodeAnswer, Geocoder
from geo.geocoding.local import LocalGeocoder, open_geocoder

__all__ = [
    "GeocodeAnswer",
    "GeocodeSummary",
    "Geocoder",
    "LocalGeocoder",
    "geocode_file",
    "open_geocoder",
]
