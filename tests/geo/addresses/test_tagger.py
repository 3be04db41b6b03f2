"""The trained tagger: it learns what it is shown, repeats itself exactly, and survives any text."""

from __future__ import annotations

import random
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from geo.addresses.tagged import TaggedAddress
from geo.addresses.tagger import Tagger
from geo.addresses.training import train_tagger
from geo.errors import InvalidFile, NotEnoughData


def invented(number: int, seed: int) -> list[TaggedAddress]:
    """Tagged addresses of an invented town."""
    chance = random.Random(seed)
    found = []
    for _ in range(number):
        pieces = [
            (chance.choice(["杭州市", "宁波市", "杭州"]), "city"),
            (chance.choice(["西湖区", "余杭区", "海曙区"]), "district"),
            (
                chance.choice("春夏秋冬东西")
                + chance.choice("山水云风")
                + chance.choice(["路", "街"]),
                "road",
            ),
            (f"{chance.randint(1, 2000)}号", "roadno"),
            (
                chance.choice("金银玉翠")
                + chance.choice("湖林泉")
                + chance.choice(["花园", "小区"]),
                "poi",
            ),
            (f"{chance.randint(1, 99)}幢", "houseno"),
        ]
        kept = [piece for piece in pieces if chance.random() < 0.85]
        text, spans = "", []
        for piece, label in kept:
            spans.append((len(text), len(text) + len(piece), label))
            text += piece
        found.append(TaggedAddress(text, tuple(spans)))
    return found


@pytest.fixture(scope="module")
def tagger() -> Tagger:
    return train_tagger(invented(400, seed=1), epochs=4, models=1)


def test_it_reads_new_addresses_of_the_same_kind(tagger: Tagger) -> None:
    fresh = invented(200, seed=2)
    found = tagger.tag_many([address.text for address in fresh])
    right = sum(tuple(spans) == address.spans for spans, address in zip(found, fresh, strict=True))
    assert right >= 194


def test_the_same_file_and_seed_give_the_same_tagger(tagger: Tagger) -> None:
    again = train_tagger(invented(400, seed=1), epochs=4, models=1)
    assert again.labels == tagger.labels
    assert np.array_equal(again.weights, tagger.weights)
    assert np.array_equal(again.transitions, tagger.transitions)


def test_a_stored_tagger_reads_alike(tagger: Tagger, tmp_path: Path) -> None:
    path = tmp_path / "tagger.npz"
    tagger.save(path)
    texts = [address.text for address in invented(50, seed=3)]
    assert Tagger.load(path).tag_many(texts) == tagger.tag_many(texts)


def test_what_is_no_tagger_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "broken.npz"
    path.write_bytes(b"not a tagger")
    with pytest.raises(InvalidFile, match="no tagger"):
        Tagger.load(path)
    with pytest.raises(InvalidFile, match="no tagger"):
        Tagger.load(tmp_path / "absent.npz")
    np.savez_compressed(path, format=np.int64(99))
    with pytest.raises(InvalidFile, match="format 99"):
        Tagger.load(path)


def test_too_few_addresses_are_refused() -> None:
    with pytest.raises(NotEnoughData, match="3 tagged addresses"):
        train_tagger(invented(3, seed=1))


@settings(deadline=None)
@given(st.lists(st.text(max_size=40), max_size=5))
def test_any_text_gives_ordered_spans(tagger: Tagger, texts: list[str]) -> None:
    found = tagger.tag_many(texts)
    assert len(found) == len(texts)
    for text, spans in zip(texts, found, strict=True):
        assert all(0 <= start < end <= len(text) for start, end, _ in spans)
        assert all(one[1] <= two[0] for one, two in pairwise(spans))


def test_full_width_and_traditional_text_is_read_like_plain_text(tagger: Tagger) -> None:
    plain, other = tagger.tag_many(["杭州市西湖区春山路12号", "杭州市西湖區春山路１２号"])
    assert plain == other


def test_a_text_longer_than_the_window_is_read_to_the_window(tagger: Tagger) -> None:
    (spans,) = tagger.tag_many(["春山路12号" * 1_000])
    assert all(end <= 5_000 for _, end, _ in spans)
