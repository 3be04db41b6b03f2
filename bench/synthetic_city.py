"""A synthetic city's register: invented names under real divisions, several grammars of address.

Each record keeps its components, so that query forms can be written from them.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass

PROVINCE, CITY = "江苏省", "苏州市"
COUNTIES = ("姑苏区", "虎丘区", "吴中区", "相城区", "吴江区")
CENTRE = (120.62, 31.30)
_FIRST = (
    "文翠银金凤龙春秋海江河湖山林云星月阳景华兴建和平安康宁福瑞祥"
    "嘉德仁义礼智信学府桂梅兰竹松柏桃柳荷莲枫桐杏樱青碧玉珠宝石"
)
_SECOND = (
    "苑泽麓溪港塘浦桥湾源泉峰岭岗坡原野田园台亭阁楼轩堂庭院城门关"
    "口津渡洲岛滨岸堤坝渠井巷坊里村庄屯寨堡营镇隆昌盛茂荣达通顺利"
)
_ROAD_KINDS = ("路",) * 12 + ("街",) * 4 + ("大道", "巷", "弄", "大街")
_ESTATE_KINDS = (
    "小区",
    "花园",
    "家园",
    "公寓",
    "苑",
    "新村",
    "花苑",
    "佳苑",
    "名邸",
    "雅苑",
    "华庭",
    "府",
    "城",
)
_OFFICE_KINDS = ("大厦", "广场", "中心", "商务楼", "国际大厦")
_SHOPS = (
    "便利店",
    "药房",
    "面馆",
    "理发店",
    "水果店",
    "五金店",
    "烟酒店",
    "诊所",
    "洗衣店",
    "茶楼",
)
_NUMERALS = "一二三四五六七八九"


@dataclass(frozen=True)
class Record:
    """One address: components as written, and the text."""

    record_id: int
    text: str
    lon: float
    lat: float
    kind: str
    county: str
    township: str
    community: str = ""
    road: str = ""
    door: str = ""
    estate: str = ""
    building: str = ""
    entrance: str = ""
    floor: str = ""
    room: str = ""
    group: str = ""
    shop: str = ""


class City:
    """Draws addresses until there are enough. The same seed gives the same register."""

    def __init__(self, seed: int = 2026) -> None:
        self.rng = random.Random(seed)
        self._names: set[str] = set()
        self._next_id = 1
        self.townships = [
            (county, self._name() + self.rng.choice(("街道", "街道", "镇")))
            for county in COUNTIES
            for _ in range(9)
        ]
        self.communities = {
            town: [self._name() + ("社区" if town[1].endswith("街道") else "村") for _ in range(11)]
            for town in self.townships
        }

    def _stem(self) -> str:
        return self.rng.choice(_FIRST) + self.rng.choice(_SECOND)

    def _name(self) -> str:
        while True:
            stem = self._stem()
            if self.rng.random() < 0.25:
                stem += self.rng.choice(_FIRST)
            if stem not in self._names:
                self._names.add(stem)
                return stem

    def _road(self) -> str:
        stem = self._stem() if self.rng.random() < 0.6 else self._name()
        side = self.rng.choice(("", "", "", "", "东", "西", "南", "北", "中"))
        if self.rng.random() < 0.15:
            stem = stem[0] + self.rng.choice(_NUMERALS)
        return stem + side + self.rng.choice(_ROAD_KINDS)

    def _estate(self) -> str:
        stem = self._name() if self.rng.random() < 0.8 else self._stem()
        return stem + self.rng.choice(_ESTATE_KINDS)

    def records(self, count: int) -> Iterator[Record]:
        """Yield `count` addresses, no text twice."""
        made = 0
        seen: set[str] = set()
        while made < count:
            for record in self._block():
                if record.text in seen:
                    continue
                seen.add(record.text)
                yield record
                made += 1
                if made == count:
                    return

    def _block(self) -> Iterator[Record]:
        rng = self.rng
        county, town = rng.choice(self.townships)
        community = rng.choice(self.communities[county, town])
        self._lon = CENTRE[0] + rng.uniform(-0.2, 0.2)
        self._lat = CENTRE[1] + rng.uniform(-0.15, 0.15)
        place = {"county": county, "township": town, "community": community}
        if town.endswith("镇") and rng.random() < 0.6:
            yield from self._village(place)
            return
        road = self._road()
        number = rng.randint(1, 40)
        for _ in range(rng.randint(4, 12)):
            draw = rng.random()
            door = f"{number}号"
            if draw < 0.42:
                yield from self._estate_with_entrances(place, road, door)
            elif draw < 0.57:
                yield from self._lane(place, road, number)
            elif draw < 0.67:
                yield from self._towers(place, road, door)
            elif draw < 0.72:
                yield from self._courtyard(place, road, number)
            elif draw < 0.82:
                yield from self._offices(place, road, door)
            elif draw < 0.86:
                yield from self._works(place, road, door)
            else:
                yield from self._shops(place, road, number)
            number += rng.randint(1, 30)

    def _make(self, place: dict[str, str], kind: str, body: str, **parts: str) -> Record:
        with_community = kind == "village" or self.rng.random() < 0.15
        community = place["community"] if with_community else ""
        text = f"{PROVINCE}{CITY}{place['county']}{place['township']}{community}{body}"
        record = Record(
            self._next_id, text,
            round(self._lon + self.rng.uniform(-0.001, 0.001), 6),
            round(self._lat + self.rng.uniform(-0.001, 0.001), 6),
            kind, place["county"], place["township"], community, **parts,
        )  # fmt: skip
        self._next_id += 1
        return record

    def _parts_of_estate(self) -> list[str]:
        draw = self.rng.random()
        if draw < 0.7:
            return [""]
        if draw < 0.85:
            return [f"{_NUMERALS[i]}区" for i in range(self.rng.randint(2, 4))]
        if draw < 0.95:
            return [f"{_NUMERALS[i]}期" for i in range(self.rng.randint(2, 3))]
        return ["东区", "西区"]

    def _estate_with_entrances(
        self, place: dict[str, str], road: str, door: str
    ) -> Iterator[Record]:
        name = self._estate()
        word = self.rng.choice(("幢", "幢", "号楼", "栋"))
        for part in self._parts_of_estate():
            estate = name + part
            for number in range(1, self.rng.randint(4, 14)):
                building = f"{number}{word}"
                for entrance_number in range(1, self.rng.randint(2, 4)):
                    entrance = f"{entrance_number}单元"
                    for floor in range(1, self.rng.randint(4, 7)):
                        for flat in (1, 2):
                            room = f"{floor}0{flat}室"
                            yield self._make(
                                place, "estate",
                                f"{road}{door}{estate}{building}{entrance}{room}",
                                road=road, door=door, estate=estate, building=building,
                                entrance=entrance, room=room,
                            )  # fmt: skip

    def _lane(self, place: dict[str, str], road: str, number: int) -> Iterator[Record]:
        door = f"{number}弄"
        for house in range(1, self.rng.randint(5, 40)):
            for floor in range(1, self.rng.randint(3, 7)):
                for flat in (1, 2):
                    building, room = f"{house}号", f"{floor}0{flat}室"
                    yield self._make(
                        place, "lane", f"{road}{door}{building}{room}",
                        road=road, door=door, building=building, room=room,
                    )  # fmt: skip

    def _towers(self, place: dict[str, str], road: str, door: str) -> Iterator[Record]:
        estate = self._estate()
        for number in range(1, self.rng.randint(3, 9)):
            for floor in range(1, self.rng.randint(12, 28)):
                for flat in (1, 2, 3, 4):
                    building, room = f"{number}号楼", f"{floor}0{flat}室"
                    yield self._make(
                        place, "towers", f"{road}{door}{estate}{building}{room}",
                        road=road, door=door, estate=estate, building=building, room=room,
                    )  # fmt: skip

    def _courtyard(self, place: dict[str, str], road: str, number: int) -> Iterator[Record]:
        door = f"{number}号院"
        for house in range(1, self.rng.randint(3, 10)):
            for entrance_number in range(1, self.rng.randint(2, 5)):
                for floor in range(1, 7):
                    for flat in (1, 2):
                        building, entrance = f"{house}号楼", f"{entrance_number}单元"
                        room = f"{floor}0{flat}室"
                        yield self._make(
                            place, "courtyard", f"{road}{door}{building}{entrance}{room}",
                            road=road, door=door, building=building, entrance=entrance, room=room,
                        )  # fmt: skip

    def _offices(self, place: dict[str, str], road: str, door: str) -> Iterator[Record]:
        estate = self._name() + self.rng.choice(_OFFICE_KINDS)
        for letter in self.rng.choice((("",), ("A", "B"), ("A", "B", "C"))):
            building = f"{letter}座" if letter else ""
            for floor in range(1, self.rng.randint(8, 24)):
                for flat in range(1, self.rng.randint(3, 9)):
                    level, room = f"{floor}层", f"{floor}{flat:02d}室"
                    yield self._make(
                        place, "office", f"{road}{door}{estate}{building}{level}{room}",
                        road=road, door=door, estate=estate, building=building, floor=level,
                        room=room,
                    )  # fmt: skip

    def _works(self, place: dict[str, str], road: str, door: str) -> Iterator[Record]:
        estate = self._name() + self.rng.choice(("工业园", "科技园", "产业园"))
        for number in range(1, self.rng.randint(3, 12)):
            building = f"{number}幢"
            for floor in range(1, self.rng.randint(2, 6)):
                level = f"{floor}层"
                yield self._make(
                    place, "works", f"{road}{door}{estate}{building}{level}",
                    road=road, door=door, estate=estate, building=building, floor=level,
                )  # fmt: skip

    def _shops(self, place: dict[str, str], road: str, number: int) -> Iterator[Record]:
        for extra in range(self.rng.randint(1, 8)):
            base = number + extra
            suffixes = self.rng.choice((("",), ("",), ("", "甲", "乙"), ("", "附1", "附2", "附3")))
            for suffix in suffixes:
                door = f"{base}号{suffix}号" if suffix.startswith("附") else f"{base}{suffix}号"
                shop = ""
                if self.rng.random() < 0.3:
                    shop = self._stem() + self.rng.choice(_SHOPS)
                yield self._make(
                    place, "shop", f"{road}{door}{shop}", road=road, door=door, shop=shop
                )

    def _village(self, place: dict[str, str]) -> Iterator[Record]:
        for group_number in range(1, self.rng.randint(4, 18)):
            group = f"{group_number}组"
            for house in range(1, self.rng.randint(15, 60)):
                doors = [f"{house}号"]
                if self.rng.random() < 0.08:
                    doors += [f"{house}号附{i}号" for i in (1, 2)]
                for door in doors:
                    yield self._make(place, "village", f"{group}{door}", group=group, door=door)
