"""What a report comes down to: passed or failed, and the sentence that says why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from stabcheck.findings import Cell, Report
from stabcheck.findings.records import UNDECIDED_LIMIT
from stabcheck.reports import names, numbers, view


@dataclass(frozen=True)
class Verdict:
    """`state` is PASS, FAIL, INTERRUPTED or NOTHING JUDGED; `text` the sentence after it."""

    state: str
    text: str

    @property
    def passed(self) -> bool:
        return self.state == "PASS"

    def __str__(self) -> str:
        return f"{self.state}: {self.text}"


def is_catalogue(report: Report) -> bool:
    """Whether the run holds implementations to the grades that they declare."""
    return any(cell.declared is not None for cell in report.cells)


def planted_asked(report: Report) -> bool:
    """Whether a planted defect that does not show counts: not in a run of less than the default effort,
    or with filters, which is marked by `meta["planted"] = "not asked"`."""
    return report.meta.get("planted") != "not asked"


def unfound(report: Report) -> list[Cell]:
    """Cells with a planted defect that did not show, where the run was strong enough to say so."""
    return [c for c in report.cells if planted_asked(report) and missed_defect(c, report)]


def missed_defect(cell: Cell, report: Report) -> bool:
    """Declared below the level that was asked, and nothing showed. (Digits above that level are nobody's
    defect: whether a few hundred examples lose them is chance.)"""
    below = cell.declared is not None and int(cell.declared) < int(report.level)
    return below and cell.better_than_declared


def undecided_share(report: Report) -> float:
    return report.undecided / max(report.judged, 1)


def verdict(report: Report) -> Verdict:
    """The one line that a run comes down to."""
    cells = report.judged_cells
    if report.interrupted:
        bad = view.failing(report)
        so_far = f"{numbers.count(len(bad), 'finding')} so far" if bad else "no finding so far"
        return Verdict("INTERRUPTED", f"{numbers.count(len(report.cells), 'cell')} finished, {so_far}.")
    if not cells:
        why = "every cell is n/a" if report.cells else "there are no cells"
        return Verdict("NOTHING JUDGED", f"{why}.")
    troubles = _troubles(report, cells)
    if troubles:
        return Verdict("FAIL", "; ".join(troubles) + ".")
    return Verdict("PASS", _praise(report, cells))


def _troubles(report: Report, cells: Sequence[Cell]) -> list[str]:
    troubles = []
    worse = [
        c
        for c in cells
        if c.worse_than_declared and any(view.standing(c, f) == "failing" for f in c.findings)
    ]
    if worse:
        troubles.append(f"{numbers.count(len(worse), 'cell')} worse than declared")
    if missing := unfound(report):
        troubles.append(
            f"{numbers.count(len(missing), 'cell')} better than declared (a planted defect was not found)"
        )
    bad = [f for c in cells if c.declared is None for f in c.findings if view.standing(c, f) == "failing"]
    if bad:
        first = min(bad, key=view.severity)
        hit = len({(f.target, f.op, f.options, f.dtype) for f in bad})
        troubles.append(
            f"{numbers.count(len(bad), 'finding')} in {hit} of {numbers.count(len(cells), 'cell')} at level "
            f"{report.level}, the worst {names.label(first)} in {names.short(first.target)}, {first.dtype}"
        )
    if undecided_share(report) > UNDECIDED_LIMIT:
        troubles.append(
            f"{numbers.percent(undecided_share(report))} of the elements are undecided "
            f"(limit {100 * UNDECIDED_LIMIT:g} %)"
        )
    return troubles


def _praise(report: Report, cells: Sequence[Cell]) -> str:
    known = len([1 for _, _, how in view.findings(report) if how == "known"])
    tail = f" {numbers.count(known, 'finding')} known to the baseline." if known else ""
    if is_catalogue(report):
        targets = numbers.count(
            len({(c.op, c.target) for c in cells if c.declared is not None}), "implementation"
        )
        return f"{targets} behave as declared in {numbers.count(len(cells), 'cell')}.{tail}"
    if known:
        return f"no new finding in {numbers.count(len(cells), 'cell')} at level {report.level}." + tail
    return f"{numbers.count(len(cells), 'cell')} reached level {report.level} (worst grade: {report.grade})."
