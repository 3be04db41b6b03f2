"""`gridbeat inventory`: what is kept, of whom, why, for how long; docs/data_inventory.md."""

from __future__ import annotations

import sys

from geo.inventory import inventory_text


def inventory() -> None:
    """Print the data inventory as Markdown."""
    sys.stdout.write(inventory_text())
