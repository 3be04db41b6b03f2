"""What a text has said of divisions so far, and which ones it can mean."""

from __future__ import annotations

from geo.addresses.division_names import codes_by_level, division_facts, settled_division
from geo.addresses.divisions import code_prefix, load_divisions
from geo.addresses.tokens import Kind, Token


class DivisionState:
    """What the text has said of divisions so far.

    candidates : codes that the finest division named so far may have
    level : its rank, -1 where none was named
    prefixes : what the codes of places within the candidates begin with
    area : code prefixes of the deployment's own area
    village : code of the village, where one was found
    """

    __slots__ = ("area", "candidates", "level", "prefixes", "village")

    def __init__(self, area: tuple[str, ...]) -> None:
        self.area = tuple(code_prefix(code) for code in area)
        self.candidates: tuple[str, ...] = ()
        self.prefixes: tuple[str, ...] = ()
        self.level = -1
        self.village: str | None = None

    def take(self, codes: tuple[str, ...], rank: int) -> None:
        """Remember the codes that the finest division may have."""
        self.candidates, self.level = codes, rank
        facts = division_facts()
        if len(codes) == 1:
            self.prefixes = facts[codes[0]].prefixes
        else:
            self.prefixes = tuple(prefix for code in codes for prefix in facts[code].prefixes)

    def keep_within(self, codes: tuple[str, ...]) -> None:
        """Keep the candidates that are, or lie within, one of `codes`: one of them must."""
        if len(self.candidates) > 1:
            prefixes = tuple(
                [prefix for code in codes for prefix in division_facts()[code].prefixes]
            )
            self.take(tuple([c for c in self.candidates if c.startswith(prefixes)]), self.level)

    def stand_at(self, candidates: tuple[str, ...], level: int, prefixes: tuple[str, ...]) -> None:
        """Take over what was found out before by `take`."""
        self.candidates, self.level, self.prefixes = candidates, level, prefixes

    def within(self, codes: tuple[str, ...]) -> tuple[str, ...]:
        """Return the codes that lie under what was said so far."""
        if not self.candidates:
            return codes
        prefixes = self.prefixes
        return tuple([code for code in codes if code.startswith(prefixes)])

    def above(self, codes: tuple[str, ...]) -> tuple[str, ...]:
        """Return the codes that are, or contain, what was said so far."""
        facts = division_facts()
        return tuple(
            code
            for code in codes
            if any(known.startswith(facts[code].prefixes) for known in self.candidates)
        )

    def beside(self, codes: tuple[str, ...]) -> bool:
        """Whether a code lies in the same prefecture as what was said so far."""
        prefectures = tuple(code[:4] for code in self.candidates)
        return any(code.startswith(prefectures) for code in codes)

    def in_area(self, codes: tuple[str, ...]) -> tuple[str, ...]:
        """Return the codes in, or above, the deployment's own area."""
        return tuple(
            code
            for code in codes
            if code.startswith(self.area) or any(a.startswith(code_prefix(code)) for a in self.area)
        )

    def prefer_area(self, codes: tuple[str, ...]) -> tuple[str, ...]:
        return (self.in_area(codes) or codes) if len(codes) > 1 and self.area else codes

    def settle(self, tokens: list[Token]) -> None:
        """Give the division tokens the codes and names that all candidates agree on."""
        if not self.candidates:
            return
        for index, (kind, start, end, value, code) in enumerate(tokens):
            if code is not None and kind in Kind.DIVISIONS:
                name, settled = settled_division(self.candidates, kind, value, code)
                tokens[index] = (kind, start, end, name, settled)

    def certain_code(self) -> str | None:
        """Return the code of the finest division, None where more than one is possible."""
        if self.village is not None:
            return self.village
        return self.candidates[0] if len(self.candidates) == 1 else None


def settle_on(code: str, tokens: list[Token]) -> None:
    """Give the division tokens the codes they have if the finest division is `code`."""
    above = codes_by_level(code)
    divisions = load_divisions()
    for index, (kind, start, end, value, _) in enumerate(tokens):
        if kind in Kind.DIVISIONS and kind in above:
            division = divisions.get(above[kind])
            if value.startswith(division.stem):
                tokens[index] = (kind, start, end, division.name, division.code)
