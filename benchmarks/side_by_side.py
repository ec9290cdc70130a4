"""Logits judged a second: (a) stabcheck end to end, (b) the hand-written loop, (c) the target alone."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Sequence
from typing import Any

from benchmarks import by_hand
from benchmarks.workload import DTYPES, TARGETS, alone, checked, logits_in

#: a/b that is aimed at.
GOALS = {"float64": 300, "float32": 2000, "bfloat16": 2000, "float16": 2000}


def measure(ops: Sequence[str], examples: int, by_hand_examples: int, times: int) -> Iterator[dict[str, Any]]:
    """One row per op and format: medians of repetitions in which a, b and c take turns."""
    for op in ops:
        target = TARGETS[op]
        for dtype in DTYPES:
            logits = logits_in(op, dtype, examples)
            checked(target, op, dtype, 100)  # warm
            a, b, c = [], [], []
            for _ in range(times):
                a.append(logits / checked(target, op, dtype, examples)[1])
                b.append(by_hand.logits_per_second(op, target, dtype, by_hand_examples))
                c.append(alone(target, op, dtype, examples))
            ratios = [x / y for x, y in zip(a, b, strict=True)]
            yield {
                "op": op,
                "dtype": dtype,
                "logits": logits,
                "stabcheck": statistics.median(a),
                "by hand": statistics.median(b),
                "target alone": statistics.median(c),
                "a/b": statistics.median(ratios),
                "goal": GOALS[dtype],
                "c/a": statistics.median(z / x for x, z in zip(a, c, strict=True)),
            }
