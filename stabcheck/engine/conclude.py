"""From evidence to findings: shrunk, confirmed, with their onset, and told apart from bad company."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from stabcheck.engine.events import CellKey
from stabcheck.engine.onset import onset
from stabcheck.engine.request import Request
from stabcheck.engine.shrink import BUDGET, Shrinker
from stabcheck.engine.tally import Candidate, Evidence
from stabcheck.engine.trial import Inputs, Shows, Trial, stack
from stabcheck.findings import CODES, Example, Finding, selected
from stabcheck.judge import JUDGED
from stabcheck.oracle.ladder import Oracle
from stabcheck.targets.benign import benign_inputs
from stabcheck.targets.layouts import LAYOUTS
from stabcheck.targets.runner import Runner

Array = npt.NDArray[Any]

#: Batches of candidates for shrinking the lesser findings of the catalogue, whose table shows the worst of
#: each cell, and those that break no level that was asked for.
_LESSER_BUDGET = 6
_UNASKED_BUDGET = 4
#: Numbers that a shrink tries at once: many where a call takes a whole block, few where each is a call.
_POINTS = {True: 96, False: 24}
#: Faults of the SC4 family that shrink like verdicts do.
_SHRINKING_FAULTS = ("SC401",)


@dataclass(frozen=True)
class Conclusion:
    """What is to be said of one cell: `examples` were judged, `argument` is the argument of a gradient. Of a
    cell of the `catalogue` less is looked for: its table shows one finding each."""

    key: CellKey
    runner: Runner
    oracle: Oracle
    request: Request
    examples: int
    argument: str = ""
    catalogue: bool = False

    def finding(self, code: str, evidence: Evidence, first: bool = True) -> tuple[Finding, int]:
        """The finding of this code, shrunk from its evidence, and how many elements the authority confirmed
        for it. In the catalogue all but the first, and those that nobody asked for, are shrunk briefly and
        have no onset, and no worst example is confirmed: the minimal one is."""
        thorough = self._budget(code, first) == BUDGET
        smallest, worst = evidence.smallest, evidence.worst
        assert smallest is not None
        assert worst is not None
        if smallest.whole and code in _SHRINKING_FAULTS:
            return self._together(code, evidence, smallest), 0
        trial, text = Trial(self.runner, self.oracle), smallest.text
        shows = trial.shows(code)
        edge: float | None = None
        if code in JUDGED or code in ("SC501", *_SHRINKING_FAULTS):
            alone = bool(shows([smallest.inputs])[0])
            if not alone and smallest.layout != "C":
                trial = Trial(self.runner, self.oracle, smallest.layout)
                shows = trial.shows(code)
                alone = bool(shows([smallest.inputs])[0])
                text = f"only {LAYOUTS[smallest.layout]}"
            if not alone and code in JUDGED:
                return self._in_company(code, evidence, smallest), 0
            op, fmt, bounds = self.oracle.op, self.oracle.format, self.request.bounds(self.oracle.op)
            points = _POINTS[self.runner.batch]
            shrinker = Shrinker(op, fmt, shows, bounds, self._budget(code, first), points)
            inputs = shrinker.shrink(smallest.inputs, smallest.index) if alone else smallest.inputs
            if alone or code not in _SHRINKING_FAULTS:
                minimal = trial.example(code, inputs, smallest.index, smallest.regime)
            else:  # this time it answered, which says nothing of the time when it did not
                minimal = Example(inputs, smallest.index, regime=smallest.regime)
                text += "; not every time"
            edge = self._onset(inputs, shows) if alone and thorough else None
            text = "; ".join(filter(None, (text, self._properties(trial, code, inputs))))
            if code == "SC401":
                text = self._raised(inputs) or text
        else:
            minimal = Example(smallest.inputs, smallest.index, regime=smallest.regime)
        worst_example = self._worst(trial, code, worst) if code in JUDGED else minimal
        return self._record(code, evidence, minimal, worst_example, edge, text), trial.confirmed

    def _budget(self, code: str, first: bool) -> int:
        if not self.catalogue:
            return BUDGET
        if not self._asked(code):
            return _UNASKED_BUDGET
        return BUDGET if first else _LESSER_BUDGET

    def _onset(self, inputs: Inputs, shows: Shows) -> float | None:
        return onset(self.oracle.op, self.oracle.format, inputs, shows, self.runner.batch)

    def _worst(self, trial: Trial, code: str, worst: Candidate) -> Example:
        inputs, index = worst.inputs, worst.index
        if self.oracle.op.kind == "elementwise":
            inputs, index = {name: np.asarray(a[index]).reshape(1) for name, a in inputs.items()}, (0,)
        if self.catalogue:
            return Example(inputs, index, worst.got, worst.expected, worst.ulps, worst.ratio, worst.regime)
        return trial.example(code, inputs, index, worst.regime)

    def _record(
        self, code: str, evidence: Evidence, minimal: Example, worst: Example, edge: float | None, text: str
    ) -> Finding:
        target, op, options, dtype = self.key
        return Finding(
            code=code,
            op=op,
            target=target,
            dtype=dtype,
            options=options,
            argument=self.argument,
            minimal=minimal,
            worst=worst,
            onset=edge,
            asked=self._asked(code),
            regimes=tuple(name for name, _ in sorted(evidence.regimes.items(), key=lambda p: (-p[1], p[0]))),
            share=min(1.0, evidence.examples / max(self.examples, 1)),
            text=text,
        )

    def _asked(self, code: str) -> bool:
        request = self.request
        if not selected(CODES[code], request.select, request.ignore):
            return False
        level = CODES[code].breaks
        if level is None:
            return code == "SC501" and request.signals == "fail"
        return level <= request.level

    def _raised(self, inputs: Inputs) -> str:
        faults = self.runner(stack([inputs])).faults
        return next((fault.text for fault in faults if fault.code == "SC401"), "")

    # -- rows in company ---------------------------------------------------------------------------

    def _together(self, code: str, evidence: Evidence, candidate: Candidate) -> Finding:
        """Rows that the target takes in smaller company and not all at once: as few copies of one as it
        refuses, benign ones first; where what is in them matters, the block in which they came."""
        op, rows = self.oracle.op, next(iter(candidate.block.values())).shape[0]
        benign = {name: a[0] for name, a in benign_inputs(op, self.oracle.format, 1).items()}
        block, text = dict(candidate.block), f"{candidate.text}; not every time"
        for row in (benign, candidate.inputs):
            if self._refused([row] * rows, code):
                low, high = 1, rows
                while high - low > 1:
                    middle = (low + high) // 2
                    low, high = (low, middle) if self._refused([row] * middle, code) else (middle, high)
                block = stack([row] * high)
                break
        text = self._refusal(block, code) or text
        example = Example(block, regime=candidate.regime)
        return self._record(code, evidence, example, example, None, text)

    def _refused(self, rows: list[Inputs], code: str) -> bool:
        return bool(self._refusal(stack(rows), code))

    def _refusal(self, block: Mapping[str, Array], code: str) -> str:
        """What was wrong with the block as a whole; "" where nothing was."""
        faults = self.runner(block).faults
        return next((fault.text for fault in faults if fault.code == code and fault.row < 0), "")

    def _in_company(self, code: str, evidence: Evidence, candidate: Candidate) -> Finding:
        """The example fails in its block and not alone: is it the neighbours' values that decide?"""
        rows = next(iter(candidate.block.values())).shape[0]
        copies = {name: np.stack([a] * rows) for name, a in candidate.inputs.items()}
        trial = Trial(self.runner, self.oracle)
        number = JUDGED.index(code)

        def fails(block: Mapping[str, Array], row: int) -> bool:
            return bool((trial.verdict(block)[1].code[row] == number).any())

        in_block = fails(candidate.block, candidate.row)
        if not in_block:  # it needed a memory layout or could not be repeated
            text = f"{CODES[code].meaning}; only in this batch, and not every time"
            example = Example(candidate.inputs, candidate.index, regime=candidate.regime,
                              ulps=candidate.ulps, ratio=candidate.ratio)  # fmt: skip
            return self._record(code, evidence, example, example, None, text)
        among_copies = fails(copies, candidate.row)
        block, row = dict(candidate.block), candidate.row
        for other in range(rows):
            pair = {n: a[[candidate.row, other]] for n, a in candidate.block.items()}
            if other != candidate.row and fails(pair, 0):
                block, row = pair, 0
                break
        truth_index = (row, *candidate.index)
        answer, verdict, truth = trial.verdict(block)
        got = float(answer.values[truth_index])
        example = Example(
            block,
            truth_index,
            got,
            float(truth.rounded[truth_index]),
            float(verdict.ulps[truth_index]),
            float(verdict.ratio[truth_index]),
            candidate.regime,
        )
        if among_copies:
            text = f"{CODES[code].meaning}, in a batch of {rows} and not alone"
            return self._record(code, evidence, example, example, None, text)
        text = f"{CODES[code].name} in row {row} because of its neighbours; alone the row is right"
        return self._record("SC304", evidence, example, example, None, text)

    # -- words -------------------------------------------------------------------------------------

    def _properties(self, trial: Trial, code: str, inputs: Inputs) -> str:
        """Broken properties that come with the finding, in words."""
        op = self.oracle.op
        answer = self.runner(stack([inputs]), layout=trial.layout)
        if not answer.usable.all() or code == "SC501":
            return "overflow or invalid operation on the way" if code == "SC501" else ""
        values, words = answer.values[0], []
        finite = values[np.isfinite(values)]
        low, high = op.range
        if finite.size and (finite.min() < low or finite.max() > high):
            words.append(f"outside [{low:g}, {high:g}]")
        if op.sums_to_one and finite.size == values.size:
            total = math.fsum(values.tolist())
            if abs(total - 1) > 4 * self.oracle.format.u * (values.size + 4):
                digits = next(d for d in range(4, 18) if float(f"{total:.{d}g}") != 1)
                words.append(f"the row sums to {total:.{digits}g}")
        return "; ".join(words)
