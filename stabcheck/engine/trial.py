"""Trying single examples again: what shrinking, onset and confirmation are made of."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from stabcheck.engine.verdicts import decide
from stabcheck.errors import OracleError
from stabcheck.findings import Example
from stabcheck.judge import JUDGED, Verdict, may_show
from stabcheck.oracle.ladder import Oracle
from stabcheck.oracle.truth import Kind, Truth
from stabcheck.targets.answer import Answer
from stabcheck.targets.guard import other_seeds
from stabcheck.targets.layouts import Layout
from stabcheck.targets.runner import Runner

Array = npt.NDArray[Any]
Inputs = dict[str, Array]
Shows = Callable[[Sequence[Inputs]], Sequence[bool]]


def stack(candidates: Sequence[Mapping[str, Array]]) -> Inputs:
    """Examples of one shape as a block."""
    return {name: np.stack([c[name] for c in candidates]) for name in candidates[0]}


@dataclass
class Trial:
    """A target with its oracle, for examples given one by one."""

    runner: Runner
    oracle: Oracle
    layout: Layout = "C"
    confirmed: int = field(default=0)

    def shows(self, code: str) -> Shows:
        """A predicate for shrinking: which of these examples (of one shape) show the code?"""
        if code in JUDGED:
            return lambda candidates: self._judged(code, candidates)
        if code == "SC405":
            return lambda candidates: [self._unsteady(c) for c in candidates]
        if code == "SC501":
            return self._signals
        return lambda candidates: self._faults(code, candidates)

    def _judged(self, code: str, candidates: Sequence[Inputs]) -> list[bool]:
        block = stack(candidates)
        answer = self.runner(block, layout=self.layout)
        if not may_show(code, answer.values, self.oracle.format).any():
            return [False] * len(candidates)  # whatever the truth is
        verdict = self._verdict(block, answer)[0]
        return [bool(b) for b in verdict.any_per_row(verdict.code == JUDGED.index(code))]

    def _faults(self, code: str, candidates: Sequence[Inputs]) -> list[bool]:
        faults = self.runner(stack(candidates), layout=self.layout).faults
        rows = {f.row for f in faults if f.code == code}
        # An exception of all of them together says nothing of any: each was answered in smaller company.
        everyone = -1 in rows and code != "SC401"
        return [everyone or i in rows for i in range(len(candidates))]

    def _unsteady(self, inputs: Inputs) -> bool:
        block = stack([inputs])
        first = self.runner(block, layout=self.layout)
        with other_seeds():
            second = self.runner(block, layout=self.layout)
        return bool(differing(first, second, self.oracle.truth(block)).any())

    def _signals(self, candidates: Sequence[Inputs]) -> list[bool]:
        """Which signal, each by itself, although they are right?"""
        _, verdict, truth = self.verdict(stack(candidates))
        wrong = verdict.any_per_row((verdict.code > 0) | (truth.kind != Kind.NUMBER))
        return [
            not bad and bool(self.runner(stack([c]), layout=self.layout).signals & SIGNALS)
            for c, bad in zip(candidates, wrong, strict=True)
        ]

    def verdict(self, block: Mapping[str, Array]) -> tuple[Answer, Verdict, Truth]:
        """The answer to a block, judged."""
        answer = self.runner(block, layout=self.layout)
        return answer, *self._verdict(block, answer)

    def _verdict(self, block: Mapping[str, Array], answer: Answer) -> tuple[Verdict, Truth]:
        truth = self.oracle.truth(block)
        verdict = decide(self.oracle, block, truth, answer.values, answer.usable, flushes=self.runner.flushes)
        return verdict, truth

    def example(self, code: str, inputs: Inputs, index: tuple[int, ...], regime: str) -> Example:
        """The example as the authority sees it: got, expected, ulps and ratio at the guilty element.

        Raises OracleError where a lower rung and the authority contradict each other.
        """
        block = stack([inputs])
        answer = self.runner(block, layout=self.layout)
        if not answer.usable.all():
            return Example(inputs, index, regime=regime)
        sure = self.oracle.authority(block)
        check_agreement(self.oracle, self.oracle.truth(block), sure, block)
        self.confirmed += 1
        verdict = decide(self.oracle, block, sure, answer.values, flushes=self.runner.flushes)
        place = _guilty(code, verdict, index)
        return Example(
            inputs,
            place[1:],
            float(answer.values[place]),
            sure.expected(int(np.ravel_multi_index(place, sure.shape))),
            float(verdict.ulps[place]),
            float(verdict.ratio[place]),
            regime,
        )


#: Signals that NumPy would warn about and that a right answer should not need; log(0) = -inf is an answer.
SIGNALS = frozenset({"overflow", "invalid"})


def _guilty(code: str, verdict: Verdict, index: tuple[int, ...]) -> tuple[int, ...]:
    """The element of the (single) example with the largest ratio among those that show the code."""
    mask = verdict.code == (JUDGED.index(code) if code in JUDGED else -1)
    if not mask.any():
        # An unsteady target may show nothing this time; the index is that of the unshrunk example.
        shape = verdict.code.shape[1:]
        inside = len(index) == len(shape) and all(i < n for i, n in zip(index, shape, strict=True))
        return (0, *index) if inside else (0,) * verdict.code.ndim
    ratio = np.where(mask, verdict.ratio, -1.0)
    return tuple(int(i) for i in np.unravel_index(int(np.argmax(ratio)), ratio.shape))


def differing(first: Answer, second: Answer, truth: Truth) -> npt.NDArray[np.bool_]:
    """Elements on which two answers to the same input differ by more than the stable gate."""
    a, b = first.values, second.values
    both = (first.usable & second.usable).reshape((-1,) + (1,) * (a.ndim - 1))
    with np.errstate(all="ignore"):
        gate = truth.stable.floats()
        far = ~(np.abs(a - b) <= gate) & (a != b)
    return np.asarray(both & far & ~(np.isnan(a) & np.isnan(b)) & (truth.kind != Kind.CONVENTION))


def check_agreement(oracle: Oracle, quick: Truth, sure: Truth, block: Mapping[str, Array]) -> None:
    """Raise OracleError, with the element in hex, where two enclosures of one truth do not meet."""
    wrong = quick.contradicts(sure)
    if not wrong.any():
        return
    place = tuple(int(i) for i in np.argwhere(wrong)[0])
    row = {
        name: [float(v).hex() for v in np.ravel(a[place[0]]).astype(np.float64)[:64]]
        for name, a in block.items()
    }
    rung = oracle.rungs[int(quick.rung[place[: quick.rung.ndim]])].name
    raise OracleError(
        f"the oracle contradicts itself: {oracle.op.name} in {oracle.format.name}, rung {rung}, "
        f"element {place[1:]} of {row}. This is a defect of stabcheck; please report it."
    )
