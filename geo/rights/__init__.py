"""Rights of persons about what is kept of them (PIPL arts. 44 to 47). docs/privacy.md"""

from geo.rights.answering import copy_of_person, correct_person, erase_person
from geo.rights.requests import (
    check_identity,
    find_requests,
    get_request,
    receive_request,
    refuse_request,
    withdraw_request,
)

__all__ = [
    "check_identity",
    "copy_of_person",
    "correct_person",
    "erase_person",
    "find_requests",
    "get_request",
    "receive_request",
    "refuse_request",
    "withdraw_request",
]
