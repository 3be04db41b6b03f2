// How the base map is drawn: a quiet ground on which names, grids and figures can be read.
// Roads are painted in two passes, all edges before all surfaces, so that crossings stay open.

const FONT = '"PingFang SC", "Microsoft YaHei", "Noto Sans CJK SC", "Source Han Sans SC", sans-serif';

const COLOUR = {
  water: "#c3d9ea",
  waterName: "#3f7195",
  green: "#dde8d0",
  greenName: "#4f7444",
  building: "#e4ddd2",
  buildingEdge: "#cdc4b6",
  buildingName: "#6a6258",
  name: "#33383f",
  placeName: "#1d2a3a",
  halo: "#fbfaf7",
  grid: "#6a2c91",
};

// Narrow to wide: later tiers are painted over earlier ones. Widths are [zoom, pixels].
const ROAD_TIERS = [
  {
    classes: ["service", "pedestrian", "living_street", "lane", "track", "road", "busway"],
    from: 15, fill: "#ffffff", edge: "#d9d3c8",
    width: [[15, 1], [16, 2.2], [17, 4], [18, 7], [20, 18]],
  },
  {
    classes: ["residential", "unclassified"],
    from: 13, fill: "#ffffff", edge: "#d2cbbf",
    width: [[13, 0.8], [15, 2.4], [16, 4.2], [17, 7], [18, 11], [20, 28]],
  },
  {
    classes: ["tertiary", "tertiary_link"],
    from: 12, fill: "#ffffff", edge: "#c6bdae",
    width: [[12, 0.8], [14, 2.6], [16, 6.5], [17, 9.5], [18, 14], [20, 34]],
  },
  {
    classes: ["secondary", "secondary_link"],
    from: 10, fill: "#fff8df", edge: "#d3c08d",
    width: [[10, 0.7], [13, 2.2], [14, 3.6], [16, 8], [17, 11.5], [18, 17], [20, 40]],
  },
  {
    classes: ["primary", "primary_link"],
    from: 8, fill: "#fdeebb", edge: "#cfb26a",
    width: [[8, 0.6], [12, 2], [14, 4.6], [16, 9.5], [17, 13.5], [18, 20], [20, 46]],
  },
  {
    classes: ["motorway", "motorway_link", "trunk", "trunk_link"],
    from: 6, fill: "#fbdc9c", edge: "#c99a45",
    width: [[6, 0.6], [10, 1.6], [12, 2.8], [14, 5.4], [16, 10.5], [18, 23], [20, 52]],
  },
];
const FOOT_CLASSES = ["footway", "path", "steps", "cycleway", "bridleway", "corridor"];
const RAIL_CLASSES = ["rail", "subway", "light_rail", "tram"];

const LAND_FILLS = {
  commercial: "#f2e4df", retail: "#f2e4df", mall: "#f2e4df", marketplace: "#f2e4df",
  industrial: "#e9e5ec", works: "#e9e5ec", railway: "#e9e5ec",
  education: "#f3ead2", school: "#f3ead2", university: "#f3ead2", kindergarten: "#f3ead2",
  civic: "#efe7da", hospital: "#f4e3e3", residential: "#f0ece3", farmland: "#eef0dc",
};

function landFill(landClass) {
  return LAND_FILLS[landClass] ?? COLOUR.green;
}

const isGreen = (landClass) => !(landClass in LAND_FILLS);

const ofClass = (classes) => (_zoom, feature) => classes.includes(feature.props.class);

/** Return the rules that paint the ground, roads and buildings, without any name. */
export function paintRules(P) {
  const exp = (stops) => P.exp(1.5, stops);
  const rules = [
    {
      dataSource: "basemap", dataLayer: "land",
      symbolizer: new P.PolygonSymbolizer({ fill: (_zoom, feature) => landFill(feature.props.class) }),
    },
    {
      dataSource: "basemap", dataLayer: "water",
      filter: (_zoom, feature) => feature.geomType === 3,
      symbolizer: new P.PolygonSymbolizer({ fill: COLOUR.water }),
    },
    {
      dataSource: "basemap", dataLayer: "water",
      filter: (_zoom, feature) => feature.geomType === 2,
      symbolizer: new P.LineSymbolizer({
        color: COLOUR.water, width: exp([[10, 0.8], [14, 2], [18, 8]]),
        lineCap: "round", lineJoin: "round",
      }),
    },
    {
      dataSource: "basemap", dataLayer: "buildings", minzoom: 15,
      symbolizer: new P.PolygonSymbolizer({
        fill: COLOUR.building, stroke: COLOUR.buildingEdge,
        width: (zoom) => (zoom >= 16 ? 0.7 : 0.3),
      }),
    },
    {
      dataSource: "basemap", dataLayer: "roads", minzoom: 16, filter: ofClass(FOOT_CLASSES),
      symbolizer: new P.LineSymbolizer({
        color: "#b9ad9c", width: exp([[16, 0.8], [18, 1.6]]), dash: [3, 2.5],
      }),
    },
  ];
  for (const tier of ROAD_TIERS) {
    const edgeWidth = (zoom) => exp(tier.width)(zoom) + (zoom >= 16 ? 1.8 : 1.2);
    rules.push({
      dataSource: "basemap", dataLayer: "roads", minzoom: tier.from, filter: ofClass(tier.classes),
      symbolizer: new P.LineSymbolizer({
        color: tier.edge, width: edgeWidth, lineCap: "round", lineJoin: "round",
      }),
    });
  }
  for (const tier of ROAD_TIERS) {
    rules.push({
      dataSource: "basemap", dataLayer: "roads", minzoom: tier.from, filter: ofClass(tier.classes),
      symbolizer: new P.LineSymbolizer({
        color: tier.fill, width: exp(tier.width), lineCap: "round", lineJoin: "round",
      }),
    });
  }
  rules.push({
    dataSource: "basemap", dataLayer: "roads", minzoom: 12, filter: ofClass(RAIL_CLASSES),
    symbolizer: new P.LineSymbolizer({
      color: "#9a958d", width: exp([[12, 0.8], [18, 2.4]]), dash: [6, 4],
    }),
  });
  return rules;
}

/** Return the rules that paint the outlines of grids, on a white edge to stand on any colour. */
export function gridPaintRules(P) {
  const line = (options) => ({
    dataSource: "grids", dataLayer: "grids",
    symbolizer: new P.LineSymbolizer({ lineJoin: "round", ...options }),
  });
  const width = P.exp(1.5, [[10, 0.7], [14, 1.4], [18, 2.6]]);
  return [
    line({ color: "#ffffff", opacity: 0.7, width: (zoom) => width(zoom) + 1.6 }),
    line({ color: COLOUR.grid, opacity: 0.95, width }),
  ];
}

/** A name in the middle of an area, once, where the area is wide enough on the screen. */
class AreaName {
  constructor(inner, leastPixels, apartPixels) {
    Object.assign(this, { inner, leastPixels, apartPixels });
  }

  place(layout, geom, feature) {
    let [west, north, east, south] = [Infinity, Infinity, -Infinity, -Infinity];
    for (const point of geom.flat()) {
      west = Math.min(west, point.x);
      east = Math.max(east, point.x);
      north = Math.min(north, point.y);
      south = Math.max(south, point.y);
    }
    if (Math.max(east - west, south - north) < this.leastPixels) return undefined;
    const centre = geom[0][0].clone();
    centre.x = (west + east) / 2;
    centre.y = (north + south) / 2;
    const labels = this.inner.place(layout, [[centre]], feature);
    for (const label of labels ?? []) {
      label.deduplicationKey = feature.props.grid_code ?? feature.props.name ?? feature.props.number;
      label.deduplicationDistance = this.apartPixels;
    }
    return labels;
  }
}

/** Return the rules that write names, the most wanted first: it keeps its place in a crowd. */
export function labelRules(P) {
  const text = (size, options) =>
    new P.CenteredTextSymbolizer({
      fontFamily: FONT, fontSize: size, fontWeight: 400,
      stroke: COLOUR.halo, width: 3, maxLineChars: 10, lineHeight: 1.3, ...options,
    });
  const street = (size, options) =>
    new P.LineLabelSymbolizer({
      fontFamily: FONT, fontSize: size, fontWeight: 400, fill: COLOUR.name,
      stroke: COLOUR.halo, width: 3, position: P.LineLabelPlacement.Center,
      repeatDistance: 420, ...options,
    });
  const streets = (tiers, from, size, options) => ({
    dataSource: "basemap", dataLayer: "roads", minzoom: from,
    filter: (_zoom, feature) =>
      tiers.some((tier) => ROAD_TIERS[tier].classes.includes(feature.props.class)),
    symbolizer: street(size, options),
  });
  const grid = (dataLayer, symbolizer) => ({
    id: "grid", dataSource: "grids", dataLayer, minzoom: 14, symbolizer,
  });
  const gridText = text((zoom) => (zoom >= 16 ? 14 : 12), {
    fill: COLOUR.grid, fontWeight: 600, width: 4,
  });
  return [
    {
      dataSource: "basemap", dataLayer: "places", maxzoom: 13,
      filter: (_zoom, feature) => SETTLEMENTS.includes(feature.props.class),
      symbolizer: text(13, { fill: COLOUR.placeName, fontWeight: 600 }),
    },
    grid("grid_labels", gridText),
    streets([4, 5], 13, 12, { fontWeight: 500 }),
    streets([3], 14, 12),
    streets([2], 15, 11.5),
    {
      dataSource: "basemap", dataLayer: "water", minzoom: 13,
      filter: (_zoom, feature) => feature.geomType === 3,
      symbolizer: new AreaName(text(12, { fill: COLOUR.waterName, fontStyle: "italic" }), 60, 500),
    },
    {
      dataSource: "basemap", dataLayer: "water", minzoom: 13,
      filter: (_zoom, feature) => feature.geomType === 2,
      symbolizer: street(12, { fill: COLOUR.waterName }),
    },
    streets([0, 1], 16, 11),
    {
      dataSource: "basemap", dataLayer: "places", minzoom: 14,
      filter: (zoom, feature) => zoom >= placeFrom(feature.props.class),
      symbolizer: new AreaName(text(11.5, { fill: COLOUR.placeName }), 0, 250),
    },
    {
      dataSource: "basemap", dataLayer: "land", minzoom: 16,
      filter: (_zoom, feature) => feature.geomType === 3,
      symbolizer: new AreaName(
        text(11.5, {
          fill: (_zoom, feature) =>
            isGreen(feature.props.class) ? COLOUR.greenName : COLOUR.buildingName,
        }), 60, 500,
      ),
    },
    {
      dataSource: "basemap", dataLayer: "buildings", minzoom: 17,
      symbolizer: new AreaName(
        text(11, { fill: COLOUR.buildingName, labelProps: ["name", "number"], width: 2.5 }), 26, 120,
      ),
    },
    {
      dataSource: "basemap", dataLayer: "places", minzoom: 18,
      filter: (_zoom, feature) => feature.props.class === "house_number",
      symbolizer: text(10.5, { fill: COLOUR.buildingName, labelProps: ["number", "name"], width: 2.5 }),
    },
  ];
}

const SETTLEMENTS = [
  "city", "town", "district", "suburb", "quarter", "village", "neighbourhood", "hamlet", "community",
];
const LANDMARKS = [
  "estate", "school", "university", "hospital", "police", "fire_station", "park", "square",
  "townhall", "mall", "station", "kindergarten", "community_centre", "marketplace", "works",
];

/** The zoom from which a place of this class is named: towns, then landmarks, then shops. */
function placeFrom(placeClass) {
  if (placeClass === "house_number") return Infinity; // has a rule of its own
  if (SETTLEMENTS.includes(placeClass)) return 14;
  return LANDMARKS.includes(placeClass) ? 16 : 18;
}
