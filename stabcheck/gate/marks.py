"""The gate's verdict written into the report, where every format and exit code finds it."""

from __future__ import annotations

from dataclasses import replace

from stabcheck.findings import Cell, Finding, Report
from stabcheck.gate.compare import GateResult


def mark(report: Report, result: GateResult) -> Report:
    """The report with known findings no longer asked, failing ones asked, and the gate's lines as notes."""
    why = {change.id: change.text for change in result.failures if change.id}

    def finding(found: Finding) -> Finding:
        if found.id in why:
            text = "; ".join(filter(None, [found.text, why[found.id]]))
            return replace(found, asked=True, text=text)
        if found.id in result.known:
            return replace(found, asked=False, known=result.known[found.id])
        return found

    def cell(judged: Cell) -> Cell:
        return replace(judged, findings=tuple(map(finding, judged.findings)))

    return replace(report, cells=tuple(map(cell, report.cells)), notes=(*report.notes, *result.lines()))
