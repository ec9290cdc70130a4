"""Judging with the ladder: open verdicts send their examples one rung up, until none is open."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from stabcheck.judge import Verdict, judge
from stabcheck.oracle.gates import reduced_length, underflow_steps
from stabcheck.oracle.ladder import Oracle, by_element
from stabcheck.oracle.truth import Kind, Truth

Array = npt.NDArray[Any]
Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]


def decide(
    oracle: Oracle,
    inputs: Mapping[str, Array],
    truth: Truth,
    got: Floats,
    usable: Bools | None = None,
    *,
    flushes: bool = False,
) -> Verdict:
    """Verdict on a block; `truth` is sharpened in place where a verdict needs it.

    What is still open afterwards could not be decided by the last rung either. Of a library that `flushes`
    subnormals (SC901) no answer is blamed that is right but for what flushing takes away.
    """
    lost = _flushed(oracle, inputs, truth) if flushes else None
    verdict = judge(_as_kept(got, truth, lost), truth, usable)
    if not verdict.open.any():
        return verdict
    whole = verdict
    if oracle.op.kind == "elementwise":
        usable = None if usable is None else np.repeat(usable, got[0].size)
        inputs, truth, got, verdict = (
            by_element(inputs),
            truth.by_element(),
            got.reshape(-1, 1),
            verdict.by_element(),
        )
        lost = None if lost is None else lost.reshape(-1, 1)
    open_rows = np.flatnonzero(verdict.any_per_row(verdict.open))
    while open_rows.size:
        climbed = oracle.sharpen(truth, inputs, open_rows)
        if not climbed.size:
            break
        sharper = truth.take(climbed)
        kept = _as_kept(got[climbed], sharper, None if lost is None else lost[climbed])
        again = judge(kept, sharper, None if usable is None else usable[climbed])
        verdict.put(climbed, again)
        open_rows = climbed[again.any_per_row(again.open)]
    return whole


def _flushed(oracle: Oracle, inputs: Mapping[str, Array], truth: Truth) -> Floats:
    """What every element may lack: the gates allow for so many subnormal steps, a library that flushes
    loses whole smallest normal numbers in their places. Where a cotangent is summed over the row, each of
    the products may be lost: autograd of e / sum(e) adds up e_j v_j / sum(e)^2."""
    near = np.where(truth.kind == Kind.NUMBER, truth.rounded, 0.0)
    summed = any(argument.kind == "cotangent" and argument.axes for argument in oracle.op.arguments)
    with np.errstate(over="ignore"):
        steps = underflow_steps(oracle.op, oracle.format, inputs, oracle.options, near)
        return (steps + summed * reduced_length(oracle.op, inputs)) * oracle.format.tiny


def _as_kept(got: Floats, truth: Truth, lost: Floats | None) -> Floats:
    """The answers as they would be had nothing been flushed."""
    if lost is None:
        return got
    with np.errstate(all="ignore"):
        near = np.abs(got - truth.rounded) <= lost
    return np.where(near & (truth.kind == Kind.NUMBER), truth.rounded, got)
