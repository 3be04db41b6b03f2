// Many moving units on one canvas: a shape for the kind, a colour for what the unit does, full or
// hollow by how old its place is. Shapes are drawn once and stamped: 5,000 of them move smoothly.

import { registerLayer } from "./layer_switch.js";

export const STATUS_COLOURS = {
  free: "#1b7f4b", en_route: "#b86b00", on_scene: "#1d4f91", busy: "#7a3e9d", off: "#6b7280",
};
const UNKNOWN = "#6b7280";
const SIZE = 26; // pixels of a stamp
const REACH = 16; // pixels around a unit that are its own for a pointer
const GLIDE_MS = 900; // from one place to the next
const TRAIL_S = 300;
const TRAILS_AT_MOST = 300; // with more units on the map only the chosen one has a trail
const LABEL_ZOOM = 15;
const still = window.matchMedia("(prefers-reduced-motion: reduce)");

/** Draw a kind's shape into a context, its middle at 0, 0. */
export function drawShape(context, kind, radius) {
  context.beginPath();
  if (kind === "car") context.roundRect(-radius, -radius * 0.8, 2 * radius, 1.6 * radius, 3);
  else if (kind === "motorcycle") polygon(context, 4, radius * 1.15, 0);
  else if (kind === "volunteer") polygon(context, 3, radius * 1.15, -Math.PI / 2);
  else if (kind === "emergency_unit") polygon(context, 6, radius * 1.05, 0);
  else context.arc(0, 0, radius * 0.95, 0, 2 * Math.PI);
}

function polygon(context, corners, radius, turn) {
  for (let corner = 0; corner < corners; corner += 1) {
    const angle = turn + (2 * Math.PI * corner) / corners;
    context.lineTo(radius * Math.cos(angle), radius * Math.sin(angle));
  }
  context.closePath();
}

/** A stamp of a unit, by kind, status and state. */
export function stampOf(kind, status, state, scale = window.devicePixelRatio || 1) {
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = SIZE * scale;
  const context = canvas.getContext("2d");
  context.scale(scale, scale);
  context.translate(SIZE / 2, SIZE / 2);
  const colour = state === "unknown" ? UNKNOWN : STATUS_COLOURS[status];
  context.lineJoin = "round";
  drawShape(context, kind, 8);
  context.strokeStyle = "#fff";
  context.lineWidth = 5;
  context.stroke();
  context.fillStyle = state === "fresh" ? colour : "#fff";
  context.fill();
  context.strokeStyle = colour;
  context.lineWidth = 2.5;
  if (state === "unknown") context.setLineDash([3, 3]);
  context.stroke();
  return canvas;
}

export class UnitLayer {
  /** `onSelect` is told the id of a unit that was pointed at, `onPlace` a place without one. */
  constructor(map, { onSelect, onPlace }) {
    this.map = map;
    this.units = new Map();
    this.selected = null;
    this.stamps = new Map();
    this.frames = 0;
    this.canvas = document.createElement("canvas");
    this.canvas.className = "unit-canvas";
    this.canvas.setAttribute("aria-hidden", "true");
    map.getContainer().append(this.canvas);
    this.trailsShown = true;
    registerLayer("units", (shown) => {
      this.canvas.hidden = !shown;
    });
    registerLayer("trails", (shown) => {
      this.trailsShown = shown;
      this.redraw();
    });
    map.on("move resize", () => this.draw());
    map.on("zoomstart", () => {
      this.isZooming = true;
      this.context()?.clearRect(0, 0, this.canvas.width, this.canvas.height);
    });
    map.on("zoomend", () => {
      this.isZooming = false;
      this.draw();
    });
    map.on("click", (event) => {
      const id = this.at(event.containerPoint);
      if (id === null) onPlace(event.latlng);
      else onSelect(id);
    });
    map.on("mousemove", (event) => {
      map.getContainer().style.cursor = this.at(event.containerPoint) === null ? "" : "pointer";
    });
  }

  context() {
    return this.canvas.getContext("2d");
  }

  /** Show a unit, or let it change: {id, kind, status, state, label, hidden}. */
  describe(id, facts) {
    const unit = this.units.get(id) ?? { id, trail: [] };
    Object.assign(unit, facts);
    this.units.set(id, unit);
    this.redraw();
  }

  remove(id) {
    this.units.delete(id);
    this.redraw();
  }

  /** Move a unit; `at_s` is when it was there. `glide` false sets it down at once. */
  move(id, lon, lat, at_s, glide = true) {
    const unit = this.units.get(id);
    if (!unit) return;
    const now = performance.now();
    const target = L.CRS.EPSG3857.project(L.latLng(lat, lon));
    unit.from = unit.target && glide && !still.matches ? this.placeOf(unit, now) : target;
    unit.target = target;
    unit.movedAt = now;
    unit.trail.push({ x: target.x, y: target.y, at_s });
    while (unit.trail.length > 1 && unit.trail[0].at_s < at_s - TRAIL_S) unit.trail.shift();
    this.redraw();
  }

  select(id) {
    this.selected = id;
    this.redraw();
  }

  latLngOf(id) {
    const target = this.units.get(id)?.target;
    return target ? L.CRS.EPSG3857.unproject(L.point(target.x, target.y)) : null;
  }

  placeOf(unit, now) {
    const share = Math.min(1, (now - unit.movedAt) / GLIDE_MS);
    return {
      x: unit.from.x + (unit.target.x - unit.from.x) * share,
      y: unit.from.y + (unit.target.y - unit.from.y) * share,
    };
  }

  /** The unit nearest to a point of the screen, if one is within reach. */
  at(point) {
    const toPixel = this.toPixel();
    const now = performance.now();
    let best = null;
    let nearest = REACH;
    for (const unit of this.units.values()) {
      if (!unit.target || unit.hidden) continue;
      const [x, y] = toPixel(this.placeOf(unit, now));
      const distance = Math.hypot(x - point.x, y - point.y);
      if (distance < nearest) {
        nearest = distance;
        best = unit.id;
      }
    }
    return best;
  }

  /** Metres of the map's projection to pixels of its frame. */
  toPixel() {
    const scale = this.map.options.crs.scale(this.map.getZoom());
    const half = Math.PI * 6378137;
    const origin = this.map.getPixelBounds().min;
    return ({ x, y }) => [
      (scale * (x + half)) / (2 * half) - origin.x,
      (scale * (half - y)) / (2 * half) - origin.y,
    ];
  }

  redraw() {
    if (this.waiting) return;
    this.waiting = true;
    requestAnimationFrame(() => {
      this.waiting = false;
      this.draw();
    });
  }

  draw() {
    if (this.isZooming) return;
    const { x: width, y: height } = this.map.getSize();
    const scale = window.devicePixelRatio || 1;
    if (this.canvas.width !== width * scale || this.canvas.height !== height * scale) {
      this.canvas.width = width * scale;
      this.canvas.height = height * scale;
    }
    const context = this.context();
    context.setTransform(scale, 0, 0, scale, 0, 0);
    context.clearRect(0, 0, width, height);
    const toPixel = this.toPixel();
    const now = performance.now();
    const shown = [...this.units.values()].filter((unit) => unit.target && !unit.hidden);
    this.drawTrails(context, toPixel, shown);
    const withLabels = shown.length < 40 || this.map.getZoom() >= LABEL_ZOOM;
    let moving = false;
    context.font = "600 11px system-ui, sans-serif";
    context.textAlign = "center";
    context.lineWidth = 3;
    context.strokeStyle = "rgb(255 255 255 / .9)";
    for (const unit of shown) {
      const place = this.placeOf(unit, now);
      moving ||= now - unit.movedAt < GLIDE_MS && unit.from !== unit.target;
      const [x, y] = toPixel(place);
      if (x < -SIZE || y < -SIZE || x > width + SIZE || y > height + SIZE) continue;
      if (unit.id === this.selected) {
        context.beginPath();
        context.arc(x, y, 17, 0, 2 * Math.PI);
        context.fillStyle = "rgb(242 182 60 / .55)";
        context.fill();
      }
      context.drawImage(this.stamp(unit), x - SIZE / 2, y - SIZE / 2, SIZE, SIZE);
      if (withLabels && unit.label) {
        context.fillStyle = "#1b2430";
        context.strokeText(unit.label, x, y + 23);
        context.fillText(unit.label, x, y + 23);
      }
    }
    this.frames += 1;
    if (moving) this.redraw();
  }

  drawTrails(context, toPixel, shown) {
    if (!this.trailsShown) return;
    const drawn = shown.length > TRAILS_AT_MOST ? shown.filter((unit) => unit.id === this.selected) : shown;
    for (const unit of drawn) {
      if (unit.trail.length < 2) continue;
      context.beginPath();
      for (const step of unit.trail) context.lineTo(...toPixel(step));
      context.strokeStyle = `${STATUS_COLOURS[unit.status]}99`;
      context.lineWidth = unit.id === this.selected ? 4 : 2;
      context.stroke();
    }
  }

  stamp({ kind, status, state }) {
    const name = `${kind} ${status} ${state}`;
    if (!this.stamps.has(name)) this.stamps.set(name, stampOf(kind, status, state));
    return this.stamps.get(name);
  }
}
