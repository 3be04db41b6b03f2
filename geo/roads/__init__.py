"""The road network: who may drive where, how fast, where a place meets the road, and the searches.

`geo.importers.roads.read_roads` reads a file into `RoadLines`, `build_road_network` joins them into
a `RoadNetwork`, `RoadNetwork.travel_graph` is one mode at one time, and `layers.travel.times`
answers with it. `geo.roads.store` keeps networks in the store, in versions by day, and what is
closed; `layers.travel.stored` answers from there.
"""
