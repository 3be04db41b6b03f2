"""The register of standard addresses: read, write one by one, merge many or two."""

from geo.addresses.deployment import written_form
from geo.register.identity import StandardForm, standard_form, text_key
from geo.register.merge import MergeResult, Outcome, SeenRows, merge_addresses
from geo.register.merging import find_merges, get_merge, merge_address, undo_merge
from geo.register.placing import GridPlacer
from geo.register.reading import (
    AddressFilter,
    address_aliases,
    address_history,
    components_of,
    count_standard_addresses,
    find_by_text,
    find_by_texts,
    find_standard_addresses,
    get_standard_address,
    point_of,
)
from geo.register.writing import (
    AddressPoint,
    WrittenAddress,
    add_alias,
    create_standard_address,
    end_address,
    end_alias,
    update_standard_address,
)

__all__ = [
    "AddressFilter",
    "AddressPoint",
    "GridPlacer",
    "MergeResult",
    "Outcome",
    "SeenRows",
    "StandardForm",
    "WrittenAddress",
    "add_alias",
    "address_aliases",
    "address_history",
    "components_of",
    "count_standard_addresses",
    "create_standard_address",
    "end_address",
    "end_alias",
    "find_by_text",
    "find_by_texts",
    "find_merges",
    "find_standard_addresses",
    "get_merge",
    "get_standard_address",
    "merge_address",
    "merge_addresses",
    "point_of",
    "standard_form",
    "text_key",
    "undo_merge",
    "update_standard_address",
    "written_form",
]
