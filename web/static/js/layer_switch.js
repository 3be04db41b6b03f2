// Which layers are shown: the check boxes of the panel, the layers, and the page's address.

const layers = new Map();
const listeners = [];

/** A layer tells its name, how it is shown or hidden, and whether it is shown at the start. */
export function registerLayer(name, apply, isShown = true) {
  layers.set(name, { apply, isShown });
}

export function layerNames() {
  return [...layers.keys()];
}

export function shownLayers() {
  return [...layers].filter(([, layer]) => layer.isShown).map(([name]) => name);
}

export function isShown(name) {
  return layers.get(name)?.isShown ?? false;
}

export function setShown(name, isShown) {
  const layer = layers.get(name);
  if (!layer || layer.isShown === isShown) return;
  layer.isShown = isShown;
  layer.apply(isShown);
  const box = document.querySelector(`input[data-layer="${CSS.escape(name)}"]`);
  if (box) box.checked = isShown;
  for (const listener of listeners) listener();
}

export function onLayersChanged(listener) {
  listeners.push(listener);
}

export function startLayerSwitch() {
  for (const box of document.querySelectorAll("input[data-layer]")) {
    box.checked = isShown(box.dataset.layer); // a browser may restore what it was before a reload
    box.addEventListener("change", () => setShown(box.dataset.layer, box.checked));
  }
}
