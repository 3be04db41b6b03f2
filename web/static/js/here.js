// "What is here": the panel of one place. Nearest address, grid, community, who is in charge, cell.

import { askJson, wasGivenUp } from "./api.js";
import { byId, make } from "./dom.js";
import { levelName } from "./search.js";
import { formatMetres, say } from "./texts.js";

const SHEET_SHARE = 0.62; // of the height that the sheet takes at most, as in panels.css
const MARGIN_PIXELS = 40;

export function startHere(map, sheet) {
  const panel = byId("here");
  const body = byId("here-body");
  const marks = L.layerGroup().addTo(map);
  const listeners = [];
  const here = { point: null, open, close, centreFor, tellUnplaced, onChanged: (listener) => listeners.push(listener) };
  let question = null;
  let focusBefore = null;

  /**
   * Ask what is at a point and show it. `chosen` is the suggestion that led here, if any;
   * `stay` leaves the map to whoever moves it already.
   */
  async function open(point, { chosen = null, takeFocus = false, stay = false } = {}) {
    question?.abort();
    question = new AbortController();
    here.point = point;
    for (const listener of listeners) listener();
    sheet.close();
    if (panel.hidden) focusBefore = document.activeElement;
    panel.hidden = false;
    markPoint(point, chosen);
    if (!stay) keepInView(point);
    body.replaceChildren(make("p", { class: "quiet" }, say("common.loading")));
    if (takeFocus) panel.focus({ preventScroll: true });
    try {
      const url = `/v1/locate?lon=${point.lon.toFixed(7)}&lat=${point.lat.toFixed(7)}`;
      const found = await askJson(url, { signal: question.signal });
      body.replaceChildren(...describe(point, found, chosen));
      if (!chosen) markNearest(point, found.nearest_address);
    } catch (error) {
      if (wasGivenUp(error)) return;
      body.replaceChildren(
        make("p", { class: "fault" }, error.message),
        make("button", { type: "button", class: "button", onclick: () => open(point, { chosen }) },
          say("common.retry")),
      );
    }
  }

  /** Say that an address is known but nobody knows where it is. */
  function tellUnplaced(chosen) {
    question?.abort();
    marks.clearLayers();
    here.point = null;
    for (const listener of listeners) listener();
    if (panel.hidden) focusBefore = document.activeElement;
    panel.hidden = false;
    body.replaceChildren(
      make("p", { class: "here-address" }, chosen.canonical_text),
      make("p", { class: "quiet" }, levelName(chosen.level)),
      make("p", { class: "note" }, say("map.unplaced")),
      ...placeLink(chosen.standard_address_id),
    );
  }

  /** What the panel covers of the map: of its right side, or of its foot as a sheet [pixels]. */
  function covered() {
    const area = map.getContainer().getBoundingClientRect();
    const cover = panel.getBoundingClientRect();
    const isSheet = cover.width > area.width * 0.9;
    // how high a sheet grows is known only when it is filled
    return isSheet ? L.point(0, area.height * SHEET_SHARE) : L.point(area.right - cover.left, 0);
  }

  /** Return the centre of a map that shows a point in the middle of what isn't covered. */
  function centreFor(point, zoom) {
    const spot = map.project([point.lat, point.lon], zoom);
    return map.unproject(spot.add(covered().divideBy(2)), zoom);
  }

  function keepInView(point) {
    const spot = map.latLngToContainerPoint([point.lat, point.lon]);
    const end = map.getSize().subtract(covered()).subtract([MARGIN_PIXELS, MARGIN_PIXELS]);
    if (spot.x > end.x || spot.y > end.y) map.panTo(centreFor(point, map.getZoom()));
  }

  function close() {
    question?.abort();
    if (panel.hidden) return;
    const hadFocus = panel.contains(document.activeElement);
    panel.hidden = true;
    marks.clearLayers();
    here.point = null;
    for (const listener of listeners) listener();
    if (hadFocus) (focusBefore?.isConnected ? focusBefore : map.getContainer()).focus();
  }

  function markPoint(point, chosen) {
    marks.clearLayers();
    const pin = L.divIcon({
      className: chosen ? "pin pin-address" : "pin pin-click",
      html: make("span"), iconSize: [28, 28], iconAnchor: chosen ? [14, 28] : [14, 14],
    });
    L.marker([point.lat, point.lon], { icon: pin, interactive: false, keyboard: false }).addTo(marks);
  }

  function markNearest(point, nearest) {
    if (!nearest || nearest.distance_m < 2) return;
    const ends = [[point.lat, point.lon], [nearest.lat, nearest.lon]];
    const line = { color: "#b3261e", weight: 1.6, dashArray: "4 4", interactive: false };
    L.polyline(ends, line).addTo(marks);
    L.circleMarker(ends[1], {
      radius: 5, color: "#ffffff", weight: 2, fillColor: "#b3261e", fillOpacity: 1, interactive: false,
    }).addTo(marks);
  }

  byId("here-close").addEventListener("click", close);
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && !panel.hidden && !event.defaultPrevented) close();
  });
  return here;
}

function describe(point, found, chosen) {
  const nearest = found.nearest_address;
  const parts = [];
  if (chosen) {
    parts.push(make("p", { class: "here-address" }, chosen.canonical_text));
    parts.push(make("p", { class: "quiet" }, levelName(chosen.level)));
    parts.push(...placeLink(chosen.standard_address_id));
  } else if (nearest) {
    parts.push(make("p", { class: "here-address" }, nearest.canonical_text));
    parts.push(make("p", { class: "quiet" },
      say("map.nearest_away", { distance: formatMetres(nearest.distance_m) })));
    parts.push(...placeLink(nearest.address_id));
  } else {
    parts.push(make("p", { class: "here-address here-none" }, say("map.no_address_near")));
  }
  const grid = found.grid;
  const areas = found.areas.map((area) => area.name).reverse().join(" ");
  const facts = [
    [say("map.fact_grid"), grid ? [grid.name, make("span", { class: "code" }, grid.grid_code),
      grid.kind === "dedicated" ? make("span", { class: "quiet" }, say("map.grid_dedicated")) : null] : null],
    [say("map.fact_areas"), areas ? [areas] : null],
    [say("map.fact_in_charge"), grid?.person_in_charge ? [grid.person_in_charge] : null],
    [say("map.fact_contact"), grid?.contact ? [contactLink(grid.contact)] : null],
    [say("map.fact_h3_cell"), [
      make("span", { class: "code" }, found.h3_cell),
      make("span", { class: "quiet" }, say("map.resolution", { resolution: found.resolution })),
    ]],
    [say("map.fact_place"), [
      make("span", { class: "code" }, `${point.lon.toFixed(6)}, ${point.lat.toFixed(6)}`),
      make("span", { class: "quiet" }, "WGS 84"),
    ]],
  ];
  parts.push(make("dl", { class: "facts" }, ...facts.map(([name, values]) =>
    make("div", {}, make("dt", {}, name),
      values ? make("dd", {}, ...values) : make("dd", { class: "quiet" }, say("map.unknown"))))));
  if (!grid) parts.push(make("p", { class: "note" }, say("map.outside_grids")));
  return parts;
}

/** The way to what is recorded at an address; a group of addresses has no number and no such page. */
function placeLink(addressId) {
  if (addressId === null || addressId === undefined) return [];
  return [make("a", { class: "button", href: `/place/${addressId}` }, say("map.open_place"))];
}

function contactLink(contact) {
  const isPhone = /^[+\d][\d\s\-()]{5,}$/.test(contact);
  return isPhone ? make("a", { href: `tel:${contact.replace(/[^+\d]/g, "")}` }, contact) : contact;
}
