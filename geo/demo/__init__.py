"""The demo city: a Chinese district that is generated from a seed. It is no real place.

    from geo.demo import generate_city
    city = generate_city(seed=20260101)
    city.grids, city.addresses, ...          # frames, EPSG:4326

Everything here is pure except `geo.demo.load`, which puts a city into a store, and
`geo.demo.files`, which writes one to disk.
"""

from geo.demo.city import DEFAULT_SEED, NOTICE, DemoCity, digest_city, generate_city

__all__ = ["DEFAULT_SEED", "NOTICE", "DemoCity", "digest_city", "generate_city"]
