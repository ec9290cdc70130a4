"""The vocabulary of verdicts: codes, levels, grades, and the frozen records of a report."""

from stabcheck.findings.codes import CODES, Code, Grade, Level, code, selected
from stabcheck.findings.records import Cause, Cell, Counts, Example, Finding, Fix, Report, Where, finding_id

__all__ = [
    "CODES",
    "Cause",
    "Cell",
    "Code",
    "Counts",
    "Example",
    "Finding",
    "Fix",
    "Grade",
    "Level",
    "Report",
    "Where",
    "code",
    "finding_id",
    "selected",
]
