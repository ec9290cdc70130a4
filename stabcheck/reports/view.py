"""What a report says, before any format says it: groups, what counts, blocks of findings, the verdict.

Every format reads from here, so that all of them hold the same findings and come to the same verdict.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from stabcheck import formats
from stabcheck.findings import Cell, Finding, Level, Report, Where
from stabcheck.reports import names, numbers

Standing = Literal["failing", "known", "declared", "unasked"]
STANDINGS: tuple[Standing, ...] = ("failing", "known", "declared", "unasked")

#: Keys of `meta` that the header shows, in this order; the others follow with -v.
HEADER = ("stabcheck", "python", "numpy", "mpmath", "hypothesis", "ml_dtypes", "scipy", "torch", "jax")


# -- what counts ----------------------------------------------------------------------------------


def standing(cell: Cell, finding: Finding) -> Standing:
    """How a finding counts.

    "known" to the baseline, "declared" by an implementation of the catalogue that is no worse than it
    says, "unasked" (a note, a higher level, not selected), and otherwise "failing".
    """
    if finding.known:
        return "known"
    if not finding.asked:
        return "unasked"
    if cell.declared is not None and not cell.worse_than_declared:
        return "declared"
    return "failing"


def findings(report: Report) -> Iterator[tuple[Cell, Finding, Standing]]:
    """Every finding once, with its cell and how it counts, in the order of the cells."""
    for cell in report.cells:
        for finding in cell.findings:
            yield cell, finding, standing(cell, finding)


def failing(report: Report) -> list[Finding]:
    return [finding for _, finding, how in findings(report) if how == "failing"]


def severity(finding: Finding) -> tuple[int, float, str]:
    """Sorts the worst first: what breaks the lowest level, then the largest ratio."""
    level = 9 if finding.level is None else int(finding.level)
    ratio = max((r for r in (finding.worst.ratio, finding.minimal.ratio) if not math.isnan(r)), default=0.0)
    # NaN and infinities have no ratio worth comparing: their codes are in order of severity already.
    return (level, 0.0 if level == Level.ROBUST else -ratio, finding.code)


def leading(cell: Cell, level: Level) -> Finding | None:
    """The finding that a table shows in this cell: the worst that is asked or breaks `level`."""
    shown = [f for f in cell.findings if f.level is not None and (f.asked or f.level <= level)]
    return min(shown, key=severity, default=None)


def signal(cell: Cell) -> Finding | None:
    """The note that a right answer came through an overflow or an invalid operation."""
    return next((f for f in cell.findings if f.code == "SC501"), None)


def signal_word(finding: Finding) -> str:
    """Which signal it was, in a word: overflow, invalid operation, division by zero."""
    text = f"{finding.text} {finding.cause.text if finding.cause else ''}".lower()
    for key, word in (("overflow", "overflow"), ("invalid", "invalid"), ("divi", "division")):
        if key in text:
            return word
    return "signal"


# -- groups ---------------------------------------------------------------------------------------


def dtypes(cells: Sequence[Cell]) -> list[str]:
    """Formats of the cells, widest first, unknown ones last."""
    known = list(formats.FORMATS)
    seen = {cell.dtype for cell in cells}
    return sorted(seen, key=lambda d: (known.index(d) if d in known else len(known), d))


@dataclass(frozen=True)
class Group:
    """One op with its options: a row per target, a column per format."""

    op: str
    options: str
    dtypes: tuple[str, ...]
    rows: tuple[tuple[str, Mapping[str, Cell]], ...]

    @property
    def title(self) -> str:
        return names.op(self.op, self.options)


def groups(report: Report) -> list[Group]:
    """The cells of a report as tables, in the order in which they were planned."""
    found = []
    for (op, options), cells in report.by_op():
        rows: dict[str, dict[str, Cell]] = {}
        for cell in cells:
            rows.setdefault(cell.target, {})[cell.dtype] = cell
        found.append(Group(op, options, tuple(dtypes(cells)), tuple(rows.items())))
    return found


@dataclass(frozen=True)
class Block:
    """Findings of one target under one code: `lead` is shown in full, `others` share its fate."""

    lead: Finding
    others: tuple[Finding, ...]
    how: Standing
    cell: Cell


def blocks(
    report: Report, standings: Collection[Standing] = ("failing", "known"), merge: bool = True
) -> list[Block]:
    """Findings that stand so, worst first: one block per (target, code), its formats merged unless told
    not to."""
    merged: dict[tuple[Standing, tuple[str, ...]], list[tuple[Cell, Finding]]] = {}
    for cell, finding, how in findings(report):
        if how in standings:
            apart = finding.dtype if not merge else ""
            key = (finding.op, finding.options, finding.argument, finding.target, finding.code, apart)
            merged.setdefault((how, key), []).append((cell, finding))
    shown = []
    for (how, _), members in merged.items():
        cell, lead = min(members, key=lambda member: _familiarity(member[1].dtype))
        others = tuple(finding for _, finding in members if finding is not lead)
        shown.append(Block(lead, others, how, cell))
    return sorted(shown, key=lambda block: (STANDINGS.index(block.how), severity(block.lead)))


def _familiarity(dtype: str) -> tuple[int, str]:
    """float32 leads where it can: the format in which most people meet the failure."""
    preferred = ("float32", "float64", "float16", "bfloat16")
    return (preferred.index(dtype) if dtype in preferred else len(preferred), dtype)


def left_out(report: Report) -> dict[Standing, int]:
    """How many findings `blocks` does not show unless everything is asked for."""
    counts: dict[Standing, int] = {"declared": 0, "unasked": 0}
    for _, _, how in findings(report):
        if how in counts:
            counts[how] += 1
    return counts


# -- sentences ------------------------------------------------------------------------------------


def header(report: Report | None, meta: Mapping[str, object]) -> list[str]:
    """Versions; then seed, oracle and the state of flush-to-zero; as far as `meta` knows them."""
    versions = [f"{key} {meta[key]}" for key in HEADER if meta.get(key)]
    state = []
    if report is not None or "seed" in meta:
        state.append(f"seed {report.seed if report is not None else meta['seed']}")
    state += [
        f"{key.replace('_', ' ')}: {meta[key]}"
        for key in ("level", "oracle", "flush-to-zero")
        if meta.get(key)
    ]
    return [names.printable(" | ".join(line)) for line in (versions, state) if line]


def summary(report: Report) -> list[str]:
    """Counts of the run: cells, examples, elements by rung of the ladder, audited, undecided, seed, time."""
    counts = report.counts
    rungs = ", ".join(
        f"{numbers.count(n)} by {names.printable(rung)}" for rung, n in counts.rungs.items() if n
    )
    na = len(report.cells) - len(report.judged_cells)
    cells = numbers.count(len(report.cells), "cell") + (f" ({na} n/a)" if na else "")
    return [
        cells,
        f"{numbers.count(sum(c.examples for c in report.cells), 'example')} judged",
        f"{numbers.count(report.judged, 'element')} certified" + (f": {rungs}" if rungs else ""),
        f"{numbers.count(counts.audited)} audited",
        f"{numbers.count(report.undecided)} undecided",
        f"seed {report.seed}",
        numbers.duration(report.elapsed),
    ]


#: Regimes that a finding names before it counts the others.
_REGIMES = 4


def regimes(finding: Finding) -> str:
    """The first regimes in which it showed, and how many more: "cliffs, offset, masks, gaps and 9 more"."""
    shown = ", ".join(finding.regimes[:_REGIMES])
    more = len(finding.regimes) - _REGIMES
    return f"{shown} and {more} more" if more > 0 else shown


def quoted(text: str) -> list[tuple[str, bool]]:
    """A sentence in pieces: (text, whether it stands in `backticks` and so is code)."""
    pieces = text.split("`")
    if len(pieces) % 2 == 0:  # one without a partner: code that holds a backtick itself
        return [(text, False)]
    return [(piece, i % 2 == 1) for i, piece in enumerate(pieces) if piece]


def location(cell: Cell, finding: Finding) -> Where | None:
    """Where to point: the guilty line when it is known, otherwise the target's definition."""
    return finding.where or cell.location


def message(finding: Finding) -> str:
    """What went wrong in one line: input, got, expected, onset, cause."""
    example = finding.minimal
    parts = []
    if example.got is not None:
        got = numbers.number(example.got, finding.dtype)
        parts.append(f"got {got}{numbers.place(example.index)}")
        if example.expected is not None:
            parts[-1] += f", expected {numbers.number(example.expected, finding.dtype)}"
    if finding.text:
        parts.append(names.printable(finding.text))
    given = "; ".join(f"{name} = {text}" for name, text in numbers.inputs(example, finding.dtype))
    if given:
        parts.append(f"for {names.printable(given)}")
    if error := numbers.error(example):
        parts.append(error)
    if finding.onset is not None:
        parts.append(f"from {numbers.onset(finding.onset)}")
    if finding.cause is not None:
        parts.append(names.printable(finding.cause.text))
    return "; ".join(parts)
