"""The national list of administrative divisions: codes, names, short names, former names.

Codes are those of the list: 6 digits for province, city, county (GB/T 2260), 9 for township, 12
for village or community. Four levels load in some 0.2 s, on first use; villages load a prefecture
at a time. Source: National Bureau of Statistics, 2023 edition (WTFPL, see
data/LICENSE); former divisions: compiled by hand (docs/addresses.md says how far checked).
"""

from __future__ import annotations

import csv
import functools
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from geo.addresses.division_files import DATA_FOLDER, read_upper_lines, read_villages
from geo.addresses.levels import AddressLevel
from geo.errors import AreaNotFound, InvalidCode

_PEOPLES = (
    "蒙古族|回族|藏族|维吾尔族|苗族|彝族|壮族|布依族|朝鲜族|满族|侗族|瑶族|白族|土家族|哈尼族|哈萨克族"
    "|傣族|黎族|傈僳族|佤族|畲族|高山族|拉祜族|水族|东乡族|纳西族|景颇族|柯尔克孜族|土族|达斡尔族"
    "|仫佬族|羌族|布朗族|撒拉族|毛南族|仡佬族|锡伯族|阿昌族|普米族|塔吉克族|怒族|乌孜别克族|俄罗斯族"
    "|鄂温克族|德昂族|保安族|裕固族|京族|塔塔尔族|独龙族|鄂伦春族|赫哲族|门巴族|珞巴族|基诺族|各族"
    "|蒙古|维吾尔|哈萨克|柯尔克孜|塔吉克|锡伯"
)
_AUTONOMOUS = re.compile(rf"(?:{_PEOPLES})+(?=自治|族?乡)|自治(?=[州县旗])")
_ENDING = {
    AddressLevel.PROVINCE: re.compile(r"(?:壮族|回族|维吾尔)?自治区$|特别行政区$|[省市]$"),
    AddressLevel.CITY: re.compile(r"(?:地区|林区|[市盟州])$"),
    AddressLevel.COUNTY: re.compile(r"(?:新区|林区|特区|矿区|[区县市旗])$"),
    AddressLevel.TOWNSHIP: re.compile(r"(?:街道办事处|街道|地区|民族乡|苏木|[镇乡])$"),
    AddressLevel.COMMUNITY: re.compile(
        r"(?:村民委员会|居民委员会|社区居委会|村委会|居委会|社区|嘎查|村)$"
    ),
}
_PSEUDO_NAMES = frozenset({"市辖区", "县", "省直辖县级行政区划", "自治区直辖县级行政区划"})
_ZONE = re.compile(r"开发区|园区|示范区|管理区|产业园|保税区|高新区|试验区|合作区|集聚区")
# Short names that say nothing by themselves (a 城区 is a county of 3 cities).
_EMPTY_STEMS = frozenset({"城", "郊", "矿", "新", "市", "开发", "高新", "城关", "市中", "桥东"})


@dataclass(frozen=True, slots=True)
class Division:
    """One administrative division.

    code : 6, 9 or 12 digits
    until : the last year in which the code was in force, None for a present division
    successor : code of the division that took its place, None for a present one
    """

    code: str
    name: str
    level: AddressLevel
    until: int | None = None
    successor: str | None = None

    @property
    def stem(self) -> str:
        """The name without its class word: 杭州市 → 杭州, 恩施土家族苗族自治州 → 恩施."""
        return division_stem(self.name, self.level)


def division_stem(name: str, level: AddressLevel) -> str:
    """Return `name` without its class word, or `name` itself where nothing would be left."""
    ending = _ENDING.get(level)
    if ending is None:
        return name
    stem = name
    if level is not AddressLevel.PROVINCE and ("自治" in name or "族乡" in name):
        stem = _AUTONOMOUS.sub("", name)
    stem = ending.sub("", stem)
    return stem if len(stem) >= 2 else name


def parent_codes(code: str) -> tuple[str, ...]:
    """Return the codes above `code`, nearest first: 330110011 → 330110, 330100, 330000."""
    parents = []
    if len(code) == 12:
        parents.append(code[:9])
    if len(code) >= 9:
        parents.append(code[:6])
    if code[2:6] != "0000":
        if code[4:6] != "00":
            parents.append(code[:4] + "00")
        parents.append(code[:2] + "0000")
    # A township of a prefecture without counties hangs under the prefecture itself.
    return tuple(dict.fromkeys(parents))


def code_prefix(code: str) -> str:
    """Return what the codes of everything within `code` begin with: 330100 → 3301."""
    if len(code) == 6:
        return code[:2] if code.endswith("0000") else code[:4] if code.endswith("00") else code
    return code


class DivisionList:
    """Divisions by code and by name. Made once by `load_divisions`; never changed after."""

    def __init__(self, divisions: Iterable[Division]) -> None:
        # As plain strings: the garbage collector walks 45,000 objects again and again, but
        # passes over these. A division is made when it is asked for.
        self._names: dict[str, str] = {}
        self._ends: dict[str, tuple[int | None, str | None]] = {}
        self._made: dict[str, Division] = {}
        self.full_names: dict[str, tuple[str, ...]] = {}
        self.short_names: dict[str, tuple[str, ...]] = {}
        self.township_names: dict[str, tuple[str, ...]] = {}
        self.township_stems: dict[str, tuple[str, ...]] = {}
        for division in divisions:
            self._add(division)

    def _add(self, division: Division) -> None:
        # A former name of a code that is still in force is one more name of the division.
        name, code = division.name, division.code
        if code not in self._names:
            self._names[code] = name
            if division.until is not None:
                self._ends[code] = (division.until, division.successor)
        if name in _PSEUDO_NAMES:
            return
        if division.level is AddressLevel.TOWNSHIP:
            _append(self.township_names, name, code)
            stem = division_stem(name, division.level)
            if stem != name:
                _append(self.township_stems, stem, code)
            return
        _append(self.full_names, name, code)
        stem = division_stem(name, division.level)
        if stem != name and stem not in _EMPTY_STEMS:
            _append(self.short_names, stem, code)

    def __len__(self) -> int:
        return len(self._names)

    def __iter__(self) -> Iterator[Division]:
        return map(self._make, self._names)

    def __contains__(self, code: object) -> bool:
        return code in self._names

    def _make(self, code: str) -> Division:
        name = self._names[code]
        until, successor = self._ends.get(code, (None, None))
        return Division(code, name, division_level(code, name), until, successor)

    def find(self, code: str) -> Division | None:
        """Return the division with `code` (a village only if its prefecture lists it)."""
        found = self._made.get(code)
        if found is not None:
            return found
        if code in self._names:
            found = self._made[code] = self._make(code)
        elif len(code) == 12:
            name = load_villages(code[:9]).get(code)
            found = Division(code, name, AddressLevel.COMMUNITY) if name else None
        return found

    def get(self, code: str) -> Division:
        """Return the division with `code`.

        Raises
        ------
        InvalidCode : `code` is not 6, 9 or 12 digits
        AreaNotFound : no division has it
        """
        if len(code) not in (6, 9, 12) or not code.isdigit():
            raise InvalidCode(
                f"The division code {code!r} is not 6, 9 or 12 digits. "
                "Fill up with zeros: 33 becomes 330000.",
                code=code,
            )
        found = self.find(code)
        if found is None:
            raise AreaNotFound(f"No division has the code {code}.", code=code)
        return found

    def chain(self, code: str) -> tuple[Division, ...]:
        """Return the division and those above it, coarse to fine, without empty levels."""
        found = [self.find(each) for each in (code, *parent_codes(code))]
        return tuple(d for d in reversed(found) if d is not None and d.name not in _PSEUDO_NAMES)

    def search(
        self, name: str, *, level: AddressLevel | None = None, within: str | None = None
    ) -> tuple[Division, ...]:
        """Return divisions of the upper four levels called `name`, in full or in short.

        within : code of a division that must contain them
        """
        codes: dict[str, None] = {}
        for names in (
            self.full_names, self.township_names, self.short_names, self.township_stems,
        ):  # fmt: skip
            codes |= dict.fromkeys(names.get(name, ()))
        prefix = code_prefix(within) if within else ""
        found = [self.get(code) for code in codes if code.startswith(prefix)]
        return tuple(each for each in found if level is None or each.level is level)

    def townships_of(self, county: str) -> tuple[Division, ...]:
        """Return the townships of a county (6 digits), in order of codes."""
        return self._townships().get(county, ())

    @functools.cache  # noqa: B019 - one list lives as long as the program
    def _townships(self) -> dict[str, tuple[Division, ...]]:
        grouped: dict[str, list[Division]] = {}
        for division in self:
            if division.level is AddressLevel.TOWNSHIP:
                grouped.setdefault(division.code[:6], []).append(division)
        return {county: tuple(found) for county, found in grouped.items()}

    def successor(self, code: str) -> Division:
        """Return the present division that took the place of `code`, or the division itself."""
        division = self.get(code)
        while division.successor is not None:
            division = self.get(division.successor)
        return division


def _append(names: dict[str, tuple[str, ...]], name: str, code: str) -> None:
    names[name] = (*names.get(name, ()), code)


def division_level(code: str, name: str) -> AddressLevel:
    """Return the level that a code and its name stand for."""
    if len(code) == 12:
        return AddressLevel.COMMUNITY
    if len(code) == 9:
        return AddressLevel.TOWNSHIP
    if code.endswith("0000"):
        return AddressLevel.PROVINCE
    if code.endswith("00"):
        return AddressLevel.CITY
    # 7x codes are functional areas without a government of their own.
    return AddressLevel.DEVELOPMENT_ZONE if _ZONE.search(name) else AddressLevel.COUNTY


@functools.cache
def load_divisions() -> DivisionList:
    """Return the national list with the former divisions, loaded once."""

    def read() -> Iterator[Division]:
        for line in read_upper_lines():
            code, _, name = line.partition(" ")
            yield Division(code, name, division_level(code, name))
        with (DATA_FOLDER / "former_divisions.csv").open(encoding="utf-8", newline="") as lines:
            for row in csv.DictReader(lines):
                code, name = row["code"], row["name"]
                level = division_level(code, name)
                yield Division(code, name, level, int(row["until"]), row["successor"] or None)

    return DivisionList(read())


@functools.lru_cache(maxsize=64)
def _prefecture_villages(prefecture: str) -> dict[str, dict[str, str]]:
    villages: dict[str, dict[str, str]] = {}
    for code, name in read_villages(prefecture):
        villages.setdefault(code[:9], {})[code] = name
    return villages


def load_villages(township: str) -> dict[str, str]:
    """Return code → name of the villages and communities of a township (9 digits)."""
    return _prefecture_villages(township[:4]).get(township, {})
