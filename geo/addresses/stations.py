"""Stations of metro and railway: a named place, whose halls and exits are no part of its name."""

from __future__ import annotations

import re

from geo.addresses.division_names import upper_names
from geo.addresses.tokens import Kind, Reading
from geo.addresses.words import RELATION_WORDS, alternatives

_NUMBER = r"(?:\d{1,2}|[一二三四五六七八九十]{1,3})"
# What stands between a line and a 站 that is no stop of it: 地铁1号线旁加油站.
_NO_STOP = r"旁|附近|对面|沿线|上盖|加油|停车|车辆段|交叉|交汇"
_STATION = re.compile(
    rf"(?P<city>[一-鿿]{{2,4}}?)??"
    rf"(?P<stop>(?:地铁|轨道交通|轻轨){_NUMBER}号线(?:[和与,/]?{_NUMBER}号线)?"
    rf"(?:(?!{_NO_STOP})[一-鿿]){{1,9}}?站)"
)
_SIDE_EXIT = r"[东西南北]{1,2}(?:出站口|进站口|出入口)"
_EXIT = rf"(?:[A-Z]\d?|{_NUMBER}号?)(?:出入口|出站口|进站口|[出入]口|口|端)|{_SIDE_EXIT}"
_OTHER_STATION = re.compile(
    r"(?P<stop>[^\W\da-zA-Z_路街道巷]{0,8}?"
    r"(?:(?:地铁|轻轨|火车|高铁|汽车|客运|公交)站|[东西南北]站))"
    rf"(?={_EXIT})"
)
_HALL = rf"(?:{_NUMBER}号线)?站[厅台]|厅|非?付费区|车控室|客服中心|换乘"
_WITHIN = rf"{_HALL}|[东西南北中]部|靠近|面对|往(?![东西南北前后左右])"
_INSIDE = re.compile(
    rf"(?P<exit>{_EXIT})"
    rf"|(?P<within>(?:{_WITHIN})(?:(?!{alternatives(RELATION_WORDS)}|内(?![一-鿿]))[一-鿿])*)"
)
_NOTES_MAX = 6  # 站厅, A端, 付费区, A口: real texts say four at most
_IN_BUILDING = frozenset({Kind.BUILDING, Kind.ENTRANCE, Kind.FLOOR, Kind.ROOM})


def scan_station(reading: Reading, at: int) -> int:
    """Add the station that begins at `at`, and its hall and exit as notes; return where they end.

    深圳地铁2号线燕南站站厅内 in 深圳市 is 地铁2号线燕南站: the city is said already.
    """
    text = reading.text
    if "站" not in text:
        return at
    match = _STATION.match(text, at) or _OTHER_STATION.match(text, at)
    if match is None:
        return at
    stop, city = match["stop"], match.groupdict().get("city")
    if city is not None:
        if city[:2] not in upper_names():
            return at
        if not any(token[0] == Kind.CITY and token[3].startswith(city) for token in reading.tokens):
            stop = city + stop
    is_first = Kind.ESTATE not in reading.seen and not reading.seen & _IN_BUILDING
    end = match.end()
    reading.add(Kind.ESTATE if is_first else Kind.NAME, at, end, stop)
    for _ in range(_NOTES_MAX):
        inside = _INSIDE.match(text, end)
        if inside is None:
            break
        reading.add(Kind.NOTE, end, inside.end(), inside[0])
        end = inside.end()
    return end
