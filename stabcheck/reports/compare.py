"""Two reports side by side: what got better, worse, is new, is gone, and how much stayed as it was."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from rich.console import Console
from rich.text import Text

from stabcheck.errors import unknown
from stabcheck.findings import Cell, Finding, Report
from stabcheck.gate.compare import ONSET_FACTOR, RATIO_FACTOR
from stabcheck.reports import names, numbers, view

Kind = Literal["worse", "new", "better", "gone", "unchanged"]
KINDS: tuple[Kind, ...] = ("worse", "new", "better", "gone", "unchanged")

#: What `--fail-on` takes, each stricter than the one before: a new finding; also a lower grade, a larger
#: ratio, an onset closer to zero; any change at all.
FAIL_ON = ("new", "worse", "any")

_STYLES = {"worse": "bold red", "new": "red", "better": "green", "gone": "yellow", "unchanged": "dim"}


@dataclass(frozen=True)
class Change:
    """What became of one cell, or of one finding: then `code` holds its code and name."""

    kind: Kind
    op: str
    target: str
    dtype: str
    code: str
    text: str

    def __str__(self) -> str:
        subject = f"{names.printable(self.op)}[{names.short(self.target)}-{self.dtype}]"
        return f"{subject} {self.code}: {self.text}" if self.code else f"{subject}: {self.text}"


@dataclass(frozen=True)
class Comparison:
    """Every cell and every finding of both reports, once, with what became of it."""

    changes: tuple[Change, ...]

    def of(self, kind: Kind) -> tuple[Change, ...]:
        return tuple(change for change in self.changes if change.kind == kind)

    def fails(self, fail_on: str | None) -> bool:
        """Whether there is such a change (`FAIL_ON`); UsageError for a word that is not known."""
        if fail_on is None:
            return False
        if fail_on not in FAIL_ON:
            raise unknown("--fail-on", fail_on, FAIL_ON)
        if fail_on == "any":
            return len(self.of("unchanged")) < len(self.changes)
        new_finding = any(change.code for change in self.of("new"))
        return new_finding or (fail_on == "worse" and bool(self.of("worse")))

    @property
    def verdict(self) -> str:
        counted = ", ".join(f"{len(self.of(kind))} {kind}" for kind in KINDS)
        return f"{'WORSE' if self.fails('worse') else 'NOT WORSE'}: {counted}."


def compare(old: Report, new: Report) -> Comparison:
    """Cells are matched by target, op, options and format, findings by their identity.

    A finding that a cell of both reports has only now is "new", and its cell "worse" where that lowers
    the grade. Ratios and onsets count as changed beyond the factors of the baseline's gate, so that
    another seed by itself changes nothing. A report that was interrupted has no word on the cells that
    it did not reach: they are "gone" or "new" like any other.
    """
    before = {cell.key: cell for cell in old.cells}
    after = {cell.key: cell for cell in new.cells}
    changes: list[Change] = []
    for key in dict.fromkeys([*after, *before]):
        changes += _cell(before.get(key), after.get(key))
    order = {kind: number for number, kind in enumerate(KINDS)}
    return Comparison(tuple(sorted(changes, key=lambda change: order[change.kind])))


def _grade(cell: Cell) -> str:
    return "n/a" if cell.grade is None else str(cell.grade)


def _cell(old: Cell | None, new: Cell | None) -> Iterator[Change]:
    if new is None:
        assert old is not None
        yield _of_cell("gone", old, "not in the new report")
    elif old is None:
        yield _of_cell("new", new, f"not in the old report, now {_grade(new)}")
        for finding in new.findings:
            if finding.level is not None:
                yield _of_finding("new", finding, view.message(finding))
    elif old.grade is None or new.grade is None:
        if old.grade == new.grade:
            yield _of_cell("unchanged", new, "n/a")
        elif new.grade is None:
            yield _of_cell("gone", new, f"was {old.grade}, now n/a: {names.printable(new.reason)}")
        else:
            yield _of_cell("new", new, f"was n/a, now {new.grade}")
    else:
        kind: Kind = "unchanged" if new.grade == old.grade else "worse" if new.grade < old.grade else "better"
        yield _of_cell(kind, new, f"{old.grade}" if kind == "unchanged" else f"{old.grade} -> {new.grade}")
        yield from _findings(old, new)


def _findings(old: Cell, new: Cell) -> Iterator[Change]:
    """Findings of a cell that both reports judged; notes, which lower no grade, are left aside."""
    before = {f.identity: f for f in old.findings if f.level is not None}
    after = {f.identity: f for f in new.findings if f.level is not None}
    for identity, finding in after.items():
        if identity in before:
            yield _same(before[identity], finding)
        else:
            yield _of_finding("new", finding, view.message(finding))
    for identity, finding in before.items():
        if identity not in after:
            yield _of_finding("gone", finding, "did not show again")


def _same(old: Finding, new: Finding) -> Change:
    if _clearly_closer(new.onset, old.onset):
        return _of_finding("worse", new, f"from {_onset(old)} -> from {_onset(new)}, closer to zero")
    ratios = f"ratio {numbers.away(_ratio(old))} -> {numbers.away(_ratio(new))}"
    if _clearly_larger(_ratio(new), _ratio(old)):
        return _of_finding("worse", new, ratios)
    if _clearly_closer(old.onset, new.onset):
        return _of_finding("better", new, f"from {_onset(old)} -> from {_onset(new)}, further from zero")
    if _clearly_larger(_ratio(old), _ratio(new)):
        return _of_finding("better", new, ratios)
    return _of_finding("unchanged", new, "as before")


def _ratio(finding: Finding) -> float:
    """The largest ratio that the finding showed; 0 where a ratio says nothing (NaN, no number)."""
    ratios = (finding.worst.ratio, finding.minimal.ratio)
    return max((ratio for ratio in ratios if not math.isnan(ratio)), default=0.0)


def _clearly_closer(one: float | None, other: float | None) -> bool:
    return one is not None and other is not None and abs(one) * ONSET_FACTOR < abs(other)


def _clearly_larger(one: float, other: float) -> bool:
    return one > RATIO_FACTOR * max(1 / RATIO_FACTOR, other)


def _onset(finding: Finding) -> str:
    return "nowhere" if finding.onset is None else numbers.onset(finding.onset)


def _of_cell(kind: Kind, cell: Cell, text: str) -> Change:
    return Change(kind, names.op(cell.op, cell.options), cell.target, cell.dtype, "", text)


def _of_finding(kind: Kind, finding: Finding, text: str) -> Change:
    op = names.op(finding.op, finding.options, finding.argument)
    return Change(kind, op, finding.target, finding.dtype, names.label(finding), text)


def show(comparison: Comparison, console: Console, everything: bool = False) -> None:
    """What changed, kind by kind, then the verdict; with `everything` also what did not."""
    for kind in KINDS:
        changes = comparison.of(kind)
        if not changes or (kind == "unchanged" and not everything):
            continue
        console.print(Text(f"{kind} ({len(changes)})", style=_STYLES[kind]), soft_wrap=True)
        for change in changes:
            console.print(Text(f"  {change}"), soft_wrap=True)
    console.print(Text(comparison.verdict, style="bold"), soft_wrap=True)
