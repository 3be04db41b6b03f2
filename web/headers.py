"""The content security policy of a page; `api/middleware.py` sets the other headers.

`style-src-attr` is not opened: Leaflet moves things through the style object, which a policy
leaves alone, and our own templates carry no style attribute. A browser test counts violations.
"""

from __future__ import annotations

# A page may ask the phone where it is, and for nothing else.
PERMISSIONS_POLICY = "geolocation=(self), camera=(), microphone=(), payment=()"


def policy_of_page(nonce: str) -> str:
    """Return the policy of one page whose scripts and styles bear this nonce."""
    return "; ".join(
        (
            "default-src 'self'",
            f"script-src 'self' 'nonce-{nonce}'",
            f"style-src 'self' 'nonce-{nonce}'",
            "img-src 'self' data: blob:",
            "object-src 'none'",
            "base-uri 'none'",
            "form-action 'self'",
            "frame-ancestors 'none'",
        )
    )
