"""Identity numbers, credit codes and telephone numbers: read as people write them, checked, masked.

Each `read_` function returns the number as it is stored, or raises InvalidNumber with the fault.
Check digits are computed by python-stdnum; which codes a region has isn't asked, since abolished
ones stay on people's cards for life.
"""

from __future__ import annotations

import re
import unicodedata
from datetime import date

from stdnum.cn import ric, uscc

from geo.errors import InvalidNumber

# Characters that people put between digits, besides spaces of any kind.
_BETWEEN = re.compile(r"[\s\-‐-―·.()（）]+")
_IDENTITY = re.compile(r"\d{17}[\dX]")
_OLD_IDENTITY = re.compile(r"\d{15}")
# GB 32100-2015: no I, O, Z, S, V. Two letters or digits for authority and kind (villages'
# collectives begin with N1 or N2), six digits of a region, nine of the body, the check digit.
_CREDIT_CODE = re.compile(r"[0-9A-HJ-NPQRTUWXY]{2}\d{6}[0-9A-HJ-NPQRTUWXY]{10}")
_MOBILE = re.compile(r"1[3-9]\d{9}")
_LANDLINE = re.compile(r"0\d{9,11}")
_LOCAL = re.compile(r"[2-8]\d{6,7}")
_SERVICE = re.compile(r"[48]00\d{7}")
_ABROAD = re.compile(r"\+[1-9]\d{6,14}")
AGE_MAX_YEARS = 130
DOCUMENT_CHARS_MAX = 30


def read_identity_number(written: str, *, today: date) -> str:
    """Return a resident identity number (GB 11643: 18 characters, check digit by ISO 7064).

    Raises
    ------
    InvalidNumber : not 18 characters, a wrong check digit, or a birth date that can't be
    """
    number = _plain(written).upper()
    if _OLD_IDENTITY.fullmatch(number):
        raise InvalidNumber(
            "The identity number has 15 digits, as before 2013. Take the 18 of the present card.",
            code="identity_number_old",
        )
    if not _IDENTITY.fullmatch(number):
        raise InvalidNumber(
            f"The identity number has {len(number)} characters, wanted 17 digits and a digit or X.",
            code="identity_number_form",
        )
    if ric.calc_check_digit(number) != number[-1]:
        raise InvalidNumber(
            "The check digit of the identity number doesn't fit: a digit is wrong or two are "
            "exchanged. Read it from the card again.",
            code="identity_number_check_digit",
        )
    born = _birth_date(number)
    if born is None or not 0 <= today.year - born.year <= AGE_MAX_YEARS or born > today:
        raise InvalidNumber(
            "The birth date in the identity number is no day that can be. Read it from the card "
            "again.",
            code="identity_number_birth_date",
        )
    return number


def read_document_number(written: str) -> str:
    """Return the number of another document, such as a passport: letters and digits.

    Raises
    ------
    InvalidNumber : anything else among them, too short or too long
    """
    number = _plain(written).upper()
    if not (number.isascii() and number.isalnum() and 5 <= len(number) <= DOCUMENT_CHARS_MAX):
        raise InvalidNumber(
            f"The number of the document has {len(number)} characters, wanted 5 to "
            f"{DOCUMENT_CHARS_MAX} letters and digits.",
            code="document_number_form",
        )
    return number


def birth_year_of(identity_number: str) -> int:
    """Return the year of birth that a checked identity number says."""
    return int(identity_number[6:10])


def read_credit_code(written: str) -> str:
    """Return a unified social credit code (GB 32100: 18 characters, the last a check digit).

    Raises
    ------
    InvalidNumber : another form, or a wrong check digit
    """
    code = _plain(written).upper()
    if not _CREDIT_CODE.fullmatch(code):
        raise InvalidNumber(
            f"The credit code has {len(code)} characters, or one of I, O, S, V, Z, or no region "
            "from the third to the eighth. Wanted 18 digits and capitals, as on the licence.",
            code="credit_code_form",
        )
    if uscc.calc_check_digit(code[:-1]) != code[-1]:
        raise InvalidNumber(
            "The check digit of the credit code doesn't fit. Read it from the licence again.",
            code="credit_code_check_digit",
        )
    return code


def read_phone(written: str) -> str:
    """Return a telephone number: of a mobile, of a landline with or without its area, or with +.

    Raises
    ------
    InvalidNumber : it is none
    """
    number = _plain(written)
    if number.startswith(("+86", "0086")):
        number = number.removeprefix("+86").removeprefix("0086")
        if _MOBILE.fullmatch(number) is None and not number.startswith("0"):
            number = "0" + number
    forms = (_MOBILE, _LANDLINE, _LOCAL, _SERVICE, _ABROAD)
    if not any(form.fullmatch(number) for form in forms):
        raise InvalidNumber(
            f"The telephone number has {len(number)} characters, wanted the 11 digits of a mobile "
            "number, a landline such as 0351-7654321, or one from abroad with +.",
            code="phone_form",
        )
    return number


def mask_identity_number(number: str) -> str:
    """Return 110***********1234 of an identity number; less of a shorter document's."""
    return _masked(number, 3, 4)


def mask_phone(number: str) -> str:
    """Return 138****1234 of a telephone number."""
    return _masked(number, 3, 4)


def _masked(number: str, head: int, tail: int) -> str:
    """The first and last characters; of a short one so few that most stays hidden."""
    if len(number) < 2 * (head + tail) - 3:
        head, tail = 1, 2
    return number[:head] + "*" * (len(number) - head - tail) + number[-tail:]


def _birth_date(number: str) -> date | None:
    try:
        return ric.get_birth_date(number)
    except ValueError:  # stdnum's errors are of this family
        return None


def _plain(written: str) -> str:
    """Full-width digits as digits, without what people put between them."""
    return _BETWEEN.sub("", unicodedata.normalize("NFKC", written))
