"""Where the API lies, and how much a request may bring."""

from __future__ import annotations

PREFIX = "/v1"
POSITIONS_IN = f"{PREFIX}/positions/in/"  # and the name of the format
BODY_MAX_BYTES = 2_000_000  # 1,000 addresses of the longest text, in UTF-8, with room to spare
