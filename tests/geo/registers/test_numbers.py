"""Numbers as people write them: check digits, birth dates, masks."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from geo.errors import InvalidNumber
from geo.registers.numbers import (
    birth_year_of,
    mask_identity_number,
    mask_phone,
    read_credit_code,
    read_document_number,
    read_identity_number,
    read_phone,
)
from tests.geo.registers.conftest import TODAY, identity


def code_of(fault: pytest.ExceptionInfo[InvalidNumber]) -> str:
    return str(fault.value.facts["code"])


def test_the_standards_own_example_is_an_identity_number() -> None:
    # GB 11643-1999 4.3: 11010519491231002 has the check digit X.
    assert read_identity_number("11010519491231002X", today=TODAY) == "11010519491231002X"
    assert read_identity_number(" 110105 19491231 002x", today=TODAY) == "11010519491231002X"
    assert read_identity_number("１１０１０５１９４９１２３１００２Ｘ", today=TODAY).endswith("X")
    assert birth_year_of("11010519491231002X") == 1949


@pytest.mark.parametrize(
    ("written", "code"),
    [
        ("110105491231002", "identity_number_old"),
        ("1101051949123100", "identity_number_form"),
        ("11010519491231002A", "identity_number_form"),
        ("110105194912310021", "identity_number_check_digit"),
        ("X1010519491231002X", "identity_number_form"),
        ("", "identity_number_form"),
        (identity(1, "19900230"), "identity_number_birth_date"),
        (identity(1, "20260602"), "identity_number_birth_date"),  # tomorrow
        (identity(1, "18900101"), "identity_number_birth_date"),  # 136 years ago
    ],
)
def test_what_is_no_identity_number(written: str, code: str) -> None:
    with pytest.raises(InvalidNumber) as fault:
        read_identity_number(written, today=TODAY)
    assert code_of(fault) == code
    assert not written or written not in fault.value.message


@given(
    st.integers(0, 999), st.dates(date(1900, 1, 1), TODAY), st.integers(0, 17), st.integers(1, 9)
)
def test_one_wrong_digit_is_always_noticed(number: int, born: date, at: int, by: int) -> None:
    right = identity(number, f"{born:%Y%m%d}")
    assert read_identity_number(right, today=TODAY) == right
    digits = "0123456789X" if at == 17 else "0123456789"
    wrong = digits[(digits.index(right[at]) + by) % len(digits)]
    with pytest.raises(InvalidNumber):
        read_identity_number(right[:at] + wrong + right[at + 1 :], today=TODAY)


@given(st.integers(0, 999), st.integers(0, 16))
def test_two_exchanged_digits_are_always_noticed(number: int, at: int) -> None:
    right = identity(number)
    if right[at] != right[at + 1]:
        with pytest.raises(InvalidNumber):
            read_identity_number(
                right[:at] + right[at + 1] + right[at] + right[at + 2 :], today=TODAY
            )


def test_credit_codes() -> None:
    assert read_credit_code("91350100M000100Y43") == "91350100M000100Y43"
    assert read_credit_code("9135 0100-m000100y43") == "91350100M000100Y43"
    for written, code in (
        ("91350100M000100Y44", "credit_code_check_digit"),
        ("91350100M000100Y4", "credit_code_form"),
        ("91350100MO00100Y43", "credit_code_form"),  # the letter O
        ("9135010AM000100Y43", "credit_code_form"),
    ):
        with pytest.raises(InvalidNumber) as fault:
            read_credit_code(written)
        assert code_of(fault) == code


def test_a_collectives_code_begins_with_a_letter() -> None:
    alphabet = "0123456789ABCDEFGHJKLMNPQRTUWXY"
    weights = (1, 3, 9, 27, 19, 26, 16, 17, 20, 29, 25, 13, 8, 24, 10, 30, 28)  # GB 32100, 5.3
    body = "N2140105MF00000001"[:17]
    rest = sum(alphabet.index(c) * w for c, w in zip(body, weights, strict=True)) % 31
    whole = body + alphabet[(31 - rest) % 31]
    assert read_credit_code(whole) == whole


@pytest.mark.parametrize(
    ("written", "number"),
    [
        ("15400000001", "15400000001"),
        ("154 0000 0001", "15400000001"),
        ("154-0000-0001", "15400000001"),
        ("+86 15400000001", "15400000001"),
        ("0086 15400000001", "15400000001"),
        ("１５４０００００００１", "15400000001"),
        ("0351-7654321", "03517654321"),
        ("(0351) 7654321", "03517654321"),
        ("+86 351 7654321", "03517654321"),
        ("7654321", "7654321"),
        ("400-000-0000", "4000000000"),
        ("+852 1234 5678", "+85212345678"),
    ],
)
def test_telephone_numbers(written: str, number: str) -> None:
    assert read_phone(written) == number


@pytest.mark.parametrize("written", ["", "123", "1540000000", "154000000011", "甲", "12345678901"])
def test_what_is_no_telephone_number(written: str) -> None:
    with pytest.raises(InvalidNumber) as fault:
        read_phone(written)
    assert code_of(fault) == "phone_form"


def test_other_documents() -> None:
    assert read_document_number("e 1234567") == "E1234567"
    for written in ("E12", "E123#567", "护照1234567", "x" * 31):
        with pytest.raises(InvalidNumber):
            read_document_number(written)


def test_masks_hide_most() -> None:
    assert mask_identity_number("11010519491231002X") == "110***********002X"
    assert mask_phone("15400000001") == "154****0001"
    assert mask_phone("7654321") == "7****21"


@given(st.text("0123456789", min_size=5, max_size=30))
def test_a_mask_never_shows_more_than_seven_characters(number: str) -> None:
    masked = mask_identity_number(number)
    assert len(masked) == len(number)
    assert sum(character != "*" for character in masked) <= min(7, len(number) - 2)
