"""Pages, the Folium map and the command line: what a person sees and types."""
