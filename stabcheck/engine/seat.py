"""One cell at work: a target in its seat, fed block by block, then its report."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from stabcheck.engine.conclude import Conclusion
from stabcheck.engine.events import CellKey, Event, Found, Progress, Shrinking
from stabcheck.engine.request import Request
from stabcheck.engine.tally import Candidate, Tally
from stabcheck.engine.trial import SIGNALS, differing
from stabcheck.engine.verdicts import decide
from stabcheck.engine.worst.search import Worst
from stabcheck.findings import CODES, Cell, Counts, Finding, Grade, Level
from stabcheck.judge import Verdict, severity
from stabcheck.oracle.ladder import Oracle
from stabcheck.oracle.truth import Kind, Truth
from stabcheck.strategies.block import Block
from stabcheck.strategies.regimes import EMPTY
from stabcheck.targets.answer import Answer
from stabcheck.targets.guard import other_seeds
from stabcheck.targets.layouts import Layout
from stabcheck.targets.runner import Runner

Array = npt.NDArray[Any]

#: Blocks on which a target is asked twice, to see whether it answers alike; one of the catalogue's own.
_ASKED_TWICE = 4
#: Calls spent on finding an example that is right although the target signals; a quarter in the catalogue.
_SIGNAL_TRIALS = 40
#: Longest rows that are also handed over in other memory layouts: beyond, layouts decide how NumPy sums.
_LAYOUT_CLASSES = 32


@dataclass
class Seat:
    """A cell under test. `declared` is the grade that the catalogue claims for it, `argument` the argument
    of a gradient."""

    key: CellKey
    runner: Runner
    oracle: Oracle
    request: Request
    declared: Grade | None = None
    reason: str = ""
    argument: str = ""
    catalogue: bool = False
    audited: int = 0
    tally: Tally = field(init=False)
    wider: str = ""
    wavering: bool = False
    no_empty: bool = False
    refused: str = ""
    _fed: int = 0
    _signal_trials: int = field(init=False)

    def __post_init__(self) -> None:
        self.tally = Tally(self.oracle.format)
        self._signal_trials = _SIGNAL_TRIALS // (4 if self.catalogue else 1)
        self._cycle = itertools.cycle(a for a in self.runner.layouts if a != "0-d")
        op = self.oracle.op
        self._worst = Worst(op, self.oracle.format, self.request.seed, self.request.bounds(op))

    # -- searching ---------------------------------------------------------------------------------

    def feed(self, block: Block, truth: Truth) -> Iterator[Event]:
        """Call the target on a block and judge what it says."""
        yield from self._feed(block, truth, self._layout(block))
        if "0-d" in self.runner.layouts and self._fed == 1 and not self.catalogue:
            # An example of each regime once more, number by number.
            yield from self._feed(block.of_each(), truth.take(block.first_rows()), "0-d")

    def _feed(self, block: Block, truth: Truth, layout: Layout) -> Iterator[Event]:
        answer = self.runner(block.inputs, layout=layout)
        if any(fault.code == "SC401" for fault in answer.faults) and EMPTY in block.regimes:
            self.no_empty = True  # another kind of input than it was seen to work on
            return
        verdict = decide(
            self.oracle, block.inputs, truth, answer.values, answer.usable, flushes=self.runner.flushes
        )
        names = tuple(rung.name for rung in self.oracle.rungs)
        for code in self.tally.feed(block, truth, answer.values, verdict, names, layout):
            yield Found(self.key, code)
        self._worst.watch(block, verdict)
        for found in self._faults(block, answer):
            yield Found(self.key, found)
        self.wider = self.wider or answer.wider
        if self._fed < (1 if self.catalogue else _ASKED_TWICE) and layout != "0-d":
            self._ask_again(block, answer, truth, layout)
        if answer.signals & SIGNALS and self._signal_trials > 0 and "SC501" not in self.tally.evidence:
            self._find_signal(block, verdict, truth)
        self._fed += 1
        for name in truth.conventions:
            if name not in self.tally.conventions:
                mask = self.oracle.convention(name, block.inputs, truth)
                self.tally.conventions[name] = self._followed(answer.values[mask])

    def search_worst(self, examples: int) -> Iterator[Event]:
        """Spend a part of the effort on making errors larger, unless the target is broken already."""
        if any(CODES[code].breaks == Level.ROBUST for code in self.tally.evidence):
            return
        for block in self._worst.blocks(examples):
            truth = self.oracle.truth(block.inputs)
            yield from self.feed(block, truth)
            yield Progress(self.key, 0, truth.head.size)

    def _layout(self, block: Block) -> Layout:
        return next(self._cycle) if block.classes <= _LAYOUT_CLASSES else "C"

    def _faults(self, block: Block, answer: Answer) -> list[str]:
        new = []
        whole: set[str] = set()  # codes of the block as a whole: halves of a block may each have the same
        for fault in answer.faults:
            row = max(fault.row, 0)
            if fault.code == "SC401" and fault.row >= 0 and _with_nan(block.row(row)):
                # A check of its own that says so: the NaN is not hidden, and no number is refused.
                self.refused = self.refused or fault.text
                continue
            if fault.row < 0 and fault.code in whole:
                continue
            if fault.row < 0:
                whole.add(fault.code)
            regime = block.regime(row)
            candidate = Candidate(
                block.row(row),
                (),
                math.inf,
                math.nan,
                regime,
                row,
                block.inputs,
                fault.text,
                whole=fault.row < 0,
            )
            everything = block.by_regime(np.ones(block.rows, dtype=bool)) if fault.row < 0 else None
            if self.tally.add(fault.code, candidate, everything):
                new.append(fault.code)
        return new

    def _ask_again(self, block: Block, answer: Answer, truth: Truth, layout: Layout) -> None:
        with other_seeds():
            again = self.runner(block.inputs, layout=layout)
        both = answer.usable & again.usable  # no answer is not another answer
        same = np.array_equal(answer.values[both], again.values[both], equal_nan=True)
        self.wavering = self.wavering or not same
        far = differing(answer, again, truth)
        if far.any():
            place = tuple(int(i) for i in np.argwhere(far)[0])
            row = place[0]
            text = f"{answer.values[place]!r}, then {again.values[place]!r}"
            regime = block.regime(row)
            candidate = Candidate(
                block.row(row), place[1:], math.inf, math.nan, regime, row, block.inputs, text
            )
            rows = np.asarray(far.any(axis=tuple(range(1, far.ndim))))
            self.tally.add("SC405", candidate, block.by_regime(rows))

    def _find_signal(self, block: Block, verdict: Verdict, truth: Truth) -> None:
        """Which example is right although an overflow or an invalid operation happened on the way?"""
        calm = np.ones(block.rows, dtype=bool)
        for a in block.inputs.values():
            if a.dtype.kind not in "iu":  # x - max(x) may overflow beyond max / 4: nobody's fault
                size = np.abs(a.reshape(block.rows, -1).astype(np.float64))
                calm &= (size <= self.oracle.format.max / 4).all(axis=1)
        right = calm & ~verdict.any_per_row(verdict.code > 0) & ~verdict.any_per_row(verdict.open)
        right &= ~verdict.any_per_row(truth.kind != Kind.NUMBER)
        row = self._signalling(block, np.flatnonzero(right))
        if row is not None:
            regime = block.regime(row)
            self.tally.add("SC501", Candidate(block.row(row), (), 0.0, 0.0, regime, row, block.inputs))

    def _signalling(self, block: Block, rows: npt.NDArray[np.int64]) -> int | None:
        """The first of these examples on which the target signals by itself, found by halves."""
        if not rows.size or self._signal_trials <= 0:
            return None
        self._signal_trials -= 1
        if not self.runner({n: a[rows] for n, a in block.inputs.items()}).signals & SIGNALS:
            return None
        if rows.size == 1:
            return int(rows[0])
        halves = np.array_split(rows, 2)
        first = self._signalling(block, halves[0])
        return first if first is not None else self._signalling(block, halves[1])

    @staticmethod
    def _followed(values: npt.NDArray[np.float64]) -> str:
        """What the target answers where nothing is judged, in a word."""
        kinds = {"nan": np.isnan(values), "inf": np.isinf(values), "zero": values == 0}
        for name, mask in kinds.items():
            if values.size and mask.all():
                return name
        return "numbers" if values.size else "nothing"

    # -- findings ----------------------------------------------------------------------------------

    def finish(self) -> Iterator[Event | Cell]:
        """Shrink what failed; the last thing yielded is the cell."""
        findings: list[Finding] = []
        confirmed, examples = 0, self.tally.examples
        conclusion = Conclusion(
            self.key, self.runner, self.oracle, self.request, examples, self.argument, self.catalogue
        )
        for code in sorted(self.tally.evidence, key=severity):
            if code == "SC501" and self.request.signals == "ignore":
                continue
            yield Shrinking(self.key, code)
            finding, count = conclusion.finding(code, self.tally.evidence[code], not findings)
            findings.append(finding)
            confirmed += count
        yield self._cell(tuple(_unique(findings)), confirmed)

    def _cell(self, findings: tuple[Finding, ...], confirmed: int) -> Cell:
        target, op, options, dtype = self.key
        tally = self.tally
        return Cell(
            target=target,
            op=op,
            dtype=dtype,
            options=options,
            findings=findings,
            notes=self._notes(),
            judged=tally.judged,
            examples=tally.examples,
            undecided=tally.undecided,
            max_ratio=tally.max_ratio,
            max_ulps=tally.errors.largest,
            p99_ulps=tally.errors.p99,
            histogram=tuple(tally.errors.histogram),
            profile=tally.profile.points,
            counts=Counts(dict(tally.rungs), self.audited, confirmed),
            call_form=self.runner.call_form,
            declared=self.declared,
            ceiling=Grade(max(self.oracle.op.judged_levels)),
            reason_declared=self.reason,
            location=self.runner.location,
        )

    def _notes(self) -> tuple[str, ...]:
        tally, notes = self.tally, list(self.runner.notes)
        if self.wider:
            notes.append(f"SC903 wider: answers in {self.wider}, rounded once to {self.oracle.format.name}")
        if self.runner.flushes:
            notes.append("SC901 flush-to-zero: subnormal numbers become zero")
        if self.no_empty:
            notes.append("does not take rows without a class")
        if self.wavering and "SC405" not in tally.evidence:
            notes.append("answers differ from call to call, inside the gate")
        if self.refused:
            notes.append(f"refuses NaN: {self.refused}")
        if tally.undecided:
            notes.append(f"SC902 undecided: {tally.undecided} elements")
        notes += [
            f"{name}: not judged, the target answers {what}" for name, what in tally.conventions.items()
        ]
        if self.request.max_time is not None and tally.examples < self.request.effort:
            notes.append(f"stopped by max-time after {tally.examples} of {self.request.effort} examples")
        if Level.STABLE not in self.oracle.op.judged_levels:
            notes.append("the formula cannot be differentiated: judged for robust only")
        return tuple(notes)


def _with_nan(inputs: Mapping[str, Array]) -> bool:
    return any(a.dtype.kind not in "iu" and bool(np.isnan(a).any()) for a in inputs.values())


def _unique(findings: list[Finding]) -> Iterator[Finding]:
    """One finding per identity: several codes of one row in company are one SC304."""
    seen = set()
    for finding in sorted(findings, key=lambda f: severity(f.code)):
        if finding.identity not in seen:
            seen.add(finding.identity)
            yield finding
