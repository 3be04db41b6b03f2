"""Address texts read, standardised and compared, apart from any register."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from api.schemas.addresses import AddressLevel
from api.schemas.geocoding import WholeText

TEXTS_MAX = 1000
NoteKind = Literal["relation", "distance", "repeated", "note", "name", "other"]
Status = Literal["read", "no_address", "error"]

TEXT = Field(description="As it was asked; the beginning of one that can't be read.")
STATUS = Field(
    description="no_address: nothing of an address is in it; error: it can't be read, `message` "
    "says why."
)
MESSAGE = Field(default=None, description="What is wrong with the text, where it is an error.")
CANONICAL_TEXT = Field(
    default="",
    description="What the text says in the written form of this deployment, no level more.",
    examples=["余杭区仓前街道文一西路1500号6号楼"],
)
COMPONENTS: Any = Field(
    default={},
    description="Level → value, coarse to fine.",
    examples=[{"county": "余杭区", "road": "文一西路", "door": "1500", "building": "6"}],
)
DIVISION_CODE = Field(
    default=None,
    description="The finest division that is certain: 6, 9 or 12 digits of the national list.",
    examples=["330110012"],
)
START = Field(description="Where it begins in the text [Unicode characters].", examples=[4])
END = Field(description="Where it ends in the text, exclusive [Unicode characters].", examples=[8])


class AddressTexts(BaseModel):
    """Address texts, however they are written."""

    model_config = ConfigDict(extra="forbid")

    addresses: list[WholeText] = Field(
        min_length=1,
        max_length=TEXTS_MAX,
        description="Each is answered by itself; one that can't be read is an `error`.",
        examples=[["余杭仓前文一西路１５００号６幢", "杭州市江干区凯旋路幺二三号"]],
    )


class AddressPair(BaseModel):
    """Two address texts."""

    model_config = ConfigDict(extra="forbid")

    first: WholeText = Field(examples=["余杭仓前文一西路１５００号６幢"])
    second: WholeText = Field(examples=["文一西路1500号"])


class AddressPairs(BaseModel):
    """Pairs of address texts."""

    model_config = ConfigDict(extra="forbid")

    pairs: list[AddressPair] = Field(
        min_length=1, max_length=TEXTS_MAX, description="Each is answered by itself."
    )


class ReadPart(BaseModel):
    """One part of an address."""

    level: AddressLevel
    text: str = Field(description="Normalised.", examples=["1500号"])
    written: str = Field(description="As it stands in the text.", examples=["１５００号"])
    value: str = Field(description="What is searched by.", examples=["1500"])
    start: int = START
    end: int = END
    code: str | None = Field(description="Of the division, where it is certain.")
    counts: bool = Field(
        description="false: a second road, door or building, which stays out of `components`."
    )


class ReadNote(BaseModel):
    """Something in the text that is no part of the address."""

    kind: NoteKind = Field(
        description="relation, distance: 对面, 东50米; repeated: a division said again; note: in "
        "brackets, or to the bearer; name: a shop, firm or person; other: not explained."
    )
    text: str
    start: int = START
    end: int = END


class DivisionAlternative(BaseModel):
    """What the finest division may be."""

    division_code: str | None = DIVISION_CODE
    name: str = Field(description="From the province down.", examples=["江苏省南京市鼓楼区"])
    score: float = Field(ge=0, le=1, description="Share among the alternatives.")


class NormalisedText(BaseModel):
    """The text as it is compared, with the way back to the text as written."""

    text: str = Field(examples=["余杭仓前文一西路1500号6幢"])
    starts: list[int] = Field(description="Where each character came from in the text.")
    ends: list[int] = Field(description="Where that ended, exclusive.")


class ReadAddress(BaseModel):
    """What one text says. Nothing is asserted that isn't written."""

    text: str = TEXT
    status: Status = STATUS
    parts: list[ReadPart] = Field(default=[], description="In the order of the text.")
    components: dict[AddressLevel, str] = COMPONENTS
    canonical_text: str = CANONICAL_TEXT
    division_code: str | None = DIVISION_CODE
    relation: list[ReadNote] = Field(
        default=[], description="Words that put the place beside another: 对面, 东50米."
    )
    notes: list[ReadNote] = Field(
        default=[], description="Repetitions, brackets, words to the bearer."
    )
    leftovers: list[ReadNote] = Field(
        default=[], description="Shops, firms, and whatever no rule explains."
    )
    alternatives: list[DivisionAlternative] = Field(
        default=[], description="Where the finest division may be one of up to eight."
    )
    normalised: NormalisedText | None = None
    message: str | None = MESSAGE


class ReadAddresses(BaseModel):
    """One answer a text, in the order of the question."""

    results: list[ReadAddress]


class DivisionName(BaseModel):
    """A division of the national list."""

    code: str = Field(examples=["330102"])
    name: str = Field(examples=["上城区"])


class StandardDivision(BaseModel):
    """One division the address lies in."""

    level: AddressLevel
    code: str = Field(examples=["330104"])
    name: str = Field(examples=["江干区"])
    is_written: bool = Field(
        description="false: it follows from the finest division that is certain."
    )
    until: int | None = Field(
        description="Last year in force; null for a present division.", examples=[2021]
    )
    successor: DivisionName | None = Field(
        description="The present division in the place of an abolished one."
    )


class StandardisedAddress(BaseModel):
    """The standard text of one text. Standardising it again changes nothing."""

    text: str = TEXT
    status: Status = STATUS
    canonical_text: str = CANONICAL_TEXT
    full_text: str | None = Field(
        default=None,
        description="The same with every division from the province down; null where the finest "
        "isn't certain.",
        examples=["浙江省杭州市余杭区仓前街道文一西路1500号6号楼"],
    )
    level: AddressLevel | None = Field(default=None, description="The finest that is written.")
    components: dict[AddressLevel, str] = COMPONENTS
    division_code: str | None = DIVISION_CODE
    divisions: list[StandardDivision] = Field(default=[], description="Coarse to fine.")
    alternatives: list[DivisionAlternative] = Field(
        default=[], description="Where the finest division may be one of up to eight."
    )
    left_out: list[ReadNote] = Field(
        default=[], description="What stands in the text and not in the standard text."
    )
    reads_back: bool = Field(
        default=False, description="Whether the standard text is read as the same components."
    )
    message: str | None = MESSAGE


class StandardisedAddresses(BaseModel):
    """One answer a text, in the order of the question."""

    results: list[StandardisedAddress]


class Likelihood(BaseModel):
    """How likely each grade is; they sum to 1."""

    none: float = Field(ge=0, le=1, description="Not the same place.")
    partial: float = Field(ge=0, le=1, description="One is a part of the other, or beside it.")
    full: float = Field(ge=0, le=1, description="The same place.")


class ComparedLevel(BaseModel):
    """What the two texts say of one thing."""

    code: Literal[
        "same", "short", "sound", "slip", "differs", "only_first", "only_second", "range", "near"
    ] = Field(
        description="same; short, sound, slip: names that are one all the same; range: a number "
        "within a range of the other; near: one text only says that it is beside the place."
    )
    level: str = Field(
        description="A level; `point_of_interest` for a shop or firm, `relation` for nearness.",
        examples=["building"],
    )
    first: str
    second: str


class ComparedAddresses(BaseModel):
    """How two addresses lie to each other."""

    first: str = TEXT
    second: str = TEXT
    status: Status = Field(
        description="no_address: one of the two holds no address; error: one can't be read."
    )
    relation: Literal["same", "contains", "within", "overlap", "different"] | None = Field(
        default=None,
        description="The place of the first to that of the second; null unless both are read.",
        examples=["within"],
    )
    parted_at: AddressLevel | None = Field(
        default=None,
        description="The coarsest level at which they differ, or after which one says more.",
    )
    grade: Literal["none", "partial", "full"] | None = Field(
        default=None, description="The likeliest of no match, partial and full match."
    )
    likelihood: Likelihood | None = None
    reasons: list[ComparedLevel] = Field(default=[], description="Level by level, coarse to fine.")
    first_text: str = CANONICAL_TEXT
    second_text: str = CANONICAL_TEXT
    message: str | None = MESSAGE


class ComparedPairs(BaseModel):
    """One answer a pair, in the order of the question."""

    results: list[ComparedAddresses]
