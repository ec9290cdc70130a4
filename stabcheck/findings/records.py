"""Frozen records of a report: Example, Finding, Cell, Report. They know no terminal and no file format."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from stabcheck.findings.codes import CODES, Grade, Level

Array = npt.NDArray[Any]

#: Share of undecided elements above which a report is not ok.
UNDECIDED_LIMIT = 1e-3


def finding_id(identity: tuple[str, ...]) -> str:
    """Short hash of a finding's identity. Committed baselines refer to it: it never changes."""
    return hashlib.sha256("\x1f".join(identity).encode(errors="surrogateescape")).hexdigest()[:10]


@dataclass(frozen=True)
class Example:
    """One input and what came of it.

    `inputs` maps argument names to arrays in the cell's format (class indices: int64); `index` is the
    output element that shows the failure. `got` and `expected` are values of the format held as
    float64 (None where there is no number to show); `ulps` and `ratio` are NaN where they mean nothing.
    """

    inputs: Mapping[str, Array]
    index: tuple[int, ...] = ()
    got: float | None = None
    expected: float | None = None
    ulps: float = float("nan")
    ratio: float = float("nan")
    regime: str = ""


@dataclass(frozen=True)
class Where:
    """The guilty line of the user's code."""

    file: str
    line: int
    operation: str


@dataclass(frozen=True)
class Cause:
    """Why it failed: `kind` is a word of a fixed list (overflow, absorption, ...), `text` one line."""

    kind: str
    text: str


@dataclass(frozen=True)
class Fix:
    """What to write instead; `grade` is what the snippet itself reached under stabcheck."""

    title: str
    formula: str
    snippet: str
    source: str
    grade: str = ""
    safe_range: str = ""


@dataclass(frozen=True)
class Finding:
    """One way in which a target failed, in one format: there is exactly one per identity.

    `minimal` has the fewest classes, then the simplest numbers; `worst` the largest ratio. `onset` is
    the magnitude of the largest input from which the failure begins, rounded outward. `share` is the
    share of the examples that showed it; `text` says more in one line, broken properties included.
    """

    code: str
    op: str
    target: str
    dtype: str
    minimal: Example
    worst: Example
    options: str = ""
    argument: str = ""
    asked: bool = True
    onset: float | None = None
    regimes: tuple[str, ...] = ()
    share: float = 0.0
    text: str = ""
    cause: Cause | None = None
    where: Where | None = None
    fix: Fix | None = None
    known: str = ""  # reason given in the baseline, when the baseline knows this finding

    @property
    def name(self) -> str:
        return CODES[self.code].name

    @property
    def level(self) -> Level | None:
        """The level this finding breaks; None for a note."""
        return CODES[self.code].breaks

    @property
    def identity(self) -> tuple[str, str, str, str, str, str]:
        """(op, canonical options, gradient argument, target, format, code)."""
        return (self.op, self.options, self.argument, self.target, self.dtype, self.code)

    @property
    def id(self) -> str:
        """Short hash of the identity."""
        return finding_id(self.identity)


@dataclass(frozen=True)
class Counts:
    """How the elements of a cell were decided: by rung of the oracle's ladder."""

    rungs: Mapping[str, int] = field(default_factory=dict)
    audited: int = 0
    confirmed: int = 0

    def __add__(self, other: Counts) -> Counts:
        rungs = {k: self.rungs.get(k, 0) + other.rungs.get(k, 0) for k in {**self.rungs, **other.rungs}}
        return Counts(rungs, self.audited + other.audited, self.confirmed + other.confirmed)


@dataclass(frozen=True)
class Cell:
    """One (target, op, options, format) of a report.

    `state` is "judged" or "n/a" (then `reason` says why). `judged` counts output elements, `examples`
    the examples they came from. `histogram` counts elements by error in ulps, bins as in
    `HISTOGRAM_BINS`. `declared` is the grade that an implementation of the catalogue claims.
    `profile` holds points (logit, ulps, ratio) of the error-against-input picture.
    """

    HISTOGRAM_BINS: ClassVar[tuple[float, ...]] = (0.5, 1, 2, 4, 16, 256, 65536)

    target: str
    op: str
    dtype: str
    options: str = ""
    state: str = "judged"
    reason: str = ""
    findings: tuple[Finding, ...] = ()
    notes: tuple[str, ...] = ()
    judged: int = 0
    examples: int = 0
    undecided: int = 0
    max_ratio: float = 0.0
    max_ulps: float = 0.0
    p99_ulps: float = 0.0
    histogram: tuple[int, ...] = ()
    profile: tuple[tuple[float, float, float], ...] = ()
    counts: Counts = Counts()
    call_form: str = ""
    declared: Grade | None = None
    reason_declared: str = ""
    ceiling: Grade = Grade.ACCURATE  # the best that could be judged
    location: Where | None = None  # the target's own definition

    @property
    def grade(self) -> Grade | None:
        """The highest level judged with no finding below it; None for a cell that is n/a."""
        if self.state != "judged":
            return None
        broken = [f.level for f in self.findings if f.level is not None]
        return Grade(min(broken) - 1) if broken else self.ceiling

    @property
    def key(self) -> tuple[str, str, str, str]:
        return (self.target, self.op, self.options, self.dtype)

    @property
    def worse_than_declared(self) -> bool:
        return self.declared is not None and self.grade is not None and self.grade < self.declared

    @property
    def better_than_declared(self) -> bool:
        """A planted defect that was not found."""
        return self.declared is not None and self.grade is not None and self.grade > self.declared


@dataclass(frozen=True)
class Report:
    """Everything a run found out. `meta` holds versions, seed, options, platform: strings and numbers."""

    cells: tuple[Cell, ...]
    meta: Mapping[str, Any] = field(default_factory=dict)
    level: Level = Level.STABLE
    seed: int = 0
    elapsed: float = 0.0
    interrupted: bool = False
    notes: tuple[str, ...] = ()

    #: Set by the doors to the terminal renderer, so that print(report) shows the tables.
    renderer: ClassVar[Callable[[Report], str] | None] = None

    @property
    def findings(self) -> tuple[Finding, ...]:
        return tuple(f for cell in self.cells for f in cell.findings)

    @property
    def asked(self) -> tuple[Finding, ...]:
        """Findings that count against this run."""
        return tuple(f for f in self.findings if f.asked)

    @property
    def judged_cells(self) -> tuple[Cell, ...]:
        return tuple(c for c in self.cells if c.state == "judged")

    @property
    def grade(self) -> Grade | None:
        """The worst grade of any judged cell; None when nothing was judged."""
        return min((c.grade for c in self.judged_cells if c.grade is not None), default=None)

    @property
    def judged(self) -> int:
        return sum(c.judged for c in self.cells)

    @property
    def undecided(self) -> int:
        return sum(c.undecided for c in self.cells)

    @property
    def counts(self) -> Counts:
        return sum((c.counts for c in self.cells), Counts())

    @property
    def ok(self) -> bool:
        """No asked finding, and at most 0.1 % of the elements undecided. A report in which every cell is n/a
        has no finding either, and is not ok: the command line ends with 2 there."""
        few_open = self.undecided <= UNDECIDED_LIMIT * max(self.judged, 1)
        return bool(self.judged_cells) and not self.asked and few_open

    def by_op(self) -> Iterator[tuple[tuple[str, str], Sequence[Cell]]]:
        """Cells grouped by (op, options), in the order in which they were planned."""
        groups: dict[tuple[str, str], list[Cell]] = {}
        for cell in self.cells:
            groups.setdefault((cell.op, cell.options), []).append(cell)
        yield from groups.items()

    def to_json(self) -> dict[str, Any]:
        """The report as plain data, schema "stabcheck.report/1"; floats are strings."""
        from stabcheck.findings.serial import report_to_data

        return report_to_data(self)

    def __str__(self) -> str:
        if Report.renderer is not None:
            return Report.renderer(self)
        return "\n".join(f"{c.op} {c.target} {c.dtype}: {c.grade}" for c in self.cells)


def example_size(example: Example) -> int:
    """Number of input elements of an example."""
    return sum(int(np.size(a)) for a in example.inputs.values())
