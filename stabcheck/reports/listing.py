"""`stabcheck list`: what there is, as tables that fit a narrow terminal and survive a pipe."""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from stabcheck.errors import unknown
from stabcheck.reports import names

#: Narrower than this, the last column goes to lines of its own.
_LEAST_LAST = 24


@dataclass(frozen=True)
class Listing:
    """A titled table. The last column is prose and may wrap; the others are words and never do."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def show(listing: Listing, console: Console) -> None:
    """Print it: columns as wide as their words, the last one wrapped into what is left."""
    rows = [tuple(names.printable(word) for word in row) for row in listing.rows]
    widths = [max(map(cell_len, column)) for column in zip(listing.columns, *rows, strict=True)]
    start = 2 + sum(width + 2 for width in widths[:-1])
    apart = console.width - start < min(_LEAST_LAST, widths[-1])
    console.print(Text(listing.title, style="bold"), soft_wrap=True)
    _row(listing.columns, widths, start, apart, console, "dim")
    for row in rows:
        _row(row, widths, start, apart, console)
    console.print()


def _row(
    row: Sequence[str], widths: Sequence[int], start: int, apart: bool, console: Console, style: str = ""
) -> None:
    *words, prose = row
    line = "  " + "".join(
        word + " " * (width - cell_len(word) + 2) for word, width in zip(words, widths, strict=False)
    )
    if apart:
        console.print(Text(line.rstrip(), style=style), soft_wrap=True)
        line, start = " " * 6, 6
    room = max(20, console.width - start)
    wrapped = textwrap.wrap(prose, room, break_long_words=False, break_on_hyphens=False) or [""]
    for number, part in enumerate(wrapped):
        lead = line if number == 0 else " " * start
        console.print(Text((lead + part).rstrip(), style=style), soft_wrap=True)


# -- what there is --------------------------------------------------------------------------------


def _ops() -> list[Listing]:
    from stabcheck import ops

    rows = []
    for op in map(ops.get, ops.names()):
        options = ", ".join(option.name for option in op.options)
        rows.append(
            (op.name, op.kind, f"{op.summary}: {op.text}" + (f" (options: {options})" if options else ""))
        )
    return [Listing("ops: what can be checked (--op NAME)", ("name", "kind", "formula"), tuple(rows))]


def _implementations() -> list[Listing]:
    from stabcheck.implementations.catalogue import all_implementations

    rows: dict[str, list[tuple[str, ...]]] = {}
    for entry in all_implementations():
        chosen = ", ".join(f"{name}={value}" for name, value in entry.options.items())
        summary = f"{entry.summary} (with {chosen})" if chosen else entry.summary
        row = (names.short(entry.name), f"{_grades(entry.grades)}: {summary}")
        rows.setdefault(entry.op, []).append(row)
    columns = ("name", "declared grade and formula")
    return [Listing(f"implementations of {op}", columns, tuple(found)) for op, found in rows.items()]


def _grades(grades: Mapping[str, str]) -> str:
    """The grade of most formats, and the others with theirs: `stable (robust in bfloat16)`."""
    most, _ = Counter(grades.values()).most_common(1)[0]
    others = ", ".join(f"{grade} in {name}" for name, grade in grades.items() if grade != most)
    return f"{most} ({others})" if others else most


def _regimes() -> list[Listing]:
    from stabcheck.strategies.regimes import REGIMES

    rows = tuple((entry.name, entry.meaning) for entry in REGIMES.values())
    return [Listing("regimes: families of hard inputs (--regimes NAMES)", ("name", "meaning"), rows)]


def _formats() -> list[Listing]:
    from stabcheck.formats import FORMATS

    rows = tuple(
        (
            form.name, str(form.precision), f"{form.max:.3g}", f"{form.tiny:.3g}", f"{form.eta:.2g}",
            f"exp overflows above {form.log_max:.2f}, is subnormal below {form.log_tiny:.2f}",
        )
        for form in FORMATS.values()
    )  # fmt: skip
    columns = ("name", "precision", "largest", "normal", "subnormal", "cliffs")
    return [Listing("formats: what a target is checked in (--dtype NAME)", columns, rows)]


def _codes() -> list[Listing]:
    from stabcheck.findings import CODES

    rows = tuple(
        (code.code, code.name, "a note" if code.breaks is None else str(code.breaks), code.meaning)
        for code in CODES.values()
    )
    columns = ("code", "name", "breaks", "meaning")
    return [Listing("codes: ways to fail (stabcheck explain CODE)", columns, rows)]


SUBJECTS: Mapping[str, Callable[[], list[Listing]]] = {
    "ops": _ops,
    "implementations": _implementations,
    "regimes": _regimes,
    "formats": _formats,
    "codes": _codes,
}


def show_subject(subject: str, console: Console) -> None:
    """Print what there is of that; UsageError for a subject that does not exist."""
    if subject not in SUBJECTS:
        raise unknown("list", subject, SUBJECTS)
    for listing in SUBJECTS[subject]():
        show(listing, console)
