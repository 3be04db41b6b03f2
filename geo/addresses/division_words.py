"""Patterns that tell a division's name from the beginning of another name."""

from __future__ import annotations

import re

from geo.addresses.words import (
    COMMUNITY_ENDINGS,
    ESTATE_ENDINGS,
    ROAD_ENDINGS,
    TOWNSHIP_ENDINGS,
    WEAK_ENDINGS,
    ZONE_ENDINGS,
    alternatives,
)

_POINTERS = "[东西南北中上下前后大小新老一二三四五六七八九十]{0,2}"
_ROADS = alternatives(ROAD_ENDINGS)
_ALL = alternatives(ROAD_ENDINGS + COMMUNITY_ENDINGS + ESTATE_ENDINGS)
_STRONG_ESTATES = alternatives(
    tuple(word for word in ESTATE_ENDINGS if len(word) > 1 and word not in WEAK_ENDINGS)
)

ZONE_FOLLOWS = re.compile(alternatives(ZONE_ENDINGS))
NAME_GOES_ON = re.compile(
    rf"{_POINTERS}(?:{_ALL})|[镇乡]|街道|[工农商医师理]业?大学|大学|人民"
    r"|第[一二三四五六七八九十]"
)
# Under a city that is written, a short name of a county needs less to be believed.
ROAD_GOES_ON = re.compile(
    rf"{_POINTERS}(?:{_ROADS})|(?:{_STRONG_ESTATES})|[站店馆局厂湾镇乡村]|街道|社区"
)
VILLAGE_GOES_ON = re.compile(rf"{_POINTERS}(?:{_ROADS}|小区|小学)")
# 河北工程大学 and 杭州钢铁集团 are names, they don't say that the place lies there.
INSTITUTION = re.compile(
    r"[^路街道巷弄区县市镇乡村号\W]{1,12}?"
    r"(?:大学|学院|公司|集团|银行|研究院|研究所|总厂|医院|博物馆|剧院|宾馆|饭店|酒店)"
)
# A body with divisions and regiments all over Xinjiang, and offices elsewhere: its name says no
# more of the place than that of a firm does. 石河子市, where it follows, is found by itself.
CORPS = re.compile(
    r"新疆生产建设兵团(?:农?第?[一二三四五六七八九十\d]{1,3}师)?(?:第?[一二三四五六七八九十〇零百\d]{1,4}团)?"
)
TOWNSHIP = re.compile(rf"[一-鿿]{{2,6}}?(?:{alternatives(TOWNSHIP_ENDINGS)})(?![路街道巷中小口政])")
TOWNSHIP_ENDS = frozenset(word[0] for word in TOWNSHIP_ENDINGS)
COUNTY = re.compile(
    r"[一-鿿]{1,3}县(?![城道医政人中小路街委第])"
    r"|[一-鿿]{2,3}(?<![开小园新社地])[市区](?=[^市区县路]{1,5}(?:镇|乡|街道)(?!路))"
)
ZONE_NAME = re.compile(rf"(?:{alternatives(ZONE_ENDINGS)}|园区|新区|工业区)$")
# What forms put where a division is unknown.
FILLER = re.compile(
    r"市辖[区县]|(?:市区|城区)(?![东西南北一二三四])|其[它他][区县]|中国"
    r"|省直辖县级行政区划|自治区直辖县级行政区划"
)
FILLER_STARTS = frozenset("市城其中省自")
# A township may have become a town or subdistrict since: 递铺镇 is 递铺街道 in the list.
CHANGED_CLASS = re.compile(r"街道办事处|街道|[镇乡](?![路街道巷])")
VILLAGE_CLASS = re.compile(r"社区居委会|村民委员会|居民委员会|社区|村委会|居委会|村委|村")
