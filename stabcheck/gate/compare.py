"""A run against the baseline: what is known, what got worse, what got better, what was not looked at.

Everything that got worse is a finding, so that a failing gate names what failed and nothing else: a lower
grade is blamed on the new finding that lowers it, a ratio above its limit on the finding that shows it.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import date
from typing import Literal

from stabcheck.findings import Cell, Finding, Report
from stabcheck.gate.baseline import Baseline, CellKey, CellRecord, Entry
from stabcheck.gate.platforms import fallback_note, recorded_ratio

#: A ratio may grow to 4 x max(1/4, recorded): what lies inside the op's own gate never fails.
RATIO_FACTOR = 4.0

#: An onset is clearly closer to zero below half of what was recorded. Only failures that begin at a cliff
#: of the format have an onset of their own (over 14 seeds it moved by a factor of 1.6 at most); that of
#: the others belongs to the example that happened to be minimal, and moved by 6 to 10^5.
ONSET_FACTOR = 2.0
ONSET_CODES = frozenset({"SC101", "SC102", "SC104"})

#: A finding that would have shown this often by chance, and did not show, is gone (e^-8 is 1 in 3 000).
EXPECTED_SHOWINGS = 8.0

Kind = Literal["new", "expired", "grade", "ratio", "onset", "fixed"]


@dataclass(frozen=True)
class Change:
    """One thing that got worse or better. `id` names the finding; it is empty where only a cell changed."""

    kind: Kind
    cell: CellKey
    text: str
    code: str = ""
    id: str = ""

    def __str__(self) -> str:
        target, op, options, dtype = self.cell
        name = f"{op} {options}".strip()
        return f"{target} {name} {dtype}{f' {self.code}' if self.code else ''}: {self.text}"


@dataclass(frozen=True)
class GateResult:
    """What the gate says. `known` maps finding ids to what the baseline says about them; `note` tells
    which numbers stood in for those of a platform without records."""

    known: dict[str, str]
    failures: tuple[Change, ...]
    better: tuple[Change, ...]
    unobserved: tuple[Entry, ...]
    note: str = ""

    @property
    def ok(self) -> bool:
        return not self.failures

    def lines(self) -> tuple[str, ...]:
        """What to print: worse, better, and how much was not looked at."""
        unseen = len(self.unobserved)
        return (
            *(f"worse than the baseline: {change}" for change in self.failures),
            *(f"better than the baseline: {change}" for change in self.better),
            *([f"in the baseline and not observed in this run: {unseen}"] if unseen else []),
            *([f"baseline: {self.note}"] if self.note else []),
        )


def compare(
    report: Report,
    baseline: Baseline,
    *,
    platform: str,
    today: date,
    replayed: Collection[str] = (),
    narrowed: bool = False,
) -> GateResult:
    """Judge a run by the baseline.

    `replayed` are the ids of findings whose stored input was run again; `narrowed` says that the run did
    not look everywhere (some regimes, a range, a time limit): what did not show is then unobserved unless
    it was replayed. An interrupted run is narrowed by itself.
    """
    narrowed = narrowed or report.interrupted
    judged = {cell.key: cell for cell in report.judged_cells}
    known: dict[str, str] = {}
    failures: list[Change] = []
    better: list[Change] = []
    for key, cell in judged.items():
        record = baseline.cells.get(key)
        worse: list[Change] = []
        for finding in cell.findings:
            entry = baseline.entries.get(finding.id)
            change = _worse(cell, finding, entry, today)
            if change is not None:
                worse.append(change)
            elif entry is not None:
                known[finding.id] = _reason(entry)
                better.extend(_better_finding(cell, finding, entry))
        failures.extend(worse or _worse_cell(cell, record, known, platform))
    fixed, unobserved = _absent(report, judged, baseline, replayed, narrowed)
    mended = {change.cell for change in (*fixed, *better)}
    for key, cell in judged.items():
        record = baseline.cells.get(key)
        if record is not None and key not in mended and not narrowed and cell.examples >= record.examples:
            better.extend(_better_cell(cell, record, platform))
    failed = {change.id for change in failures}
    known = {id_: reason for id_, reason in known.items() if id_ not in failed}
    note = fallback_note(baseline.platforms, platform)
    return GateResult(known, tuple(failures), (*fixed, *better), unobserved, note)


# -- worse -----------------------------------------------------------------------------------------


def _worse(cell: Cell, finding: Finding, entry: Entry | None, today: date) -> Change | None:
    if not finding.asked:
        return None
    if entry is None:
        return None if _declared(cell) else _change("new", cell, "not in the baseline", finding)
    if entry.expired(today):
        return _change("expired", cell, f"known until {entry.expires}, and that is over", finding)
    if finding.code in ONSET_CODES and _clearly_closer(finding.onset, entry.onset):
        onset = f"begins at {finding.onset:.4g}, recorded {entry.onset:.4g}"
        return _change("onset", cell, onset, finding)
    return None


def _worse_cell(
    cell: Cell, record: CellRecord | None, known: Collection[str], platform: str
) -> Iterator[Change]:
    """The cell's grade, then its largest ratio, where no finding that was asked for got worse by itself."""
    if record is None or cell.grade is None:
        return
    if cell.grade < record.grade:
        fall = f"the grade fell from {record.grade} to {cell.grade}"
        lowering = [f for f in cell.findings if f.level is not None and f.level - 1 == cell.grade]
        yield from (_change("grade", cell, fall, f) for f in lowering if f.id not in known)
        return
    too_large = _above_limit(cell.max_ratio, recorded_ratio(record.ratios, platform))
    if too_large:
        yield _change("ratio", cell, too_large, max(cell.findings, key=_ratio, default=None))


def _ratio(finding: Finding) -> float:
    """Largest ratio of a finding; infinity where the failure has no size (NaN, an exception)."""
    return math.inf if math.isnan(finding.worst.ratio) else finding.worst.ratio


def _above_limit(now: float, recorded: float | None) -> str:
    """What is wrong with this ratio; empty if it is within the limit, or nothing was recorded."""
    if recorded is None:
        return ""
    limit = RATIO_FACTOR * max(1 / RATIO_FACTOR, recorded)
    if now <= limit or math.isnan(now):
        return ""
    return f"ratio {now:.3g}, recorded {recorded:.3g} (limit {limit:.3g})"


def _clearly_closer(now: float | None, recorded: float | None) -> bool:
    return now is not None and recorded is not None and abs(now) * ONSET_FACTOR < abs(recorded)


def _declared(cell: Cell) -> bool:
    """An implementation of the catalogue that is no worse than it says."""
    return cell.declared is not None and not cell.worse_than_declared


# -- better, and not looked at ---------------------------------------------------------------------


def _better_finding(cell: Cell, finding: Finding, entry: Entry) -> Iterator[Change]:
    """Clearly better is what would fail the other way round."""
    if finding.code in ONSET_CODES and _clearly_closer(entry.onset, finding.onset):
        yield _change("onset", cell, f"begins at {finding.onset:.4g}, recorded {entry.onset:.4g}", finding)


def _better_cell(cell: Cell, record: CellRecord, platform: str) -> Iterator[Change]:
    recorded = record.ratios.get(platform)
    if cell.grade is not None and cell.grade > record.grade:
        yield _change("grade", cell, f"grade {cell.grade}, recorded {record.grade}")
    elif recorded is not None and _above_limit(recorded, cell.max_ratio):
        yield _change("ratio", cell, f"ratio {cell.max_ratio:.3g}, recorded {recorded:.3g}")


def _absent(
    report: Report,
    judged: dict[CellKey, Cell],
    baseline: Baseline,
    replayed: Collection[str],
    narrowed: bool,
) -> tuple[list[Change], tuple[Entry, ...]]:
    """Entries that did not show: fixed where the run would have shown them, otherwise unobserved."""
    shown = {finding.id for finding in report.findings}
    fixed, unobserved = [], []
    for id_, entry in baseline.entries.items():
        if id_ in shown:
            continue
        cell = judged.get(entry.cell)
        looked = not narrowed and cell is not None and entry.share * cell.examples >= EXPECTED_SHOWINGS
        if cell is not None and (looked or id_ in replayed):
            fixed.append(Change("fixed", entry.cell, "fixed; --baseline-prune forgets it", entry.code, id_))
        else:
            unobserved.append(entry)
    return fixed, tuple(unobserved)


def _reason(entry: Entry) -> str:
    reason = entry.reason or "recorded in the baseline"
    return reason if entry.expires is None else f"{reason} (until {entry.expires})"


def _change(kind: Kind, cell: Cell, text: str, finding: Finding | None = None) -> Change:
    if finding is None:
        return Change(kind, cell.key, text)
    return Change(kind, cell.key, text, finding.code, finding.id)
