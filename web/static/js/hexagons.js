// Facts about H3 cells that the map needs without an H3 library.

/** Mean area by resolution, 0 to 15 [m²]. Source: h3geo.org, "Tables of cell statistics". */
export const MEAN_AREA_M2 = [
  4.357e12, 6.098e11, 8.68e10, 1.239e10, 1.77e9, 2.529e8, 3.613e7, 5161293, 737328, 105333, 15048,
  2150, 307.1, 43.87, 6.267, 0.895,
];

/** Return the middle of a cell's ring as Leaflet's [latitude, longitude]. */
export function centreOf(cell) {
  const ring = cell.geometry.coordinates[0].slice(0, -1);
  const sum = ring.reduce(([a, b], [lon, lat]) => [a + lat, b + lon], [0, 0]);
  return sum.map((total) => total / ring.length);
}
