"""What a baseline holds: one entry per known finding, one record per cell. Never inputs or messages."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

from stabcheck.findings import Finding, Grade, finding_id

CellKey = tuple[str, str, str, str]  # target, op, options, dtype


@dataclass(frozen=True)
class Entry:
    """A finding that is known. `reason` and `expires` are written by hand and survive every update.

    `share` is the share of examples that showed it, `onset` where it begins.
    """

    op: str
    options: str
    argument: str
    target: str
    dtype: str
    code: str
    onset: float | None = None
    share: float = 0.0
    reason: str = ""
    expires: date | None = None

    @property
    def identity(self) -> tuple[str, str, str, str, str, str]:
        return (self.op, self.options, self.argument, self.target, self.dtype, self.code)

    @property
    def id(self) -> str:
        """The id of the finding with this identity."""
        return finding_id(self.identity)

    @property
    def cell(self) -> CellKey:
        return (self.target, self.op, self.options, self.dtype)

    def expired(self, today: date) -> bool:
        """From the day after `expires` on."""
        return self.expires is not None and today > self.expires


@dataclass(frozen=True)
class CellRecord:
    """What a cell reached when it was recorded, and after how many examples. `ratios` maps a platform to
    the largest error / gate (infinity where a result was NaN).

    Ratios are kept per cell, not per finding: over 14 seeds the largest of a cell moved by a factor of 1.9
    at most, that of a single finding beside a worse one by 11 and more.
    """

    grade: Grade
    examples: int = 0
    ratios: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Baseline:
    """Entries by finding id and records by cell."""

    entries: Mapping[str, Entry] = field(default_factory=dict)
    cells: Mapping[CellKey, CellRecord] = field(default_factory=dict)

    @property
    def platforms(self) -> frozenset[str]:
        """Every platform for which anything was recorded."""
        return frozenset(platform for record in self.cells.values() for platform in record.ratios)


def belongs(finding: Finding) -> bool:
    """Whether a baseline records this finding: notes only when they were asked for."""
    return finding.level is not None or finding.asked or bool(finding.known)
