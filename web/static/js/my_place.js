// "Where am I": the phone's own position, shown with its accuracy and asked about.

import { byId, make } from "./dom.js";
import { formatMetres, say } from "./texts.js";

const TIME_LIMIT_MS = 15000;
const NEAR_ZOOM = 18;

/** Add the button below the zoom. `arrive(point)` is called with the position [degrees, WGS 84]. */
export function addMyPlaceButton(map, arrive) {
  const button = make("a", {
    href: "#", role: "button", title: say("map.my_place"), "aria-label": say("map.my_place"),
  });
  button.append(crosshair());
  const circle = L.circle([0, 0], {
    radius: 1, color: "#1d4f91", weight: 1, fillOpacity: 0.12, interactive: false,
  });
  const control = L.control({ position: "topright" });
  control.onAdd = () => {
    const box = make("div", { class: "leaflet-bar my-place" }, button);
    L.DomEvent.disableClickPropagation(box);
    return box;
  };
  control.addTo(map);

  function tell(text) {
    byId("tool-status").textContent = text;
    button.title = text;
  }

  function found({ coords }) {
    button.classList.remove("is-busy");
    const point = { lon: coords.longitude, lat: coords.latitude };
    circle.setLatLng([point.lat, point.lon]).setRadius(coords.accuracy).addTo(map);
    map.setView([point.lat, point.lon], NEAR_ZOOM);
    tell(say("map.my_place_found", { accuracy: formatMetres(coords.accuracy) }));
    arrive(point);
  }

  function failed(error) {
    button.classList.remove("is-busy");
    const isDenied = error?.code === 1;
    const text = say(isDenied ? "map.my_place_denied" : "map.my_place_failed");
    tell(text);
    L.popup({ className: "plain-popup" }).setLatLng(map.getCenter())
      .setContent(make("p", {}, text)).openOn(map);
  }

  button.addEventListener("click", (event) => {
    event.preventDefault();
    button.classList.add("is-busy");
    // outside HTTPS and this machine itself, browsers tell no position
    if (!window.isSecureContext || !navigator.geolocation) failed(null);
    else {
      navigator.geolocation.getCurrentPosition(found, failed, {
        enableHighAccuracy: true, timeout: TIME_LIMIT_MS, maximumAge: 10000,
      });
    }
  });
}

function crosshair() {
  const space = "http://www.w3.org/2000/svg";
  const picture = document.createElementNS(space, "svg");
  picture.setAttribute("viewBox", "0 0 24 24");
  picture.setAttribute("aria-hidden", "true");
  const path = document.createElementNS(space, "path");
  path.setAttribute("d", "M12 2v4M12 18v4M2 12h4M18 12h4M12 6a6 6 0 1 0 0 12 6 6 0 0 0 0-12z");
  picture.append(path);
  return picture;
}
