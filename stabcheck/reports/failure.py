"""The text of a failed assertion: the verdict first, as test runners quote the first line."""

from __future__ import annotations

from stabcheck.findings import Report
from stabcheck.reports import outcome, terminal


def failure(report: Report) -> str:
    """The verdict, then the whole table, which ends with how to reproduce it and the verdict."""
    return f"{outcome.verdict(report)}\n\n{terminal.text(report)}"
