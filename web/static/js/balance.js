// Drawing grids: a suggestion as it gets better, beside the grids that are; blocks moved, grids
// locked, solved again; proposed, and accepted by who may.

import { askJson } from "./api.js";
import { byId, make } from "./dom.js";
import { registerLayer } from "./layer_switch.js";
import { clearFault, reportFault } from "./notices.js";
import { formatNumber, formatSquareMetres, say } from "./texts.js";
import { dateAndClock } from "./times.js";
import { addLinkPart, linkChanged } from "./view_link.js";

export { startPageMap } from "./page_map.js";
export { addVectorTiles } from "./tiles.js";

// Okabe and Ito's, told apart by colour-blind readers; neighbours are parted by a heavy line too.
const COLOURS = ["#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#b5a642", "#7f7f7f"];
const POLL_MS = 800;
const percent = new Intl.NumberFormat(document.documentElement.lang, { style: "percent", maximumFractionDigits: 1 });
const signed = new Intl.NumberFormat(document.documentElement.lang, { style: "percent", maximumFractionDigits: 1, signDisplay: "exceptZero" });
const two = new Intl.NumberFormat(document.documentElement.lang, { maximumFractionDigits: 2 });
const colourOf = (number) => COLOURS[number % COLOURS.length];
const whole = (value) => formatNumber(Math.round(value));

export function addBalance(map, options) {
  const ground = L.layerGroup().addTo(map);
  let draft = null; // as the API sends it
  let shapes = []; // its blocks, grids, and the grids of now
  let side = "after";
  let chosen = null; // number of a block
  let wanted = null; // of the link
  let sending = Promise.resolve();
  let watch = 0; // counts, so that an older poll ends

  addLinkPart("draft", {
    write: () => (draft ? String(draft.draft_id) : null),
    read: (text) => { wanted = /^\d+$/.test(text ?? "") ? text : null; },
  });

  const post = (path, body) => askJson(`${options.url}${path}`, {
    method: "POST", timeLimit_ms: 120000, body: JSON.stringify(body), headers: { "Content-Type": "application/json" },
  });

  async function guarded(action) {
    try {
      await action();
      clearFault("balance");
    } catch (error) {
      byId("balance-state").textContent = error.message;
      reportFault("balance", say("balance.error", { reason: error.message }), () => guarded(action));
      byId("balance-suggest").disabled = false;
    }
  }

  async function suggest() {
    byId("balance-suggest").disabled = true;
    byId("balance-state").textContent = say("balance.begun");
    tellState("loading");
    draft = await post("", {
      area_code: byId("balance-area").value, weight: byId("balance-weight").value,
      grid_count: Number(byId("balance-count").value), tolerance: Number(byId("balance-tolerance").value) / 100,
      stay: Number(byId("balance-stay").value),
    });
    side = "after";
    await loadDrafts();
    await follow(true);
  }

  /** Show a draft, and go on asking while it is being solved. */
  async function follow(isNew) {
    const own = ++watch;
    tellState("loading");
    let version = null;
    for (;;) {
      if (draft.version !== version) {
        version = draft.version;
        shapes = (await askJson(`${options.url}/${draft.draft_id}/map`, { timeLimit_ms: 60000 })).features;
        if (own !== watch) return;
        show();
        if (isNew) zoom();
        isNew = false;
      }
      showProgress();
      if (!draft.solving.is_running) break;
      await new Promise((resolve) => { setTimeout(resolve, POLL_MS); });
      const told = await askJson(`${options.url}/${draft.draft_id}`);
      if (own !== watch) return;
      draft = told;
    }
    linkChanged();
    tellState("loaded");
  }

  /** Changes go one after the other, each on the version that the one before it made. */
  async function change(path, body) {
    const turn = sending.then(async () => {
      // Who changes a draft that is being solved takes the best so far.
      if (draft.solving.is_running) draft = await post(`/${draft.draft_id}/stop`, {});
      draft = await post(`/${draft.draft_id}${path}`, { version: draft.version, ...body });
    });
    sending = turn.catch(() => {});
    await turn;
    await follow(false);
  }

  async function open(draftId) {
    draft = await askJson(`${options.url}/${draftId}`);
    chosen = null;
    await follow(true);
  }

  async function loadDrafts() {
    const { drafts } = await askJson(options.url);
    byId("draft-line").hidden = drafts.length === 0;
    byId("balance-drafts").replaceChildren(
      make("option", { value: "" }, say("balance.drafts_none")),
      ...drafts.map((each) => make("option", { value: each.draft_id, selected: each.draft_id === draft?.draft_id },
        say("balance.draft_name", {
          number: each.draft_id, area: each.area_name, status: say(`balance.status_${each.status}`),
          time: dateAndClock(each.created_at),
        }))));
  }

  function showProgress() {
    const { solving } = draft;
    byId("balance-progress").hidden = !solving.is_running;
    byId("balance-progress").max = solving.stage_count;
    byId("balance-progress").value = solving.stage;
    byId("balance-suggest").disabled = solving.is_running;
    byId("balance-stop").disabled = !solving.is_running;
    byId("balance-state").textContent = solving.message
      ?? (solving.is_running ? say("balance.running", { stage: solving.stage, count: solving.stage_count }) : say("balance.done"));
  }

  function show() {
    const isDraft = draft.status === "draft";
    byId("draft-block").hidden = false;
    byId("edit-block").hidden = !draft.after || !isDraft;
    byId("decide-block").hidden = !draft.after;
    byId("draft-title").textContent = say("balance.draft_title", { area: draft.area_name, count: formatNumber(draft.grid_count) });
    for (const each of ["before", "after"]) byId(`side-${each}`).setAttribute("aria-pressed", String(each === side));
    byId("side-before").disabled = !draft.before;
    showFacts();
    showTable();
    showMap();
    if (draft.after && isDraft) showEdit();
    showDecision();
  }

  const amount = (value) => (draft.balanced === "area_m2" ? formatSquareMetres(value) : whole(value));

  function showFacts() {
    const { before, after } = draft;
    const pair = (read) => [before && read(before), after && read(after)].map((value) => value ?? "—").join(" → ");
    const facts = [
      [say("balance.fact_most"), pair((table) => percent.format(table.most))],
      [say("balance.fact_cv"), pair((table) => percent.format(table.cv))],
      [say("balance.fact_mean"), pair((table) => amount(table.mean))],
      [say("balance.fact_roads"), pair((table) => percent.format(table.road_share))],
      [say("balance.fact_big"), pair((table) => percent.format(table.big_share))],
      [say("balance.fact_border"), pair((table) => say("balance.km", { value: two.format(table.border_m / 1000) }))],
    ];
    if (draft.households_moved !== null) {
      facts.push([say("balance.fact_moved"), say("balance.moved", {
        households: whole(draft.households_moved), addresses: whole(draft.addresses_moved),
      })]);
    }
    byId("draft-facts").replaceChildren(...facts.map(([term, value]) =>
      make("div", {}, make("dt", {}, term), make("dd", {}, value))));
    byId("sheet-summary").textContent = facts[0][1];
    const notes = [];
    if (draft.is_balanced === false) notes.push(say("balance.note_unbalanced", { tolerance: percent.format(draft.tolerance), bound: percent.format(draft.bound) }));
    if (draft.balanced === "area_m2") notes.push(say("balance.note_area"));
    if (draft.household_source === "grids") notes.push(say("balance.note_stated"));
    if (draft.is_by_cells) notes.push(say("balance.note_cells"));
    else if (!draft.has_roads) notes.push(say("balance.note_roads"));
    if (draft.parted_count) notes.push(say("balance.note_parted", { count: formatNumber(draft.parted_count) }));
    if (draft.part_count > 1) notes.push(say("balance.note_parts", { count: formatNumber(draft.part_count) }));
    byId("draft-notes").textContent = notes.join(" ");
  }

  function showTable() {
    const table = draft[side];
    const isAfter = side === "after" && draft.status === "draft";
    const heads = ["grid", "households", "deviation", ...(isAfter ? ["lock"] : []), "addresses", "key_places", "workload", "area", "compactness"];
    byId("draft-head").replaceChildren(...heads.map((name) =>
      make("th", { scope: "col", class: name === "grid" ? null : "number" }, say(`balance.col_${name}`))));
    byId("draft-rows").replaceChildren(...(table?.grids ?? []).map((row, k) => {
      const swatch = make("span", { class: "swatch" });
      swatch.style.background = colourOf(row.grid ?? k);
      const isOver = Math.abs(row.deviation) > draft.tolerance + 1e-9;
      const lock = make("input", {
        type: "checkbox", checked: row.is_locked, "aria-label": say("balance.lock_grid", { name: row.name }),
        onchange: () => guarded(() => change("/edits", { locked: lockedAfter(row) })),
      });
      return make("tr", {},
        make("th", { scope: "row", title: row.grid_code }, swatch, row.name),
        number(whole(row.households)),
        make("td", { class: `number ${isOver ? "is-over" : ""}` }, signed.format(row.deviation)),
        isAfter ? make("td", { class: "number" }, lock) : null,
        number(whole(row.addresses)), number(whole(row.key_places)), number(whole(row.workload)),
        number(formatSquareMetres(row.area_m2)), number(two.format(row.compactness)));
    }));
  }

  function lockedAfter(row) {
    return draft.after.grids.filter((each) => each.is_locked !== (each.grid === row.grid)).map((each) => each.grid);
  }

  function number(text) {
    return make("td", { class: "number" }, text);
  }

  const of = (kind) => shapes.filter((each) => each.properties.kind === kind);

  function showMap() {
    ground.clearLayers();
    const isAfter = side === "after" && draft.after !== null;
    if (isAfter) {
      L.geoJSON({ type: "FeatureCollection", features: of("block") }, {
        style: ({ properties }) => blockStyle(properties),
      }).on("click", ({ layer }) => choose(layer.feature.properties.block))
        .bindTooltip((layer) => make("span", {}, blockName(layer.feature.properties)), { sticky: true, opacity: 1 })
        .addTo(ground);
    }
    of(isAfter ? "grid" : "now").forEach((each, k) => {
      L.geoJSON(each, {
        interactive: false,
        style: { color: "#14181f", weight: 2.5, fillColor: colourOf(k), fillOpacity: isAfter ? 0 : 0.45 },
      }).addTo(ground);
      label(each);
    });
    if (isAfter) {
      L.geoJSON({ type: "FeatureCollection", features: of("now") }, {
        interactive: false, style: { color: "#b3001b", weight: 2, dashArray: "6 6", fill: false },
      }).addTo(ground);
    }
  }

  function label(shape) {
    const middle = L.geoJSON(shape).getBounds().getCenter();
    L.marker(middle, {
      interactive: false, keyboard: false,
      icon: L.divIcon({ className: "", iconSize: [120, 16], html: make("div", { class: "grid-name" }, shape.properties.name) }),
    }).addTo(ground);
  }

  function blockStyle(properties) {
    const isChosen = properties.block === chosen;
    return {
      color: isChosen ? "#14181f" : "#ffffff", weight: isChosen ? 4 : 1,
      fillColor: properties.grid === null ? "#c9ced6" : colourOf(properties.grid), fillOpacity: isChosen ? 0.75 : 0.5,
    };
  }

  function blockName(properties) {
    return say("balance.block_name", { number: properties.block + 1, weight: amount(properties.weight), grid: nameOf(properties.grid) });
  }

  const nameOf = (grid) => draft.after?.grids.find((each) => each.grid === grid)?.name ?? "—";

  function choose(block) {
    chosen = block;
    showMap();
    showEdit();
    if (!byId("edit-block").hidden) byId("edit-block").scrollIntoView({ block: "nearest" });
  }

  function showEdit() {
    const blocks = of("block").map((each) => each.properties);
    if (!blocks.some((each) => each.block === chosen)) chosen = blocks[0]?.block ?? null;
    byId("edit-chosen").replaceChildren(...blocks.map((each) =>
      make("option", { value: each.block, selected: each.block === chosen }, blockName(each))));
    const own = blocks.find((each) => each.block === chosen)?.grid;
    byId("edit-grid").replaceChildren(...draft.after.grids.filter((each) => each.grid !== own)
      .map((each) => make("option", { value: each.grid }, each.name)));
  }

  function showDecision() {
    byId("decide-state").textContent = say(`balance.is_${draft.status}`);
    byId("draft-file").href = `${options.url}/${draft.draft_id}/file`;
    byId("draft-propose").hidden = draft.status !== "draft";
    byId("draft-back").hidden = draft.status !== "proposed";
    byId("draft-end").hidden = !["draft", "proposed"].includes(draft.status);
    if (options.mayAccept) byId("accept-form").hidden = draft.status !== "proposed" || draft.area_level !== "community";
  }

  function zoom() {
    const bounds = L.geoJSON({ type: "FeatureCollection", features: of("block") }).getBounds();
    // On a phone the sheet hides the lower half.
    const below = window.matchMedia("(max-width: 760px)").matches ? map.getSize().y / 2 : 20;
    if (bounds.isValid()) {
      map.fitBounds(bounds, { paddingTopLeft: [20, 20], paddingBottomRight: [20, below], animate: false });
    }
  }

  async function decide(status) {
    await change("/decision", { status });
    await loadDrafts();
  }

  async function accept() {
    const told = await post(`/${draft.draft_id}/accept`, {
      version: draft.version, valid_from: byId("accept-from").value, accept_warnings: byId("accept-warnings").checked,
    });
    await open(draft.draft_id);
    await loadDrafts();
    byId("balance-state").textContent = say("balance.accepted", { job: told.job_id });
  }

  function countOfNow() {
    byId("balance-count").value = byId("balance-area").selectedOptions[0]?.dataset.grids ?? 4;
  }

  function turn(to) {
    side = to;
    show();
  }

  registerLayer("balance", (isShown) => (isShown ? ground.addTo(map) : ground.remove()));
  map.on("placed", () => {
    byId("balance-area").addEventListener("change", countOfNow);
    byId("balance-form").addEventListener("submit", (event) => {
      event.preventDefault();
      guarded(suggest);
    });
    byId("balance-stop").addEventListener("click", () => guarded(async () => {
      draft = await post(`/${draft.draft_id}/stop`, {});
      await follow(false);
    }));
    byId("balance-drafts").addEventListener("change", ({ target }) => target.value && guarded(() => open(target.value)));
    byId("side-before").addEventListener("click", () => turn("before"));
    byId("side-after").addEventListener("click", () => turn("after"));
    byId("edit-chosen").addEventListener("change", ({ target }) => choose(Number(target.value)));
    byId("edit-move").addEventListener("click", () => guarded(() =>
      change("/edits", { block: chosen, grid: Number(byId("edit-grid").value) })));
    byId("balance-again").addEventListener("click", () => guarded(() => change("/solve", {})));
    byId("draft-propose").addEventListener("click", () => guarded(() => decide("proposed")));
    byId("draft-back").addEventListener("click", () => guarded(() => decide("draft")));
    byId("draft-end").addEventListener("click", () => guarded(() => decide("ended")));
    if (options.mayAccept) {
      byId("accept-form").addEventListener("submit", (event) => {
        event.preventDefault();
        guarded(accept);
      });
    }
    countOfNow();
    guarded(async () => {
      await loadDrafts();
      if (wanted) await open(wanted);
      else tellState("loaded");
    });
  });
}

/** Tests and printing wait for this. */
function tellState(state) {
  document.documentElement.setAttribute("data-balance", state);
}
