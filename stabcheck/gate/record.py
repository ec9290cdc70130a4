"""What a run adds to the baseline, and what it takes away: only on request, never when interrupted."""

from __future__ import annotations

import math
from dataclasses import replace

from stabcheck.findings import Cell, Finding, Report
from stabcheck.gate.baseline import Baseline, CellKey, CellRecord, Entry, belongs
from stabcheck.gate.compare import RATIO_FACTOR, GateResult


def update(baseline: Baseline, report: Report, *, platform: str) -> Baseline:
    """The baseline with everything this run saw; the same baseline if the run was interrupted.

    Numbers that a seed could have moved keep their recorded value, so that an update after an unrelated
    change leaves the file alone. Nothing is removed, and `reason` and `expires` stay as written.
    """
    if report.interrupted:
        return baseline
    entries, cells = dict(baseline.entries), dict(baseline.cells)
    for cell in report.judged_cells:
        cells[cell.key] = _record(cell, cells.get(cell.key), platform)
        for finding in cell.findings:
            if belongs(finding):
                entries[finding.id] = _entry(finding, entries.get(finding.id))
    return Baseline(entries, cells)


def prune(baseline: Baseline, result: GateResult) -> Baseline:
    """The baseline without the findings that were looked for and are gone."""
    gone = {change.id for change in result.better if change.kind == "fixed"}
    return replace(baseline, entries={k: e for k, e in baseline.entries.items() if k not in gone})


def recorded(before: Baseline, after: Baseline) -> frozenset[CellKey]:
    """The cells of which something else is known than before; a finding that was forgotten is none."""
    cells = {key for key, record in after.cells.items() if record != before.cells.get(key)}
    cells |= {entry.cell for id, entry in after.entries.items() if entry != before.entries.get(id)}
    return frozenset(cells)


def forgotten(before: Baseline, after: Baseline) -> frozenset[str]:
    """The ids of findings that are no longer known."""
    return frozenset(before.entries.keys() - after.entries.keys())


def _record(cell: Cell, old: CellRecord | None, platform: str) -> CellRecord:
    if cell.grade is None:
        raise ValueError(f"the cell {cell.key} was not judged")
    ratios = dict(old.ratios) if old else {}
    ratios[platform] = _settled_ratio(cell.max_ratio, ratios.get(platform))
    if old is not None and cell.examples < old.examples:  # less effort proves no better grade
        return CellRecord(min(cell.grade, old.grade), old.examples, ratios)
    return CellRecord(cell.grade, cell.examples, ratios)


def _entry(finding: Finding, old: Entry | None) -> Entry:
    if old is None:
        old = Entry(*finding.identity)
    share = _settled(finding.share, old.share, 4.0)
    onset = finding.onset if finding.onset is None else _settled(finding.onset, old.onset, 1.1)
    return replace(
        old,
        share=min(1.0, _rounded(share)),
        onset=None if onset is None else _rounded(onset, digits=4),
    )


def _settled_ratio(now: float, recorded: float | None) -> float:
    """A ratio of at most 1/4 is judged as 1/4: below that there is nothing to move."""
    if recorded is not None and max(now, recorded) <= 1 / RATIO_FACTOR:
        return recorded
    return _rounded(_settled(now, recorded, 2.0))


def _settled(now: float, recorded: float | None, factor: float) -> float:
    """The recorded value, unless the new one is further from it than a seed would move it."""
    if recorded is None or not (abs(recorded) / factor <= abs(now) <= abs(recorded) * factor):
        return now
    return recorded


def _rounded(value: float, digits: int = 3) -> float:
    """To so many significant digits: enough to judge by, few enough to read."""
    return value if math.isinf(value) else float(f"{value:.{digits}g}")
