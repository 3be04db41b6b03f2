"""The headers of every answer."""

from __future__ import annotations

# An answer that is data loads nothing and is shown in no frame. A page brings its own policy.
POLICY_OF_DATA = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
SECURITY_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Content-Security-Policy": POLICY_OF_DATA,
    # Else browsers keep answers about persons on their disk, and show old ones to who goes back.
    "Cache-Control": "no-store",
}
