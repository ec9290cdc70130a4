"""The table report: header, progress, grades, findings, verdict, on a terminal or through a pipe.

Words and marks carry the meaning; colour only repeats it. Lines are laid out here rather than by
rich's tables, so that a number is never cut and a word never broken, however narrow the terminal is.
"""

from __future__ import annotations

import contextlib
import os
import sys
import textwrap
from collections.abc import Iterable, Sequence
from io import StringIO
from typing import IO, TYPE_CHECKING, Any, Literal

from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from stabcheck.findings import CODES, Finding, Fix, Report
from stabcheck.reports import excerpt, names, numbers, outcome, reproduce, view
from stabcheck.reports.cells import LAYOUTS, CellText, cell_text, footnotes, legend

if TYPE_CHECKING:
    from stabcheck.engine.events import Event
    from stabcheck.reports.progress import ProgressBar

#: Width where nothing tells: a pipe without COLUMNS.
PIPED_WIDTH = 120

_STATE_STYLES = {"PASS": "bold green", "FAIL": "bold red"}


def make_console(
    stderr: bool = False,
    color: Literal["auto", "always", "never"] = "auto",
    file: IO[str] | None = None,
) -> Console:
    """A console that is as wide as COLUMNS or the terminal says, and `PIPED_WIDTH` through a pipe.

    "auto" leaves NO_COLOR and FORCE_COLOR to rich.
    """
    stream = file if file is not None else (sys.stderr if stderr else sys.stdout)
    columns = os.environ.get("COLUMNS", "")
    width = int(columns) if columns.isdigit() and int(columns) > 0 else None
    if width is None and not stream.isatty():
        width = PIPED_WIDTH
    elif width is None and file is not None:  # rich looks at the standard streams, and this is another
        with contextlib.suppress(OSError):
            width = os.get_terminal_size(file.fileno()).columns or None
    return Console(
        file=stream,
        width=width,
        force_terminal={"always": True, "never": False}.get(color) if color != "auto" else None,
        no_color=True if color == "never" else None,
        highlight=False,
        markup=False,
        emoji=False,
        legacy_windows=False,
        soft_wrap=True,
    )


def text(report: Report, width: int | None = None, colour: bool = False, verbosity: int = 0) -> str:
    """The whole table report as text; `width` defaults to COLUMNS or `PIPED_WIDTH`."""
    stream = StringIO()
    console = make_console(file=stream, color="always" if colour else "never")
    if width is not None:
        console.width = width
    TerminalReporter(console, console, verbosity, progress=False).show(report)
    return stream.getvalue()


def render(report: Report, **context: Any) -> str:
    """The table as a stored report: no colour unless `colour` is asked for."""
    known = {key: context[key] for key in ("width", "colour", "verbosity") if key in context}
    return text(report, **known)


class TerminalReporter:
    """Consumer of engine events. `verbosity` -1 shows little, 0 what counts, 1 everything."""

    def __init__(
        self, console: Console, stderr_console: Console, verbosity: int = 0, progress: bool = True
    ) -> None:
        self.console = console
        self.verbosity = verbosity
        self._stderr = stderr_console
        self._progress = progress and verbosity >= 0 and stderr_console.is_terminal
        self._bar: ProgressBar | None = None
        self._header_shown = False

    def consume(self, event: Event) -> None:
        from stabcheck.engine.events import Finished, Started

        if isinstance(event, Started):
            self._header(view.header(None, event.meta))
            if self._progress:
                from stabcheck.reports.progress import ProgressBar

                self._bar = ProgressBar(self._stderr)
        if self._bar is not None:
            self._bar.consume(event)
        if isinstance(event, Finished):
            self.show(event.report)

    def close(self) -> None:
        """Take the progress bar away, when the run ends without its last event."""
        if self._bar is not None:
            self._bar.stop()

    def show(self, report: Report) -> None:
        """Everything after the header, which is shown here too unless the run's start showed it."""
        verdict = outcome.verdict(report)
        if self.verbosity >= 0:
            self._header(view.header(report, report.meta))
            self._tables(report)
            self._notes(report)
            self._blocks(report)
            self._paragraph(view.summary(report), " | ", style="dim")
        else:
            for block in view.blocks(report):
                if block.how == "failing":
                    name = f"{names.label(block.lead)} {names.short(block.lead.target)}"
                    self._line(f"{name}: {view.message(block.lead)}")
        for line in self._wrapped(str(verdict), ""):
            self._line(Text(line, style=_STATE_STYLES.get(verdict.state, "bold yellow")))

    # -- lines ------------------------------------------------------------------------------------

    def _line(self, line: str | Text = "", style: str = "") -> None:
        shown = line if isinstance(line, Text) else Text(line, style=style)
        if not self._unicode:
            shown = Text(shown.plain.encode("ascii", "backslashreplace").decode("ascii"), style=shown.style)
        shown.rstrip()
        self.console.print(shown, soft_wrap=True)

    @property
    def _unicode(self) -> bool:
        return self.console.encoding.lower().replace("-", "").startswith("utf")

    def _paragraph(self, parts: Sequence[str], joint: str, indent: str = "", style: str = "") -> None:
        """Parts joined on as few lines as they need; a part is broken only between words."""
        line = ""
        for part in parts:
            if line and cell_len(line) + cell_len(joint + part) <= self.console.width - len(indent):
                line += joint + part
                continue
            if line:
                self._line(indent + line, style)
            *full, line = self._wrapped(part, indent)
            for text_line in full:
                self._line(indent + text_line, style)
        if line:
            self._line(indent + line, style)

    def _wrapped(self, words: str, indent: str) -> list[str]:
        room = max(20, self.console.width - len(indent))
        lines = textwrap.wrap(words, room, break_long_words=False, break_on_hyphens=False)
        return lines or [""]

    def _header(self, lines: Iterable[str]) -> None:
        if self._header_shown or self.verbosity < 0:
            return
        self._header_shown = True
        for line in lines:
            self._paragraph(line.split(" | "), " | ", style="dim")

    # -- the table --------------------------------------------------------------------------------

    def _tables(self, report: Report) -> None:
        """A table per op; all share their columns, so that the eye can run down a format."""
        groups = view.groups(report)
        if not groups:
            return
        dtypes = view.dtypes(report.cells)
        layout, name_width, widths = self._layout(groups, dtypes, report)
        for group in groups:
            self._line()
            self._line(Text(group.title, style="bold"))
            head = " " * (2 + name_width)
            for dtype, width in zip(dtypes, widths, strict=True):
                head += "   " + _padded(dtype, width)
            self._line(head, "dim")
            for target, cells in group.rows:
                row = [cell_text(cells.get(d), report, layout) for d in dtypes]
                self._row(names.short(target), name_width, row, widths)
            for note in footnotes([c for _, cells in group.rows for c in cells.values()]):
                first, *more = self._wrapped(note, " " * 6)
                for line in ("    " + first, *("      " + line for line in more)):
                    self._line(line, "dim")

    def _layout(
        self, groups: Sequence[view.Group], dtypes: Sequence[str], report: Report
    ) -> tuple[str, int, list[int]]:
        """The layout of the cells, the width of the names' column and of each format's that fit the
        terminal with the fewest lines. A name longer than its column stands on a line of its own."""
        rows = [(cell_len(names.short(target)), cells) for group in groups for target, cells in group.rows]
        best: tuple[tuple[int, int], tuple[str, int, list[int]]] | None = None
        for layout in LAYOUTS:
            texts = [[cell_text(cells.get(d), report, layout) for d in dtypes] for _, cells in rows]
            widths = [
                max(cell_len(line) for line in (dtype, *(line for row in texts for line in row[i].lines)))
                for i, dtype in enumerate(dtypes)
            ]
            for name_width in sorted({0, *(length for length, _ in rows)}, reverse=True):
                beyond = max(0, 2 + name_width + sum(width + 3 for width in widths) - self.console.width)
                height = sum(
                    max(len(cell.lines) for cell in row) + (length > name_width)
                    for row, (length, _) in zip(texts, rows, strict=True)
                )
                if best is None or (beyond, height) < best[0]:
                    best = ((beyond, height), (layout, name_width, widths))
        assert best is not None  # every layout was tried
        return best[1]

    def _row(self, name: str, name_width: int, row: Sequence[CellText], widths: Sequence[int]) -> None:
        height = max(len(cell.lines) for cell in row)
        if cell_len(name) > name_width:  # too long for its column: it gets a line of its own
            self._line("  " + name)
            name = ""
        for i in range(height):
            line = Text("  " + (_padded(name, name_width) if i == 0 else " " * name_width))
            for cell, width in zip(row, widths, strict=True):
                words = cell.lines[i] if i < len(cell.lines) else ""
                line.append(f" {cell.mark if i == 0 else ' '} ", style=cell.style)
                line.append(_padded(words, width), style=cell.style)
            self._line(line)

    def _notes(self, report: Report) -> None:
        cells = [cell_text(c, report, "line") for c in report.cells]
        marks = legend(cells)
        codes = {f.code for c in report.cells if (f := view.leading(c, report.level))}
        if any(", via " in line or " via " in line for c in cells for line in c.lines):
            codes.add("SC501")
        if marks or codes:
            self._line()
        self._paragraph(marks, "   ", style="dim")
        self._paragraph(
            [f"{c} {CODES[c].name}: {CODES[c].meaning}" for c in sorted(codes)], "\n", style="dim"
        )
        missed = any(outcome.missed_defect(cell, report) for cell in report.cells)
        if missed and not outcome.planted_asked(report):
            weak = "A run of less effort, or with filters, need not find every planted defect."
            self._paragraph([weak], " ", style="dim")
        for note in report.notes:
            self._paragraph([names.printable(note)], " ")

    # -- the findings -----------------------------------------------------------------------------

    def _blocks(self, report: Report) -> None:
        everything = self.verbosity > 0
        shown = view.blocks(report, view.STANDINGS, merge=False) if everything else view.blocks(report)
        told: set[object] = set()
        for block in shown:
            self._block(block, told)
        hidden = view.left_out(report) if self.verbosity <= 0 else {}
        if sum(hidden.values()):
            self._line()
        if n := hidden.get("declared"):
            self._paragraph(
                [f"{numbers.count(n, 'finding')} of implementations that behave as declared: -v shows them."],
                " ",
            )
        if n := hidden.get("unasked"):
            self._paragraph(
                [f"{numbers.count(n, 'note')} and findings above level {report.level}: -v shows them."], " "
            )
        same: dict[tuple[str, str, str], list[Finding]] = {}
        for block in shown:
            if block.how == "failing":
                subject = (block.lead.target, block.lead.op, block.lead.options)
                same.setdefault(subject, []).extend([block.lead, *block.others])
        if same:
            self._line()
            self._line("Reproduce with:", style="bold")
            for first, *others in same.values():
                self._line("  " + reproduce.command(first, report, others))
        self._line()

    def _block(self, block: view.Block, told: set[object]) -> None:
        """One finding. Source lines and rewrites that were `told` above are not repeated."""
        finding = block.lead
        how = {
            "failing": "",
            "known": " (known to the baseline)",
            "declared": " (as declared)",
            "unasked": " (not asked)",
        }
        self._line()
        self._paragraph(
            [
                f"{names.label(finding)}{how[block.how]}",
                names.op(finding.op, finding.options, finding.argument),
                names.short(finding.target),
                finding.dtype,
            ],
            " | ",
            style="bold red" if block.how == "failing" else "bold",
        )
        for title, value in _facts(block):
            self._fact(title, value)
        if finding.where is not None and finding.where not in told:
            for line in excerpt.lines(finding.where):
                style = "bold" if line.startswith(">") else "dim"
                self._line(Text(" " * 13 + line, style=style))
        if finding.fix is not None:
            self._fix(finding.fix, above=(finding.target, finding.fix.snippet) in told)
            told.add((finding.target, finding.fix.snippet))
        told.add(finding.where)

    def _fix(self, fix: Fix, above: bool) -> None:
        if above:
            self._fact("fix", f"{fix.title} (see above)")
            return
        formula = "" if fix.formula == fix.title else f": {fix.formula}"
        self._fact("fix", f"{fix.title}{formula}{_fix_grade(fix.grade)}")
        if fix.safe_range:
            self._fact("safe for", fix.safe_range)
        snippet = fix.snippet.strip("\n").replace("\n\n\n", "\n\n")
        for line in names.printable_lines(snippet) if snippet else []:
            self._line(" " * 13 + "| " + line)

    def _fact(self, title: str, value: str) -> None:
        first = True
        for line in self._wrapped(names.printable(value), " " * 13):
            self._line(Text.assemble((f"  {title if first else '':<11}", "dim"), line))
            first = False


def _padded(words: str, width: int) -> str:
    return words + " " * (width - cell_len(words))


def _fix_grade(grade: str) -> str:
    return f" (reached {grade} under stabcheck)" if grade else ""


def _facts(block: view.Block) -> list[tuple[str, str]]:
    """The lines of a finding: title and text, those that have nothing to say left out."""
    finding, example = block.lead, block.lead.minimal
    facts = [("input", f"{name} = {text}") for name, text in numbers.inputs(example, finding.dtype)]
    if example.got is not None:
        facts.append(("got", numbers.number(example.got, finding.dtype) + numbers.place(example.index)))
    if example.expected is not None:
        facts.append(("expected", numbers.number(example.expected, finding.dtype)))
    facts.append(("error", numbers.error(example)))
    facts.append(("what", finding.text))
    if finding.onset is not None:
        facts.append(("onset", f"from {numbers.onset(finding.onset)}"))
    facts.append(("also in", ", ".join(_shared(f) for f in block.others)))
    facts.append(("regimes", view.regimes(finding) + _share(finding.share)))
    if finding.cause is not None:
        facts.append(("cause", finding.cause.text))
    if finding.known:
        facts.append(("known", finding.known))
    if finding.where is not None:
        facts.append(("where", f"{names.place(finding.where)}: {finding.where.operation}"))
    return [(title, value) for title, value in facts if value]


def _shared(finding: Finding) -> str:
    return finding.dtype + (f" from {numbers.onset(finding.onset)}" if finding.onset is not None else "")


def _share(share: float) -> str:
    return f" ({numbers.percent(share)} of the examples)" if share > 0 else ""
