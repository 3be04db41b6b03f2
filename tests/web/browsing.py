"""A real browser that notes whatever a page asks for, breaks or complains of."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import Browser, BrowserContext, Page, expect

CHROMIUM = "/usr/bin/chromium"
CHROMIUM_FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
# As long as for what is clicked: a busy machine is no fault of a page.
expect.set_options(timeout=20_000)
# Small for a desk: pixels drawn without a graphics card are what these tests wait for.
DESKTOP: dict[str, Any] = {"viewport": {"width": 1100, "height": 700}}
PHONE: dict[str, Any] = {
    "viewport": {"width": 390, "height": 844},
    "device_scale_factor": 2,
    "is_mobile": True,
    "has_touch": True,
}
# Where a policy is broken, the browser tells the page, and the page tells us.
NOTE_VIOLATIONS = """
window.policyViolations = [];
document.addEventListener("securitypolicyviolation", (event) => {
  window.policyViolations.push(`${event.violatedDirective} ${event.blockedURI}`);
});
"""


@dataclass
class Visit:
    """One page, and what went by while it was open."""

    page: Page
    origin: str
    requests: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    @property
    def outside_requests(self) -> list[str]:
        """Requests to another host; what the page made itself (blob:, data:) is no request."""
        asked = [url for url in self.requests if urlsplit(url).scheme not in {"blob", "data"}]
        return [url for url in asked if not url.startswith(f"{self.origin}/")]

    @property
    def policy_violations(self) -> list[str]:
        found: list[str] = self.page.evaluate("window.policyViolations")
        return found

    def go(self, path: str) -> None:
        """Open a page and wait until its map, if it has one, shows its layers."""
        self.page.goto(f"{self.origin}{path}")
        if self.page.locator("#map_gridbeat").count():
            self.settle()

    def settle(self) -> None:
        """Wait until the map shows what it asked for."""
        self.page.wait_for_selector(
            "html[data-ready=true][data-tiles=loaded]:not([data-density=loading])",
            state="attached",
        )

    def assert_clean(self) -> None:
        """Nothing left the origin, no policy was broken, nothing was complained of."""
        assert self.requests
        assert self.outside_requests == []
        assert self.policy_violations == []
        assert self.complaints == []


@contextmanager
def visiting(browser: Browser, origin: str, **options: Any) -> Iterator[Visit]:
    """Open a fresh context; any request to another host is noted and cut off."""
    context: BrowserContext = browser.new_context(**options)
    context.set_default_timeout(30_000)
    context.add_init_script(NOTE_VIOLATIONS)
    page = context.new_page()
    visit = Visit(page, origin)
    context.on("request", lambda request: visit.requests.append(request.url))
    page.on("pageerror", lambda error: visit.complaints.append(f"error: {error}"))
    page.on(
        "console",
        lambda message: (
            visit.complaints.append(f"{message.type}: {message.text}")
            if message.type in {"error", "warning"}
            else None
        ),
    )
    page.on("dialog", lambda dialog: (visit.complaints.append("dialog"), dialog.dismiss()))
    try:
        yield visit
    finally:
        context.close()
