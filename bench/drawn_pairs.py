"""Pairs of addresses drawn from real divisions and invented places, with what the two are.

The shipped pair model is fitted on these (`python -m bench.fit_pair_model`); no text of a data set
is in them. Provinces down to villages come from the national list; names of roads, estates, firms
and shops are made from stems of village names and class words.

A place is drawn, then a query as a person writes it, then a candidate as a map or a register prints
one. What the label means:

2 full : the candidate is the place that the query names: the same building where the query names
    one (entrance, floor and room don't count), else the same estate, door, firm or shop.
1 partial : the candidate is at the place, but not it: another building or a gate of the estate, the
    estate without the building, another shop at the door, a door next to it.
0 none : another place, however alike its name is (the same name or number elsewhere, a neighbour
    far down the road), or only the road, the township or the county that the place lies in.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, replace

from geo.addresses.divisions import DivisionList, load_divisions, load_villages
from geo.addresses.levels import AddressLevel
from geo.addresses.sounds import sound

NONE, PARTIAL, FULL = 0, 1, 2


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


_ROADS = _words(
    """
    路 路 路 路 路 街 街 大道 大街 巷 中路 东路 西路 南路 北路 一路 二路 西街
    """
)
_COMMON_ROADS = _words(
    """
    人民 解放 建设 中山 新华 和平 胜利 文化 团结 光明 长江 黄河 工业 创业 迎宾 振兴 兴业
    环城 滨河 学府
    """
)
_COMMON_NAMES = _words(
    """
    阳光 幸福 东方 世纪 锦绣 金色 城市 万达 恒大 碧桂园 龙湖 保利 康乐 平安
    花园 新城 阳光花 明珠 金地 绿地 温馨 和谐 富强 民生 华侨城 商业 中央 国际 家和
    福临 丽景 御景 水岸 翠湖 紫荆 梧桐 红星 五一 八一
    """
)
_ESTATES = _words(
    """
    小区 花园 家园 公寓 苑 新村 花苑 佳苑 名邸 雅苑 华庭 府 城 嘉园 山庄 新城 公馆 名苑 湾
    庭 国际 天下 里 锦园 壹号 春天 印象 家属院 宿舍
    """
)
_OFFICES = _words(
    """
    大厦 广场 中心 商务楼 国际大厦 工业园 科技园 工业区 商城 市场 物流园 产业园 创业园
    大酒店 写字楼 创意园
    """
)
_SCHOOLS = _words(
    """
    小学 中学 幼儿园 医院 卫生院 职业学院 第一中学 实验小学 派出所 村委会 加油站
    卫生服务中心
    """
)
_TRADES = _words(
    """
    科技 电子 机械 商贸 实业 物流 服饰 塑料 建材 家具 食品 印刷 装饰 电器 化工 五金 包装
    贸易 汽车销售 信息技术
    """
)
_FIRM_ENDS = _words(
    """
    有限公司 有限公司 有限责任公司 厂 公司 集团有限公司
    """
)
_SHOPS = _words(
    """
    便利店 药房 面馆 理发店 水果店 五金店 烟酒店 诊所 超市 茶楼 火锅 烤鱼 网吧 眼镜店 宾馆
    美容 汽修 快递 菜鸟驿站 麻辣烫 奶茶 蛋糕 房产 足浴 健身 牛肉汤 小吃 服装店 文具店 洗车
    农家乐 棋牌室
    """
)
_CHAINS = _words(
    """
    中国工商银行 中国电信 链家地产 韵达快递 中国移动营业厅 农业银行 中国邮政 联通营业厅
    建设银行 中国石化
    """
)
_GATES = _words(
    """
    南门 北门 东门 西门 东南门 西北门 东北门 西南门 正门 西1门 东南2门 出入口 停车场
    地下停车场
    """
)
_SIDES = _words(
    """
    东 西 南 北 东南 西南 东北 西北
    """
)
_NOTES = (",放门口", "(电联)", "附近", "旁边", "对面", "门口", "到了打电话", "。", ",", "??")
_DIGITS = "零一二三四五六七八九十"


@dataclass(frozen=True)
class Place:
    """One place. What is empty or zero it hasn't."""

    province: str
    city: str
    county: str
    township: str
    community: str
    road: str
    door: int
    kind: str
    name: str = ""
    part: str = ""
    building: str = ""
    shop: str = ""
    cross: str = ""


class PairDrawer:
    """Draws pairs. The same seed draws the same pairs."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)
        self.divisions: DivisionList = load_divisions()
        self._counties = [
            d for d in self.divisions
            if d.level is AddressLevel.COUNTY and d.until is None
            and self.divisions.townships_of(d.code)
        ]  # fmt: skip
        self._stems: list[str] = []
        self._sounds: dict[str, list[str]] = {}
        self._areas = self._draw_areas(60)
        for stem in self._stems:
            for char in stem:
                self._sounds.setdefault(sound(char), []).append(char)

    def _draw_areas(self, count: int) -> list[tuple[str, str, str, str, list[str]]]:
        areas = []
        for county in self.rng.sample(self._counties, count):
            chain = {d.level: d.name for d in self.divisions.chain(county.code)}
            for town in self.divisions.townships_of(county.code):
                names = [
                    name
                    for name in load_villages(town.code).values()
                    if "社区" in name or "村" in name
                ]
                short = [n.replace("居民委员会", "").replace("村民委员会", "村")
                         .replace("村村", "村")
                         .replace("居委会", "").replace("村委会", "村") for n in names]  # fmt: skip
                self._stems += [
                    stem
                    for n in short
                    if 2 <= len(stem := n.removesuffix("社区").removesuffix("村")) <= 4
                ]
                areas.append((
                    chain.get(AddressLevel.PROVINCE, ""), chain.get(AddressLevel.CITY, ""),
                    county.name, town.name, short or [town.name],
                ))  # fmt: skip
        return areas

    # places

    def _stem(self) -> str:
        stem = self.rng.choice(self._stems)
        draw = self.rng.random()
        if draw < 0.3:
            return stem[:2]
        if draw < 0.5:
            return stem[0] + self.rng.choice(self._stems)[-1]
        if draw < 0.65:
            return stem[:2] + self.rng.choice(self._stems)[:2]
        return stem

    def _name(self) -> str:
        """Return a stem of a name: one that only one place bears, or one that many do."""
        return self.rng.choice(_COMMON_NAMES) if self.rng.random() < 0.3 else self._stem()

    def _road(self) -> str:
        rng = self.rng
        stem = rng.choice(_COMMON_ROADS) if rng.random() < 0.3 else self._stem()[:3]
        return stem + rng.choice(_ROADS)

    def _shop(self) -> str:
        rng = self.rng
        if rng.random() < 0.15:
            return rng.choice(_CHAINS)
        return self._stem()[:3] + rng.choice(_SHOPS)

    def _firm(self, city: str) -> str:
        rng = self.rng
        before = division_short(city) if rng.random() < 0.6 else ""
        return before + self._stem()[:3] + rng.choice(_TRADES) + rng.choice(_FIRM_ENDS)

    def place(self) -> Place:
        rng = self.rng
        province, city, county, township, villages = rng.choice(self._areas)
        kind = rng.choices(
            ("estate", "office", "school", "firm", "shop", "door", "village", "lane"),
            (38, 14, 6, 9, 9, 12, 8, 4),
        )[0]  # fmt: skip
        place = Place(
            province, city, county, township, rng.choice(villages), self._road(),
            rng.randint(1, 400) if rng.random() < 0.75 else 0, kind, cross=self._road(),
        )  # fmt: skip
        if kind == "estate":
            part = rng.choice(
                ("", "", "", "", "一期", "二期", "A区", "C区", "东区", "2期", "南区", "三区")
            )
            place = replace(place, name=self._name() + rng.choice(_ESTATES), part=part)
        elif kind == "office":
            place = replace(place, name=self._name() + rng.choice(_OFFICES))
        elif kind == "school":
            stem = rng.choice((self._stem(), division_short(county), township[:2]))
            place = replace(place, name=stem + rng.choice(_SCHOOLS))
        elif kind == "firm":
            place = replace(place, name=self._firm(city))
        elif kind == "shop":
            place = replace(place, name=self._shop())
        if kind in ("estate", "office") and rng.random() < 0.75:
            number = str(rng.randint(1, 60)) if rng.random() < 0.85 else rng.choice("ABCDEF")
            place = replace(place, building=number)
        if kind == "office" and rng.random() < 0.35:
            place = replace(place, shop=self._firm(city) if rng.random() < 0.6 else self._shop())
        if kind == "estate" and rng.random() < 0.06:
            place = replace(place, shop=self._shop())
        if kind == "lane":
            place = replace(place, part=f"{rng.randint(1, 2000)}弄")
        if kind in ("door", "village", "lane") and place.door == 0:
            place = replace(place, door=rng.randint(1, 300))
        return place

    # writing

    def _slip(self, text: str, chance: float) -> str:
        """Return the text with, at times, one character misheard, left out or said twice."""
        rng = self.rng
        if len(text) < 3 or rng.random() > chance:
            return text
        at = rng.randrange(len(text))
        if rng.random() < 0.7:
            like = self._sounds.get(sound(text[at]), [text[at]])
            return text[:at] + rng.choice(like) + text[at + 1 :]
        return text[:at] + text[at + 1 :]

    def _short(self, name: str, chance: float) -> str:
        for ending in (
            "小区",
            "花园",
            "家园",
            "大厦",
            "广场",
            "有限公司",
            "有限责任公司",
            "公寓",
            "店",
        ):
            if (
                name.endswith(ending)
                and len(name) - len(ending) >= 2
                and self.rng.random() < chance
            ):
                return name.removesuffix(ending)
        return name

    def _building(self, number: str) -> str:
        rng = self.rng
        if not number.isdigit():
            return number + rng.choice(("座", "座", "栋", "幢", "楼"))
        if int(number) <= 10 and rng.random() < 0.2:
            return _DIGITS[int(number)] + rng.choice(("号楼", "栋", "幢"))
        return number + rng.choice(("号楼", "号楼", "栋", "栋", "幢", "幢", "号", "#", "楼"))

    def _tail(self) -> str:
        rng = self.rng
        draw = rng.random()
        if draw < 0.35:
            return ""
        if draw < 0.65:
            return (
                rng.choice("123456一二三四")
                + "单元"
                + rng.choice(("", "", f"{rng.randint(1, 30)}0{rng.randint(1, 4)}"))
            )
        if draw < 0.85:
            return rng.choice(("一楼", "2楼", "三楼", "四楼", "5层", "10层", "18层", "1层"))
        return f"{rng.randint(1, 30)}0{rng.randint(1, 8)}" + rng.choice(("", "室"))

    def _divisions(self, place: Place, chance: float) -> str:
        rng = self.rng
        text = ""
        if rng.random() < chance:
            text += place.province
        if rng.random() < (0.9 if text else chance):
            text += place.city if rng.random() < 0.8 else division_short(place.city)
        if rng.random() < (0.9 if text else 0.25):
            text += place.county if rng.random() < 0.9 else division_short(place.county)
        if rng.random() < (0.6 if text else 0.2):
            text += place.township
        if rng.random() < 0.08:
            text += place.community
        return text

    def query(self, place: Place) -> tuple[str, Place]:
        """Return the place as a person writes it, and what of the place the text tells."""
        rng = self.rng
        told = place
        text = self._divisions(place, 0.35)
        has_name = bool(place.name)
        with_road = not has_name or rng.random() < 0.6
        if place.kind == "village":
            told = replace(told, road="")
            text = self._divisions(place, 0.35) + place.community
            text += rng.choice(("", f"{rng.randint(1, 12)}组", f"{rng.randint(1, 12)}队"))
            if rng.random() < 0.7:
                text += f"{place.door}号"
            else:
                told = replace(told, door=0)
        elif with_road:
            text += place.road
            if place.door and (not has_name or rng.random() < 0.75):
                text += place.part if place.kind == "lane" else ""
                text += f"{place.door}" + rng.choice(("号", "号", "号", ""))
            else:
                told = replace(told, door=0)
                if has_name and rng.random() < 0.1:
                    text += f"与{place.cross}" + rng.choice(("交叉口", "交汇处"))
        else:
            told = replace(told, road="", door=0)
        if has_name:
            text += self._slip(self._short(place.name, 0.2), 0.1)
            text += place.part if rng.random() < 0.7 else ""
            if place.building and rng.random() < 0.85:
                text += self._building(place.building)
                text += self._tail()
            else:
                told = replace(told, building="")
                if place.kind in ("office", "shop", "firm") and rng.random() < 0.2:
                    text += rng.choice(("一楼", "2楼", "三楼", "四楼"))
            if place.shop and rng.random() < 0.8:
                text += self._slip(place.shop, 0.1)
            else:
                told = replace(told, shop="")
        elif rng.random() < 0.35:
            text += self._tail()
        if rng.random() < 0.08:
            text += rng.choice(_NOTES)
        return text, told

    def _location(self, place: Place) -> str:
        """Return how a map says where a place is: road and door, crossing, or a district."""
        rng = self.rng
        draw = rng.random()
        text = place.township if rng.random() < 0.08 else ""
        if place.kind == "village":
            return text + rng.choice((place.county, place.township, ""))
        if draw < 0.12:  # the road at its back, or a name of the road that the query doesn't use
            other = self._road()
            return (
                text + other + rng.choice((f"{rng.randint(1, 400)}号", f"{rng.choice(_SIDES)}50米"))
            )
        if place.door and draw < 0.5:
            return text + f"{place.road}{place.door}号" + ("附近" if rng.random() < 0.12 else "")
        if draw < 0.65:
            pair = [place.road, place.cross]
            rng.shuffle(pair)
            return f"{pair[0]}与{pair[1]}交叉口" + (
                f"{rng.choice(_SIDES)}{rng.choice((20, 50, 100, 150, 200))}米"
                if rng.random() < 0.8
                else ""
            )
        if draw < 0.75:
            return f"{place.road}{rng.choice(_SIDES)}{rng.choice((50, 100, 150, 200))}米"
        if draw < 0.92:
            return text or place.county
        return ""

    def _full(self, place: Place, told: Place) -> str:
        text = self._location(place)
        if place.kind == "village":
            return text + place.community + (f"{place.door}号" if told.door else "")
        if place.kind == "lane":
            return f"{place.road}{place.part}{place.door}号" + self.rng.choice(
                ("", "楼", self._stem())
            )
        if not place.name:
            text = (place.county if self.rng.random() < 0.3 else "") + f"{place.road}{place.door}号"
            draw = self.rng.random()
            if draw < 0.5:
                return text + self._stem() + self.rng.choice(_ESTATES)
            return text + self.rng.choice(("", "", "楼", "院", "附近"))
        name = self._slip(self._short(place.name, 0.1), 0.08) + place.part
        if told.shop:
            return text + (name if self.rng.random() < 0.6 else "") + self._short(place.shop, 0.2)
        if told.building:
            name += self._building(told.building)
            if self.rng.random() < 0.3:
                name += place.name + self._building(told.building)
        elif self.rng.random() < 0.1:
            name += f"({place.road})"
        return text + name

    def _partial(self, place: Place, told: Place) -> str:
        rng = self.rng
        text = self._location(place)
        at_door = f"{place.road}{place.door}号"
        if place.kind == "village":
            if told.door and rng.random() < 0.5:
                return text + place.community + rng.choice(("", f"{self._other(place.door)}号"))
            return text + place.community + self._shop()
        if place.kind == "lane":
            return f"{place.road}{place.part}" + rng.choice((
                f"{self._other(place.door)}号", f"{self._stem()}小区({rng.choice(_GATES)})",
                f"{place.door}号{self._shop()}",
            ))  # fmt: skip
        if not place.name:
            draw = rng.random()
            if draw < 0.3:
                return rng.choice((
                    place.county + place.road, place.township + place.road,
                    f"{place.road}与{place.cross}交叉口", f"{place.cross}与{place.road}交叉口",
                ))  # fmt: skip
            if draw < 0.7:
                return at_door + (self._shop() if rng.random() < 0.6 else self._firm(place.city))
            return (
                f"{place.road}{max(1, place.door + rng.choice((-4, -3, -2, -1, 1, 2, 3, 4)))}号"
                + self._shop()
            )
        if place.kind in ("firm", "shop", "school"):
            draw = rng.random()
            if told.door and draw < 0.5:
                return at_door + (self._shop() if rng.random() < 0.5 else self._firm(place.city))
            return (
                text
                + place.name
                + rng.choice((f"({rng.choice(_GATES)})", "宿舍", "停车场", "仓库"))
            )
        name = self._slip(self._short(place.name, 0.15), 0.06)
        draw = rng.random()
        if place.part and draw < 0.12:
            part = rng.choice(
                [x for x in ("一期", "二期", "A区", "B区", "北区") if x != place.part]
            )
            return text + name + part + (self._building(told.building) if told.building else "")
        if told.building and draw < 0.35:
            return text + name + place.part + self._building(self._other_building(told.building))
        if told.building and draw < 0.6:
            return text + name + (place.part if rng.random() < 0.6 else "")
        if draw < 0.8:
            return text + name + rng.choice((place.part, "")) + f"({rng.choice(_GATES)})"
        if draw < 0.9 or not told.door:
            return (
                text + name + rng.choice(("", self._building(told.building or "1"))) + self._shop()
            )
        return at_door + self._shop()

    def _near(self, told: Place) -> str:
        """Return another building than the one told, as a text."""
        return self._building(self._other_building(told.building)) if told.building else ""

    def _other(self, number: int) -> int:
        return max(1, number + self.rng.choice((-1, 1)) * self.rng.randint(1, 60))

    def _other_building(self, number: str) -> str:
        if not number.isdigit():
            return self.rng.choice([letter for letter in "ABCDEF" if letter != number])
        return str(int(number) % 60 + self.rng.randint(1, 9))

    def _none(self, place: Place, told: Place) -> str:
        """Return a candidate that a search would find, and that is another place."""
        rng = self.rng
        other = replace(self.place(), kind=place.kind)
        draw = rng.random()
        at = self._location(other)
        if place.kind == "lane":
            number = rng.choice((place.door, place.door, self._other(place.door)))
            return f"{rng.choice((place.road, other.road))}{rng.randint(1, 2000)}弄{number}号"
        if draw < 0.12 and place.name:  # only what the place lies in
            return rng.choice((
                place.county + place.road, place.township + place.road,
                place.county + place.township,
                place.county + place.community, f"{place.road}与{other.road}交叉口",
                place.county + place.road, place.road + self._shop(),
            ))  # fmt: skip
        if draw < 0.24 and told.road:  # far down the same road, or the road of that name elsewhere
            far = f"{place.road}{max(1, place.door + rng.choice((-1, 1)) * rng.randint(20, 300))}号"
            return (
                rng.choice(("", other.county))
                + far
                + rng.choice((self._shop(), self._firm(place.city), other.name))
            )
        if draw < 0.3 and told.door:  # the number of the door at another road
            return f"{other.road}{place.door}号" + rng.choice((self._shop(), other.name))
        if not place.name:
            like = place.road[: rng.randint(1, 2)] + rng.choice(_ROADS)
            return (
                rng.choice((other.county, ""))
                + like
                + f"{rng.choice((place.door, other.door or 3))}号"
                + other.name
            )
        building = self._building(told.building) if told.building else ""
        is_common = place.kind == "shop" or place.name.startswith(_COMMON_NAMES)
        if draw < (0.6 if is_common else 0.36):  # the same name elsewhere
            said = rng.choice((other.county, at))
            if place.kind in ("shop", "firm"):
                return (
                    said + place.name + rng.choice(("", f"({other.road}店)", f"({self._stem()}店)"))
                )
            return said + place.name + rng.choice((building, building, self._near(told), ""))
        stem = place.name[:2]
        if place.kind == "firm":
            tail = place.name[rng.randint(2, 4) :]
            return at + rng.choice((division_short(place.city), "")) + self._stem()[:2] + tail
        if place.kind in ("shop", "school"):
            return at + rng.choice((self._stem()[:2] + place.name[2:], stem + self._shop()[-3:]))
        if draw < 0.85:  # a name that is partly alike, often with the same number
            near = rng.choice((
                stem + rng.choice(_ESTATES), self._stem() + place.name[-3:],
                stem + self._stem()[:1] + rng.choice(_ESTATES),
                self._stem()[:1] + place.name[1:],
                place.name[:1] + self._stem()[:1] + place.name[2:],
            ))  # fmt: skip
            return (
                rng.choice((other.county, at))
                + near
                + rng.choice((building, building, self._near(told), ""))
            )
        if told.shop:
            return at + rng.choice((told.shop, self._stem()[:2] + told.shop[2:]))
        return at + other.name + building

    def draw(self) -> tuple[str, str, int]:
        """Return query, candidate and label."""
        place = self.place()
        query, told = self.query(place)
        draw = self.rng.random()
        if draw < 0.6:
            return query, self._none(place, told), NONE
        if draw < 0.88:
            return query, self._partial(place, told), PARTIAL
        return query, self._full(place, told), FULL


def division_short(name: str) -> str:
    """Return a division's name without its last class word where two characters stay."""
    return name[:-1] if len(name) > 2 and name[-1] in "省市区县" else name
