"""Every file a page may load: our own under `web/static`, and named files of the map libraries.

What isn't listed isn't served: a request is answered from this table, never from a path on disk.
The address of a file holds a digest of all of them (`/static/<version>/js/main.js`), so a browser
keeps them for good and takes new ones after an update, also where a module imports its neighbour
by a relative path.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path, PurePosixPath

from geo.errors import AssetsMissing

WEB_FOLDER = Path(__file__).parent
STATIC_FOLDER = WEB_FOLDER / "static"
MODULES_FOLDER = WEB_FOLDER / "node_modules"

# name under /static/<version>/ -> file in web/node_modules (pinned by web/package-lock.json)
VENDOR_FILES = {
    "vendor/leaflet/leaflet.js": "leaflet/dist/leaflet.js",
    "vendor/leaflet/leaflet.css": "leaflet/dist/leaflet.css",
    "vendor/leaflet/images/layers.png": "leaflet/dist/images/layers.png",
    "vendor/leaflet/images/layers-2x.png": "leaflet/dist/images/layers-2x.png",
    "vendor/leaflet/images/marker-icon.png": "leaflet/dist/images/marker-icon.png",
    "vendor/leaflet/images/marker-icon-2x.png": "leaflet/dist/images/marker-icon-2x.png",
    "vendor/leaflet/images/marker-shadow.png": "leaflet/dist/images/marker-shadow.png",
    "vendor/protomaps/protomaps-leaflet.js": "protomaps-leaflet/dist/protomaps-leaflet.js",
}

MEDIA_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".webmanifest": "application/manifest+json",
}

# `import … from "./name.js"` and `export … from "./name.js"`; our modules lie in one folder
IMPORTED = re.compile(r'^(?:import|export)\b[^;]*?\bfrom "\./([\w.]+)";', re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Asset:
    """One file as it is sent."""

    content: bytes
    media_type: str


@dataclass(frozen=True)
class Assets:
    """All files by name, and the digest that stands in their addresses."""

    files: dict[str, Asset]
    version: str

    def url(self, name: str) -> str:
        """Return the address of a file on this origin.

        Raises
        ------
        KeyError : no file has this name; a typing error in a template, found by the first test
        """
        if name not in self.files:
            raise KeyError(f"No asset is called {name!r}. See web/assets.py and web/static/.")
        return f"/static/{self.version}/{name}"

    def module_urls(self, entry: str) -> list[str]:
        """Return the addresses of a module and of all it imports, the entry first.

        A page names them at its head: they come at once, where a browser would otherwise find
        each only after it has read the one before.
        """
        found = [entry]
        for name in found:
            folder = PurePosixPath(name).parent
            text = self.files[name].content.decode()
            for neighbour in IMPORTED.findall(text):
                imported = str(folder / neighbour)
                if imported not in found:
                    found.append(imported)
        return [self.url(name) for name in found]


@cache
def load_assets() -> Assets:
    """Return all files, read once a process.

    Raises
    ------
    AssetsMissing : the map libraries aren't in web/node_modules
    """
    files = {
        path.relative_to(STATIC_FOLDER).as_posix(): path
        for path in sorted(STATIC_FOLDER.rglob("*"))
        if path.suffix in MEDIA_TYPES
    }
    files |= {name: MODULES_FOLDER / source for name, source in VENDOR_FILES.items()}
    missing = [str(path) for path in files.values() if not path.is_file()]
    if missing:
        raise AssetsMissing(
            f"{len(missing)} files of the map libraries are missing, first {missing[0]}. "
            "Fetch them with: npm ci --ignore-scripts --prefix web",
            missing=missing,
        )
    digest = hashlib.sha256()
    assets = {}
    for name, path in sorted(files.items()):
        content = path.read_bytes()
        digest.update(name.encode() + b"\0" + content + b"\0")
        assets[name] = Asset(content, MEDIA_TYPES[path.suffix])
    return Assets(assets, digest.hexdigest()[:12])
