"""Traccar Client 10, the phone app: one fix a form.

`id, lat, lon, timestamp` (Unix seconds), `accuracy` [m], `altitude` [m], `speed` [**knots**],
`bearing` [degrees], `batt` [%], `charge`, `alarm`. Without `lat` and `lon` it is a sign of life.
The app keeps its fixes in a queue, sends one at a time and drops it only when it was answered with
success.

Source: the app's own sources and documentation (Traccar Client 10).
"""

from __future__ import annotations

from geo.positions import wire
from geo.positions.fix import Drop, Reading, Source
from geo.positions.osmand import fix_of_words, form_words


def read_traccar_client_form(body: bytes) -> Reading:
    """Return the fix of a form. Unlike OsmAnd it always says when it was."""
    reading = Reading()
    words = form_words(body)
    if isinstance(words, Drop):
        reading.drop(words)
        return reading
    reading.claimed = wire.name_of(words.get("id"))
    fixed_at = wire.unix_time(words.get("timestamp"))
    reading.take(fix_of_words(words, fixed_at, Source.TRACCAR_CLIENT))
    return reading
