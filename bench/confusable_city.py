"""A synthetic city whose names are as easily confused as real ones, and a register with gaps.

Few stems make all names: roads of one stem told apart by 东 西 南 北 or 一 二 三, estates in phases
and parts, the same estate or road in two townships, shops of one chain told apart by their branch,
stations named after the road they stand at. Invented, like those of `synthetic_city`.

A register lacks some of what people ask for: single rooms, whole estates, whole roads. What is
asked for and lacking is what a matcher must not answer surely.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator

from bench.synthetic_city import City, Record

N_STEMS = 70
N_BRANDS = 14
_SIDES = ("", "", "", "东", "西", "南", "北", "中", "一", "二", "三")
_ROAD_KINDS = ("路", "路", "路", "路", "街", "街", "大道", "巷")
_ESTATE_KINDS = ("小区", "花园", "家园", "公寓", "苑", "新村", "花苑", "佳苑", "华庭", "府")
_BRAND_KINDS = ("超市", "便利店", "药房", "面馆", "充电站", "加油站", "奶茶店", "五金店")
_GATES = ("东门", "南门", "西门", "北门", "一", "二")

KEPT = {"shop": 1.0, "village": 0.25, "works": 0.3, "office": 0.15}
KEPT_OTHERWISE = 0.04
"""Share of the addresses of a block that are drawn, so that a small register has many names."""

SAME_NAME, SAME_STEM = 0.12, 0.25
"""Share of roads and estates that have the name, or the stem, of one elsewhere."""

LACKING = {"address": 0.1, "estate": 0.1, "road": 0.08, "community": 0.05}
"""Share of what people ask for that the register lacks: single addresses, and all addresses of an
estate, a road, a community."""


class ConfusableCity(City):
    """Draws addresses like `City`, of names that share their stems."""

    def __init__(self, seed: int = 2026) -> None:
        draw = random.Random(f"stems {seed}")
        self.rng = random.Random(seed)
        stems: set[str] = set()
        while len(stems) < N_STEMS:
            stems.add(super()._stem())
        self._stems = sorted(stems)
        self._roads: list[str] = []
        self._estates: list[str] = []
        self._brands = [
            draw.choice(self._stems) + draw.choice(_BRAND_KINDS) for _ in range(N_BRANDS)
        ]
        super().__init__(seed)

    def _block(self) -> Iterator[Record]:
        for record in super()._block():
            if self.rng.random() < KEPT.get(record.kind, KEPT_OTHERWISE):
                yield record

    def _stem(self) -> str:
        return self.rng.choice(self._stems)

    def _name(self) -> str:
        """Names of areas are unique, but a character longer or one character apart."""
        for _ in range(20):
            stem = self._stem()
            draw = self.rng.random()
            if draw < 0.35:
                stem += self.rng.choice(self._stems)[0]
            elif draw < 0.7:
                stem = stem[0] + self.rng.choice(self._stems)[1]
            if stem not in self._names:
                self._names.add(stem)
                return stem
        name = super()._stem() + self.rng.choice(self._stems)[1]
        self._names.add(name)
        return name

    def _road(self) -> str:
        return self._again(
            self._roads, self._stem() + self.rng.choice(_SIDES) + self.rng.choice(_ROAD_KINDS)
        )

    def _estate(self) -> str:
        return self._again(self._estates, self._stem() + self.rng.choice(_ESTATE_KINDS))

    def _again(self, known: list[str], name: str) -> str:
        """Return a new name, or one that another township has, or another kind of that stem."""
        draw = self.rng.random()
        if known and draw < SAME_NAME:
            return self.rng.choice(known)
        if known and draw < SAME_NAME + SAME_STEM:
            name = self.rng.choice(known)[:2] + name[2:]
        known.append(name)
        return name

    def _parts_of_estate(self) -> list[str]:
        draw = self.rng.random()
        if draw < 0.5:
            return [""]
        if draw < 0.75:
            return [f"{part}区" for part in "一二三"[: self.rng.randint(2, 3)]]
        if draw < 0.9:
            return [f"{part}期" for part in "一二三"[: self.rng.randint(2, 3)]]
        return ["东区", "西区"]

    def _shops(self, place: dict[str, str], road: str, number: int) -> Iterator[Record]:
        for extra in range(self.rng.randint(4, 30)):
            door = f"{number + extra}号"
            shop = ""
            if self.rng.random() < 0.6:
                branch = self.rng.choice(
                    (road, self._stem(), place["township"][:2], self.rng.choice(_GATES))
                )
                shop = self.rng.choice(self._brands)
                if self.rng.random() < 0.8:
                    shop += f"({branch}店)" if not shop.endswith("站") else f"({branch}站)"
            yield self._make(place, "shop", f"{road}{door}{shop}", road=road, door=door, shop=shop)


def lacking(records: list[Record], rng: random.Random) -> set[int]:
    """Return ids of the records that the register lacks."""
    keys: dict[str, Callable[[Record], tuple[str | int, ...]]] = {
        "address": lambda r: (r.record_id,),
        "estate": lambda r: (r.township, r.road, r.door, r.estate),
        "road": lambda r: (r.township, r.road),
        "community": lambda r: (r.township, r.community),
    }
    gone: set[int] = set()
    for what, key in keys.items():
        of_records = {record.record_id: key(record) for record in records}
        told_apart = sorted(set(of_records.values()))
        chosen = {each for each in told_apart if rng.random() < LACKING[what] and all(each)}
        gone |= {record_id for record_id, each in of_records.items() if each in chosen}
    return gone
