"""Standardise: laws on generated addresses and on noise, cases by hand."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from geo.addresses import AddressLevel, ParseContext, WrittenForm, parse, standardise
from geo.errors import FileTooLarge, InvalidInput
from tests.bad_texts import NO_ADDRESS
from tests.geo.addresses.test_standardise import _FORMS, components

_NOISE = st.text(
    st.sampled_from("文一路号幢单元室3８二附-()，对面老王 店余杭区A座层组村"), max_size=24
)


@given(components(), _FORMS)
def test_a_standard_text_standardised_is_itself(parts: dict[str, str], form: WrittenForm) -> None:
    text = standardise(" ".join(parts.values()), written_form=form).canonical_text
    once = standardise(text, written_form=form)
    twice = standardise(once.canonical_text, written_form=form)
    assert once.reads_back
    assert twice.canonical_text == once.canonical_text
    assert twice.components == once.components


@given(_NOISE, _FORMS)
def test_noise_standardised_is_itself_or_said_to_swing(text: str, form: WrittenForm) -> None:
    once = standardise(text, written_form=form)
    twice = standardise(once.canonical_text, written_form=form)
    assert twice.canonical_text == once.canonical_text or not once.reads_back
    assert (once.canonical_text == "") == (once.components == {})


@given(components(), _FORMS)
def test_the_full_text_lies_in_the_same_division(parts: dict[str, str], form: WrittenForm) -> None:
    found = standardise("".join(parts.values()), written_form=form)
    if found.full_text is not None:
        full = standardise(found.full_text, written_form=form)
        assert full.full_text == found.full_text
        assert full.division_code == found.division_code


def test_codes_of_each_level_and_which_are_written() -> None:
    found = standardise("余杭仓前文一西路１５００号６幢")
    assert found.canonical_text == "余杭区仓前街道文一西路1500号6幢"
    assert found.full_text == "浙江省杭州市余杭区仓前街道文一西路1500号6幢"
    assert [(each.level.value, each.code, each.is_written) for each in found.divisions] == [
        ("province", "330000", False), ("city", "330100", False), ("county", "330110", True),
        ("township", "330110012", True),
    ]  # fmt: skip
    assert found.level is AddressLevel.BUILDING


@pytest.mark.parametrize(
    ("text", "code", "until", "successor"),
    [
        ("杭州市江干区凯旋路1号", "330104", 2021, ("330102", "上城区")),
        ("重庆市潼南县人民路1号", "500223", 2015, ("500152", "潼南区")),
        ("杭州市余杭区文一西路1号", "330110", None, None),
    ],
)
def test_an_abolished_division_names_its_successor(
    text: str, code: str, until: int | None, successor: tuple[str, str] | None
) -> None:
    division = standardise(text).divisions[-1]
    assert (division.code, division.until) == (code, until)
    found = division.successor
    assert (found and (found.code, found.name)) == successor


def test_nothing_is_asserted_where_a_name_is_open() -> None:
    found = standardise("鼓楼区中山路1号")
    assert (found.divisions, found.division_code, found.full_text) == ((), None, None)
    own = standardise("鼓楼区中山路1号", context=ParseContext(division_codes=("320106",)))
    assert own.full_text == "江苏省南京市鼓楼区中山路1号"


def test_a_crooked_text_is_read_from_its_own_standard_text() -> None:
    text = "陆家镇江苏省苏州市昆山市陆家镇东景苑12号楼1711"
    assert standardise(text).canonical_text == "江苏省苏州市昆山市陆家镇东景苑12幢1711室"


def test_what_is_left_out_is_told_in_the_order_of_the_text() -> None:
    found = standardise("(新)人民路1号对面老王面馆")
    assert [note.start for note in found.left_out] == sorted(n.start for n in found.left_out)
    assert {"(新)", "对面"} <= {note.text for note in found.left_out}


@pytest.mark.parametrize("name", NO_ADDRESS)
def test_what_is_no_address_has_no_standard_text(name: str) -> None:
    found = standardise(NO_ADDRESS[name])
    assert (found.canonical_text, found.components, found.level) == ("", {}, None)
    assert found.full_text is None


def test_bad_input_is_refused() -> None:
    with pytest.raises(FileTooLarge, match="at most 20"):
        standardise("路" * 21, max_length=20)
    with pytest.raises(InvalidInput, match="got int"):
        standardise(5)  # type: ignore[arg-type]
    assert standardise(parse("人民路1号")) == standardise("人民路1号")
