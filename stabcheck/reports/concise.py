"""One line per finding: `layers.py:12: SC101 nan layers.py:softmax[float32] got nan, expected 1; ...`."""

from __future__ import annotations

from stabcheck.findings import Report
from stabcheck.reports import names, outcome, paths, view

_WORDS = {"failing": "", "known": " (known)", "declared": " (as declared)", "unasked": " (not asked)"}


def render(report: Report, verbosity: int = 0, **_context: object) -> str:
    """Findings that fail or are known, with verbosity 1 all of them; then the verdict."""
    lines = []
    for cell, finding, how in view.findings(report):
        if how not in ("failing", "known") and verbosity <= 0:
            continue
        where = paths.location(cell, finding)
        place = f"{names.printable(paths.relative(where.file))}:{where.line}: " if where else ""
        subject = f"{names.printable(finding.target)}[{finding.dtype}]"
        op = names.op(finding.op, finding.options, finding.argument)
        lines.append(f"{place}{names.label(finding)} {op} {subject}{_WORDS[how]} {view.message(finding)}")
    return "\n".join([*lines, str(outcome.verdict(report))]) + "\n"
