"""What one cell of the table says, in a few layouts from wide to narrow."""

from __future__ import annotations

from dataclasses import dataclass

from stabcheck.findings import Cell, Finding, Report
from stabcheck.reports import names, numbers, outcome, view

#: Layouts from one wide line to four narrow ones; the first that fits the width is taken.
LAYOUTS = ("line", "two", "three", "four")


@dataclass(frozen=True)
class CellText:
    """`mark` is one character ("x" fails, "!" is not as declared, "~" is known), `lines` the words."""

    mark: str
    lines: tuple[str, ...]
    style: str


def cell_text(cell: Cell | None, report: Report, layout: str) -> CellText:
    """The cell in words: its grade, why it is no better, and whether that was declared."""
    if cell is None:
        return CellText(" ", ("-",), "dim")
    if cell.state != "judged" or cell.grade is None:
        return CellText(" ", ("n/a",), "dim")
    grade = str(cell.grade)
    lead = view.leading(cell, report.level)
    words = [[grade]] if lead is None else _reason(grade, lead, layout)
    if lead is None and (note := view.signal(cell)) is not None:
        words += [[f"via {view.signal_word(note)}"]]
    if cell.worse_than_declared or outcome.missed_defect(cell, report):
        words += [[f"declared {cell.declared}"]]
    if cell.undecided:
        words += [[f"{numbers.count(cell.undecided)} undecided"]]
    mark, style = _mark(cell, lead, report)
    if layout == "line":
        return CellText(mark, (", ".join(" ".join(line) for line in words),), style)
    return CellText(mark, tuple(" ".join(line) for line in words), style)


def _reason(grade: str, lead: Finding, layout: str) -> list[list[str]]:
    """`unstable SC101 nan from 11.1` in as many lines as the layout has."""
    begin = [] if lead.onset is None else [f"from {numbers.onset(lead.onset)}"]
    if layout == "line":
        return [[grade, lead.code, lead.name, *begin]]
    if layout == "two":
        return [[grade], [lead.code, lead.name, *begin]]
    if layout == "three":
        return [[grade, lead.code], [lead.name, *begin]]
    return [[grade, lead.code], [lead.name], *([begin] if begin else [])]


def _mark(cell: Cell, lead: Finding | None, report: Report) -> tuple[str, str]:
    standings = {view.standing(cell, f) for f in cell.findings}
    missed = outcome.planted_asked(report) and outcome.missed_defect(cell, report)
    if missed or (cell.worse_than_declared and "failing" in standings):
        return "!", "bold red"
    if "failing" in standings:
        return "x", "red"
    if "known" in standings:
        return "~", "yellow"
    if lead is not None:
        return " ", "yellow"
    return " ", "green"


def legend(report_cells: list[CellText]) -> list[str]:
    """What the marks mean, as far as the table uses them."""
    meanings = {
        "x": "x  a finding that counts",
        "!": "!  not as declared",
        "~": "~  known to the baseline",
    }
    used = {cell.mark for cell in report_cells}
    return [text for mark, text in meanings.items() if mark in used]


def footnotes(cells: list[Cell]) -> list[str]:
    """Reasons of the cells that are n/a and of marked ones, each said once with the formats it is for."""
    said: dict[tuple[str, str], list[str]] = {}
    for cell in cells:
        if cell.state != "judged":
            said.setdefault((cell.target, f"n/a: {cell.reason or 'no reason given'}"), []).append(cell.dtype)
        for note in cell.notes:
            said.setdefault((cell.target, note), []).append(cell.dtype)
    return [
        f"{names.short(target)} [{', '.join(dtypes)}] {names.printable(text)}"
        for (target, text), dtypes in said.items()
    ]
