"""XML from outside: no document type, no entity, nothing fetched."""

from __future__ import annotations

from xml.etree.ElementTree import Element, ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

from geo.positions.fix import Drop


def xml_of(body: bytes) -> Element | Drop:
    """Return the root of a document, or why it isn't read: `UNREADABLE`, `FORBIDDEN_XML`."""
    try:
        root: Element = fromstring(body, forbid_dtd=True, forbid_entities=True)
    except DefusedXmlException:
        return Drop.FORBIDDEN_XML
    except (ParseError, ValueError, LookupError, RecursionError):
        # LookupError: an encoding that nobody knows
        return Drop.UNREADABLE
    return root


def local_name(element: Element) -> str:
    """The name of an element without its name space."""
    return str(element.tag).rpartition("}")[2]
