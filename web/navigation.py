"""The bar of every page: which pages there are, in which group, and who is offered which.

What a page shows is decided by its own door; the bar only spares people ways that end there.
"""

from __future__ import annotations

from dataclasses import dataclass

from geo.accounts import Caller, Permission


@dataclass(frozen=True, slots=True)
class NavigationPage:
    """A page of the bar.

    name : as the page calls itself in `render_page(page=…)`; its text is `common.page_NAME`
    group : its menu, of `GROUPS`
    or_permission : another that does as well
    for_everything : offered only to those whose scope is the whole store
    """

    name: str
    group: str
    permission: Permission = Permission.READ
    or_permission: Permission | None = None
    for_everything: bool = False

    @property
    def path(self) -> str:
        return f"/{self.name}"

    def offered_to(self, caller: Caller) -> bool:
        """Whether the caller's bar has it."""
        may = caller.may(self.permission) or (
            self.or_permission is not None and caller.may(self.or_permission)
        )
        return may and (caller.scope.is_everything or not self.for_everything)


# In the order of the bar; the text of a group is `common.group_NAME`.
GROUPS = ("patrol", "places", "records", "administration")
NAVIGATION = (
    NavigationPage("live", "patrol"),
    NavigationPage("units", "patrol"),
    NavigationPage("coverage", "patrol"),
    NavigationPage("gaps", "patrol", Permission.LEAD),
    NavigationPage("reach", "patrol"),
    NavigationPage("siting", "patrol"),
    NavigationPage("routes", "patrol"),
    NavigationPage("address", "places"),
    NavigationPage("geocode", "places"),
    NavigationPage("review", "places"),
    NavigationPage("duplicates", "places"),
    NavigationPage("balance", "places", Permission.LEAD, Permission.IMPORT),
    NavigationPage("due", "records", Permission.WRITE),
    NavigationPage("exports", "records"),
    NavigationPage("rights", "records", Permission.RIGHTS),
    NavigationPage("imports", "records", Permission.IMPORT, for_everything=True),
    NavigationPage("audit", "administration", Permission.AUDIT),
    NavigationPage("accounts", "administration", Permission.ACCOUNTS),
)


@dataclass(frozen=True, slots=True)
class NavigationGroup:
    """A menu of the bar with what the caller is offered; one page alone needs no menu."""

    name: str
    pages: tuple[NavigationPage, ...]

    def holds(self, page: str) -> bool:
        """Whether a page is one of the menu's."""
        return any(entry.name == page for entry in self.pages)


def navigation_of(caller: Caller | None) -> tuple[NavigationGroup, ...]:
    """Return the caller's menus, without empty ones; none before the sign-in."""
    if caller is None:
        return ()
    groups = (
        NavigationGroup(
            group,
            tuple(page for page in NAVIGATION if page.group == group and page.offered_to(caller)),
        )
        for group in GROUPS
    )
    return tuple(group for group in groups if group.pages)
