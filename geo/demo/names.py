"""Names of the demo city: places, streets, estates, shops and people, every one invented.

The division codes begin with 99, which GB/T 2260 assigns to no province.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

PROVINCE = ("990000", "示例省")
CITY = ("990100", "云汀市")
COUNTY = ("990102", "澄岚区")
# 001-099 subdistricts, 100-199 towns (GB/T 10114).
TOWNSHIPS = (("990102001", "望汀街道"), ("990102002", "竹霭街道"), ("990102100", "杏溪镇"))
# In the order of `blocks.COMMUNITY_CELLS`; 001-199 residents', 200-399 villagers' committees.
COMMUNITIES = {
    "990102001": (
        ("001", "柳浪社区"), ("002", "汀蒹社区"), ("003", "桐霭社区"), ("004", "槐影社区"),
    ),
    "990102002": (
        ("001", "松漪社区"), ("002", "竹泉社区"), ("003", "砚澜社区"), ("004", "枫桥岭社区"),
    ),
    "990102100": (
        ("001", "书院坡社区"), ("002", "荷漪社区"), ("200", "杏花坞村"), ("201", "芦苇荡村"),
    ),
}  # fmt: skip
DEVELOPMENT_ZONE = "澄岚经济开发区"

_FIRST = "云澄望汀槐柳桐棠松竹梅兰菊桂枫榆杏荷莲芦翠碧青丹紫银金玉珠琴书墨康安宁和顺泰兴昌盛隆"
_SECOND = "溪江河湖泉潭洲岸岭岗坡谷原林荫影华芳香露霞晖光月星云风雨雪"
# What would read as an existing county's short name, or as a city's.
_REFUSED = {"澄江", "望江", "槐荫", "柳林", "松岭", "松原", "梅江", "榆林", "莲湖", "芦溪", "金溪",
            "金林", "珠晖", "宁江", "宁河", "青原", "青河", "青岗", "玉林", "玉溪", "桂林", "安溪",
            "兰溪", "松江", "珠江", "柳江", "丹江", "碧江"}  # fmt: skip
_ESTATE_SUFFIXES = ("苑", "花园", "小区", "家园", "佳苑", "雅居", "新村", "公寓", "华庭", "嘉园")
_SHOPS = (
    ("超市", "supermarket", "Supermarket"), ("便利店", "convenience", "Convenience store"),
    ("面馆", "restaurant", "Noodle house"), ("饺子馆", "restaurant", "Dumpling house"),
    ("药店", "pharmacy", "Pharmacy"), ("理发店", "hairdresser", "Hairdresser"),
    ("水果店", "greengrocer", "Fruit shop"), ("五金店", "hardware", "Hardware shop"),
    ("打印社", "copyshop", "Copy shop"), ("洗衣店", "laundry", "Laundry"),
    ("烘焙坊", "bakery", "Bakery"), ("茶庄", "tea", "Tea house"), ("书店", "books", "Bookshop"),
    ("宾馆", "hotel", "Hotel"), ("网吧", "internet_cafe", "Internet café"),
    ("诊所", "clinic", "Clinic"), ("手机店", "mobile_phone", "Phone shop"),
)  # fmt: skip
_SURNAMES = "赵钱孙李周吴郑王冯陈褚卫"
_NUMERALS = "一二三四五六七八九十"


def person_in_charge(index: int) -> str:
    """A grid worker's name that nobody can bear: 示例·赵一, 示例·赵二, … (up to 120 of them)."""
    surname, numeral = divmod(index, len(_NUMERALS))
    return f"示例·{_SURNAMES[surname % len(_SURNAMES)]}{_NUMERALS[numeral]}"


def numeral(number: int) -> str:
    """1 to 99 in Chinese: 一, 十, 十二, 二十三."""
    tens, ones = divmod(number, 10)
    head = "" if tens == 0 else "十" if tens == 1 else _NUMERALS[tens - 1] + "十"
    return head + (_NUMERALS[ones - 1] if ones else "")


@dataclass
class NameDrawer:
    """Draws two-character names, each once, in an order that the seed decides."""

    rng: np.random.Generator
    _stems: list[str] = field(init=False)

    def __post_init__(self) -> None:
        stems = [a + b for a in _FIRST for b in _SECOND if a != b and a + b not in _REFUSED]
        self._stems = [stems[i] for i in self.rng.permutation(len(stems))]

    def stem(self) -> str:
        return self._stems.pop()

    def estate(self) -> str:
        return self.stem() + self.choice(_ESTATE_SUFFIXES)

    def shop(self) -> tuple[str, str, str]:
        """A shop's Chinese name, class and English kind. Stems of shops may repeat."""
        suffix, place_class, english = _SHOPS[int(self.rng.integers(len(_SHOPS)))]
        stem = self._stems[int(self.rng.integers(len(self._stems)))]
        return stem + suffix, place_class, english

    def choice(self, options: Sequence[str]) -> str:
        return options[int(self.rng.integers(len(options)))]
