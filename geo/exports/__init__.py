"""Exports: asked for within one's scope, approved by a second person above a cap, written with a
watermark, fetched for some days. docs/exports.md"""

from geo.exports.kinds import EXPORT_KINDS, ExportFilter, ExportKind
from geo.exports.requests import (
    approve_export,
    ask_export,
    expire_exports,
    fetch_export,
    find_exports,
    get_export,
    refuse_export,
    stop_export,
)
from geo.exports.running import run_export

__all__ = [
    "EXPORT_KINDS",
    "ExportFilter",
    "ExportKind",
    "approve_export",
    "ask_export",
    "expire_exports",
    "fetch_export",
    "find_exports",
    "get_export",
    "refuse_export",
    "run_export",
    "stop_export",
]
