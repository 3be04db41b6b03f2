"""Chinese addresses: normalise, parse, standardise, compare; the national list of divisions."""

from geo.addresses.compare import AddressComparison, AddressRelation, compare
from geo.addresses.divisions import Division, DivisionList, load_divisions, load_villages
from geo.addresses.levels import LEVELS, AddressLevel
from geo.addresses.normalise import NormalisedText, fold_name, normalise
from geo.addresses.parse import (
    AddressNote,
    AddressPart,
    ParseContext,
    ParsedAddress,
    parse,
    parse_many,
)
from geo.addresses.standard_text import StandardDivision, StandardisedAddress, standardise
from geo.addresses.standardise import WrittenForm, format_address, search_key

__all__ = [
    "LEVELS",
    "AddressComparison",
    "AddressLevel",
    "AddressNote",
    "AddressPart",
    "AddressRelation",
    "Division",
    "DivisionList",
    "NormalisedText",
    "ParseContext",
    "ParsedAddress",
    "StandardDivision",
    "StandardisedAddress",
    "WrittenForm",
    "compare",
    "fold_name",
    "format_address",
    "load_divisions",
    "load_villages",
    "normalise",
    "parse",
    "parse_many",
    "search_key",
    "standardise",
]
