"""What is measured: a good implementation of each op, and stabcheck's way through it."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np

from stabcheck import formats, ops
from stabcheck.engine.events import Finished, Found
from stabcheck.engine.request import Request, Task
from stabcheck.engine.run import run
from stabcheck.findings import Report
from stabcheck.implementations import cross_entropy, log_softmax, logsumexp, sigmoid, softmax
from stabcheck.strategies.recipes import Block, Draws, blocks

#: An op, with its options behind it where they are not the defaults.
TARGETS: dict[str, Callable[..., Any]] = {
    "softmax": softmax.shifted_float32_sum,
    "log_softmax": log_softmax.maximum_taken_out_float32_sum,
    "logsumexp": logsumexp.maximum_taken_out_float32_sum,
    "sigmoid": sigmoid.sign_split,
    "cross_entropy": cross_entropy.maximum_taken_out_float32_sum,
    "cross_entropy reduction=none": cross_entropy.maximum_taken_out_float32_sum,
}
DTYPES = ("float64", "float32", "bfloat16", "float16")


def options_of(op: str) -> tuple[str, dict[str, str]]:
    """The name of an op and the options behind it."""
    name, *pairs = op.split()
    return name, dict(pair.split("=") for pair in pairs)


def draws(op: str, dtype: str, examples: int, seed: int = 0) -> Draws:
    name, given = options_of(op)
    options = ops.get(name).parse_options(given)
    return Draws(ops.get(name).under(options), options, formats.get(dtype), examples, seed)


def logits_in(op: str, dtype: str, examples: int) -> int:
    """Logits that a search of so many examples draws (the climb for the worst comes on top: not counted)."""
    return sum(_logits(block) for block in blocks(draws(op, dtype, examples)))


def _logits(block: Block) -> int:
    return next(iter(block.inputs.values())).size


def checked(target: Callable[..., Any], op: str, dtype: str, examples: int) -> tuple[Report, float, float]:
    """The report, the processor seconds it took, and those to the first finding (nan: none)."""
    began, first = time.process_time(), float("nan")
    name, options = options_of(op)
    for event in run([Task(target, name, Request(dtypes=(dtype,), max_examples=examples, options=options))]):
        if isinstance(event, Found) and first != first:
            first = time.process_time() - began
        if isinstance(event, Finished):
            return event.report, time.process_time() - began, first
    raise AssertionError("a run always finishes")


def alone(target: Callable[..., Any], op: str, dtype: str, examples: int) -> float:
    """Logits a second of the target on the blocks of such a search, and nothing else."""
    search = draws(op, dtype, examples)
    drawn, by_call = list(blocks(search)), search.op.kind == "reducing"
    settings = options_of(op)[1]
    seconds = 0.0
    with np.errstate(all="ignore"):
        for block in drawn:
            arrays = list(block.inputs.values())
            began = time.process_time()
            for each in zip(*arrays, strict=True) if by_call else (arrays,):
                target(*each, **settings)
            seconds += time.process_time() - began
    return sum(_logits(block) for block in drawn) / seconds
