"""What the engine tells while it works. Reports and doors are consumers of these events."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from stabcheck.findings import Cell, Report

CellKey = tuple[str, str, str, str]  # target, op, options, dtype


@dataclass(frozen=True)
class Started:
    """The plan stands: `cells` in report order, `examples` in all, `meta` for the header."""

    cells: tuple[CellKey, ...]
    examples: int
    meta: Mapping[str, Any]


@dataclass(frozen=True)
class CellStarted:
    key: CellKey


@dataclass(frozen=True)
class Progress:
    """`examples` more were judged in this cell, `elements` output elements among them."""

    key: CellKey
    examples: int
    elements: int


@dataclass(frozen=True)
class Found:
    """A failure showed for the first time (not yet shrunk)."""

    key: CellKey
    code: str


@dataclass(frozen=True)
class Shrinking:
    key: CellKey
    code: str


@dataclass(frozen=True)
class CellFinished:
    cell: Cell


@dataclass(frozen=True)
class Finished:
    """The last event, also after an interruption (`report.interrupted`)."""

    report: Report


Event = Started | CellStarted | Progress | Found | Shrinking | CellFinished | Finished
__all__ = [
    "CellFinished",
    "CellKey",
    "CellStarted",
    "Event",
    "Finished",
    "Found",
    "Progress",
    "Shrinking",
    "Started",
]
