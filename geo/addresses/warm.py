"""Compile the loops of the matcher before the first question needs them."""

from __future__ import annotations

from geo.addresses.match import match_standard_address
from geo.addresses.register_index import RegisterIndex
from geo.addresses.suggest import suggest
from geo.values import GridScope

_TEXTS = (
    "浙江省杭州市西湖区文一路269号翠苑一区3幢1单元101室",
    "浙江省杭州市西湖区文一路269号翠苑一区3幢2单元101室",
    "浙江省杭州市西湖区文一路269号翠苑一区3幢2单元102室",
    "浙江省杭州市西湖区三墩镇荷塘村3组25号",
)
# In full, clear and not, one slip, by sound, a part, an area only, another number, nothing known.
_QUERIES = (
    "文一路269号翠苑一区3幢2单元102室",
    "翠苑一区3幢101室",
    "文一路269号翠苑一其3幢",
    "文依路269号",
    "三墩荷塘老村3组25号",
    "西湖区",
    "翠苑一区9幢1单元101室",
    "江南银泰中心12号",
)


def warm() -> None:
    """Answer a few questions of a register of four addresses, which compiles what they run, or
    loads it where an earlier start left it on disk. Needs no database; takes seconds to a minute.
    """
    rows = [(n, text, 120.1, 30.2) for n, text in enumerate(_TEXTS, 1)]
    index, scope = RegisterIndex.from_rows(rows), GridScope.everything()
    for query in _QUERIES:
        for others_of_sure in (False, True):
            match_standard_address(query, index, scope=scope, others_of_sure=others_of_sure)
        suggest(query[:-2], index, scope=scope)
