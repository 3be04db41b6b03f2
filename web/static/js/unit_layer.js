// Many moving units on one canvas: a shape for the kind, a colour for what the unit does, full or
// hollow by how old its place is. Shapes are drawn once and stamped: 5,000 of them move smoothly.

import { registerLayer } from "./layer_switch.js";
import { PixelBoard, pixelsOf } from "./pixel_stamps.js";

export const STATUS_COLOURS = {
  free: "#1b7f4b", en_route: "#b86b00", on_scene: "#1d4f91", busy: "#7a3e9d", off: "#6b7280",
};
const UNKNOWN = "#6b7280";
const SIZE = 26; // pixels of a stamp
// With so many units in view a stamp is smaller: [units, pixels], and they don't hide one another.
const SMALLER = [[2000, 14], [600, 18], [200, 22]];
const REACH = 16; // pixels around a unit that are its own for a pointer
const GLIDE_MS = 900; // from one place to the next
const TRAIL_S = 300;
const TRAILS_AT_MOST = 300; // with more units on the map only the chosen one has a trail
const LABEL_ZOOM = 15;
const LABELS_AT_MOST = 150; // in view; more could not be read
const HALO_SIZE = 36;
const CHOSEN = "#f2b63cb0";
const ALARM = "#b3261e";
const HALF_M = Math.PI * 6378137; // half the side of the projected world
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

/** A stamp of a unit, by kind, status and state; `size` in pixels of the page; on a disc of the
 * colour `halo`, if one is given, and larger then. */
export function stampOf(kind, status, state, size = SIZE, halo = null) {
  const scale = ((window.devicePixelRatio || 1) * size) / SIZE;
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = Math.ceil((halo ? HALO_SIZE : SIZE) * scale);
  const context = canvas.getContext("2d");
  context.translate(canvas.width / 2, canvas.height / 2);
  context.scale(scale, scale);
  if (halo) {
    context.beginPath();
    context.arc(0, 0, HALO_SIZE / 2 - 1, 0, 2 * Math.PI);
    context.fillStyle = halo;
    context.fill();
  }
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
    this.board = new PixelBoard();
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

  /** Show a unit, or let it change: {kind, status, state, label, hidden, alarm}. */
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
    const origin = this.map.getPixelBounds().min;
    return ({ x, y }) => [
      (scale * (x + HALF_M)) / (2 * HALF_M) - origin.x,
      (scale * (HALF_M - y)) / (2 * HALF_M) - origin.y,
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
    if (width === 0 || height === 0) return;
    const scale = window.devicePixelRatio || 1;
    const pixels = [Math.round(width * scale), Math.round(height * scale)];
    if (this.canvas.width !== pixels[0] || this.canvas.height !== pixels[1]) {
      [this.canvas.width, this.canvas.height] = pixels;
    }
    const { inView, count, isMoving } = this.look(width, height);
    const size = SMALLER.find(([units]) => inView.length > units)?.[1] ?? SIZE;
    this.board.wipe(this.canvas);
    for (const { unit, x, y } of inView) {
      const stamp = this.stamp(unit, size);
      const half = stamp.width / 2;
      this.board.lay(stamp, Math.round(x * scale - half), Math.round(y * scale - half));
    }
    const context = this.context();
    this.board.show(context);
    context.setTransform(scale, 0, 0, scale, 0, 0);
    context.globalCompositeOperation = "destination-over"; // under the units
    this.drawTrails(context, count);
    context.globalCompositeOperation = "source-over";
    if (count < 40 || (this.map.getZoom() >= LABEL_ZOOM && inView.length <= LABELS_AT_MOST)) {
      drawLabels(context, inView);
    }
    if (isMoving) this.redraw();
  }

  /** The units in the frame with their pixels, the chosen and those with an alarm on top; how many
   * are shown at all; whether one is still on its way. */
  look(width, height) {
    const map = this.map.options.crs.scale(this.map.getZoom()) / (2 * HALF_M);
    const { x: left, y: top } = this.map.getPixelBounds().min;
    const now = performance.now();
    const inView = [];
    const onTop = [];
    let count = 0;
    let isMoving = false;
    for (const unit of this.units.values()) {
      const { from, target } = unit;
      if (!target || unit.hidden) continue;
      count += 1;
      const share = Math.min(1, (now - unit.movedAt) / GLIDE_MS);
      if (share < 1 && from !== target) isMoving = true;
      const x = map * (from.x + (target.x - from.x) * share + HALF_M) - left;
      const y = map * (HALF_M - from.y - (target.y - from.y) * share) - top;
      if (x < -SIZE || y < -SIZE || x > width + SIZE || y > height + SIZE) continue;
      (unit.alarm || unit.id === this.selected ? onTop : inView).push({ unit, x, y });
    }
    inView.push(...onTop);
    return { inView, count, isMoving };
  }

  drawTrails(context, count) {
    if (!this.trailsShown) return;
    const toPixel = this.toPixel();
    const chosen = this.units.get(this.selected);
    const drawn = count > TRAILS_AT_MOST ? (chosen ? [chosen] : []) : this.units.values();
    for (const unit of drawn) {
      if (!unit.target || unit.hidden || unit.trail.length < 2) continue;
      context.beginPath();
      for (const step of unit.trail) context.lineTo(...toPixel(step));
      context.strokeStyle = `${STATUS_COLOURS[unit.status]}99`;
      context.lineWidth = unit.id === this.selected ? 4 : 2;
      context.stroke();
    }
  }

  stamp(unit, size) {
    const halo = unit.id === this.selected ? CHOSEN : unit.alarm ? ALARM : null;
    const look = `${unit.kind} ${unit.status} ${unit.state} ${size} ${halo}`;
    if (unit.look !== look) {
      unit.look = look;
      if (!this.stamps.has(look)) {
        this.stamps.set(look, pixelsOf(stampOf(unit.kind, unit.status, unit.state, size, halo)));
      }
      unit.stamp = this.stamps.get(look);
    }
    return unit.stamp;
  }
}

function drawLabels(context, inView) {
  context.font = "600 11px system-ui, sans-serif";
  context.textAlign = "center";
  context.lineWidth = 3;
  context.strokeStyle = "rgb(255 255 255 / .9)";
  context.fillStyle = "#1b2430";
  for (const { unit, x, y } of inView) {
    if (!unit.label) continue;
    context.strokeText(unit.label, x, y + 23);
    context.fillText(unit.label, x, y + 23);
  }
}
