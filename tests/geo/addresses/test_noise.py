"""Noise never raises the confidence, and never turns what is for review into a match.

Noise is what says nothing about which place is meant: characters that stand in no name of the
register and in no word of its grammar, chatter, punctuation and pictures, and the same words again.
It stands before the text, behind it, or between two of its parts, never inside a name or a number.
The law is about the confidence in one answer: where noise makes another address come first (a
coarser one, say), that answer has a confidence of its own, but is no match where there was none.
"""

from __future__ import annotations

import functools
import itertools
import random

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from geo.addresses.match import MatchResult, match_standard_address
from geo.addresses.register_index import RegisterIndex
from geo.values import GridScope

EVERYTHING = GridScope.everything()
_STEMS = ("翠溪", "银桥", "荷塘", "松岭", "云港", "金麓", "春原", "文岸")
_KINDS = ("苑", "花园", "新村", "公寓")
_TOWNS = ("清泉街道", "桐岸镇", "龙门街道")
Levels = tuple[str, ...]

CHATTER = (
    "谢谢", "请送到", "麻烦快点", "电话联系", "到了打电话", "放门卫", "收货地址", "师傅你好",
    "急急急", "不要敲门", "我在家", "晚上送", "李女士收", "帮忙看下", "你好我这里是", "人在",
)  # fmt: skip
PUNCTUATION = ("，", "。", "!!", "…", "  ", "（）", "~", "、", "；", "😀", "★", "“”", "?", "\t")
# In no name above, and in no word of the grammar of addresses.
STRANGE = "玄黄宇宙洪荒盈昃辰宿寒暑藏闰余律吕腾致雨露霜剑巨阙珍李柰菜芥姜潜羽翔嗯啊哦吧呢吗呀哈"

noises = st.one_of(
    st.text(alphabet=STRANGE, min_size=1, max_size=8),
    st.sampled_from(CHATTER),
    st.sampled_from(PUNCTUATION),
    st.tuples(
        st.sampled_from(PUNCTUATION), st.sampled_from(CHATTER), st.sampled_from(PUNCTUATION)
    ).map("".join),
)
seeds = st.integers(0, 5)


@functools.cache
def register(seed: int) -> tuple[list[Levels], RegisterIndex]:
    """Return addresses, level by level, many of them alike, and their index."""
    rng = random.Random(seed)
    rows: set[Levels] = set()
    while len(rows) < 150:
        head = ("浙江省", "杭州市", rng.choice(("西湖区", "拱墅区")), rng.choice(_TOWNS))
        if rng.random() < 0.2:
            village = rng.choice(_STEMS) + "村"
            rows.add((*head, village, f"{rng.randint(1, 4)}组", f"{rng.randint(1, 30)}号"))
            continue
        road = rng.choice(_STEMS) + rng.choice(("", "东", "西", "一")) + rng.choice(("路", "街"))
        door = f"{rng.randint(1, 60)}号"
        if rng.random() < 0.3:
            rows.add((*head, road, door))
            continue
        estate = rng.choice(_STEMS) + rng.choice(_KINDS) + rng.choice(("", "一区", "二区", "三期"))
        for room in ("101室", "202室"):
            tail = (f"{rng.randint(1, 5)}幢", rng.choice(("1单元", "2单元")), room)
            rows.add((*head, road, door, estate, *tail))
    ordered = sorted(rows)
    texts = ["".join(levels) for levels in ordered]
    return ordered, RegisterIndex.from_rows([(i, t, 120.1, 30.2) for i, t in enumerate(texts, 1)])


def _as_told(levels: Levels, rng: random.Random) -> list[str]:
    """Return an address as somebody tells it: in part, with slips, with what contradicts it."""
    told = [each for at, each in enumerate(levels) if rng.random() < (0.4 if at < 4 else 0.9)]
    for at, name in enumerate(told):
        draw = rng.random()
        if draw < 0.1 and len(name) > 3 and not name[0].isdigit():
            cut = rng.randrange(2)
            told[at] = name[:cut] + rng.choice("天光明") + name[cut + 1 :]
        elif draw < 0.15 and name[0].isdigit():
            told[at] = name.replace(name[0], str(rng.randint(1, 9)), 1)
        elif draw < 0.2 and name.endswith("幢"):
            told[at] = name.replace("幢", "号楼")
    if rng.random() < 0.1:
        told.insert(0, rng.choice(("江苏省南京市鼓楼区", "拱墅区", "浙江省", "虎丘区")))
    if rng.random() < 0.1:
        told.append(rng.choice(("对面", "旁边的超市", "13800000000", "门口")))
    return told


def match(text: str, index: RegisterIndex) -> MatchResult:
    return match_standard_address(text, index, scope=EVERYTHING)


def holds(plain: MatchResult, noisy: MatchResult) -> bool:
    if noisy.status == "matched" and plain.status != "matched":
        return False
    if plain.best is None or noisy.best is None:
        return noisy.best is None
    is_same = plain.best.canonical_text == noisy.best.canonical_text
    return not is_same or noisy.confidence <= plain.confidence


@settings(max_examples=150, deadline=None)
@given(seeds, st.integers(0, 149), st.integers(0, 10_000), noises, st.data())
def test_noise_before_behind_or_between(
    seed: int, row: int, telling: int, noise: str, data: st.DataObject
) -> None:
    rows, index = register(seed)
    levels = _as_told(rows[row % len(rows)], random.Random(telling))
    assume(levels)
    at = data.draw(st.integers(0, len(levels)), "where")
    text = "".join(levels)
    noisy = "".join([*levels[:at], noise, *levels[at:]])
    assert holds(match(text, index), match(noisy, index)), (text, noisy)


@settings(max_examples=60, deadline=None)
@given(seeds, st.integers(0, 149), noises, st.data())
def test_noise_in_a_registered_text(seed: int, row: int, noise: str, data: st.DataObject) -> None:
    rows, index = register(seed)
    levels = rows[row % len(rows)]
    at = data.draw(st.integers(0, len(levels)), "where")
    plain = match("".join(levels), index)
    noisy = match("".join([*levels[:at], noise, *levels[at:]]), index)
    assert plain.status == "matched"
    assert noisy.confidence <= plain.confidence


@settings(max_examples=80, deadline=None)
@given(seeds, st.integers(0, 149), st.integers(0, 10_000), st.sampled_from(["", "，", " ", "。"]))
def test_the_same_words_again(seed: int, row: int, telling: int, between: str) -> None:
    rows, index = register(seed)
    levels = _as_told(rows[row % len(rows)], random.Random(telling))
    text = "".join(levels)
    assume(len(text) > 3)
    assert holds(match(text, index), match(text + between + text, index)), text
    if len(levels) > 2:
        again = max(levels, key=len)
        assert holds(match(text, index), match(text + between + again, index)), (text, again)


@settings(max_examples=60, deadline=None)
@given(seeds, st.integers(0, 149), st.lists(noises, min_size=2, max_size=4))
def test_more_noise_is_never_surer(seed: int, row: int, pieces: list[str]) -> None:
    rows, index = register(seed)
    text = "".join(rows[row % len(rows)])
    results = [match(text + "，".join(pieces[:count]), index) for count in range(len(pieces) + 1)]
    for fewer, more in itertools.pairwise(results):
        assert holds(fewer, more), text


@pytest.mark.parametrize(
    "chatter", ["谢谢", "谢谢谢谢谢谢谢谢", "请放门卫代收谢谢", "联系电话收货地址快递住宅小区"]
)
def test_chatter_that_is_understood_makes_up_for_nothing(chatter: str) -> None:
    """The share of what isn't understood once fell as idle words were added."""
    rows, index = register(0)
    text = "玄黄宇宙" + "".join(rows[-1])
    assert match(text + chatter, index).confidence <= match(text, index).confidence


def test_each_stretch_that_nothing_explains_costs_by_itself() -> None:
    rows, index = register(0)
    text = "".join(rows[-1])
    found = [
        match(text + "，".join(["", "玄黄", "宇宙", "洪荒"][: n + 1]), index) for n in range(4)
    ]
    confidences = [each.confidence for each in found]
    assert confidences == sorted(confidences, reverse=True)
    assert len(set(confidences)) == 4


@pytest.mark.parametrize("between", ["", " ", "，", "。 "])
def test_a_text_that_is_the_same_words_twice_is_read_once(between: str) -> None:
    """The lead of the likest text over its rival once grew with the repetition."""
    _, index = register(0)
    text = "杭州市拱墅区云港村8组1号旁边的超市"
    once, twice = match(text, index), match(text + between + text, index)
    assert (twice.candidates, twice.status) == (once.candidates, once.status)
    assert twice.text == text + between + text
