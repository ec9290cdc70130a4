"""Cost per logit and memory, from 10^4 to 10^7 logits, each size in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from typing import Any

SIZES = (10_000, 100_000, 1_000_000, 10_000_000)

_ONE = """
import json, resource, sys
from benchmarks.workload import TARGETS, checked, logits_in
op, dtype, wanted = sys.argv[1], sys.argv[2], int(sys.argv[3])
examples = max(wanted // 50, 1)
for _ in range(2):  # longer rows come fewer at a time, so that logits do not grow quite like examples
    examples = max(int(examples * wanted / logits_in(op, dtype, examples)), 1)
checked(TARGETS[op], op, dtype, 50)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
_, seconds, _ = checked(TARGETS[op], op, dtype, examples)
after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(json.dumps([logits_in(op, dtype, examples), seconds, before, after]))
"""


def measure(op: str, dtypes: Sequence[str], sizes: Sequence[int] = SIZES) -> Iterator[dict[str, Any]]:
    for dtype in dtypes:
        for size in sizes:
            done = subprocess.run(
                [sys.executable, "-c", _ONE, op, dtype, str(size)],
                check=True,
                capture_output=True,
                text=True,
                env={**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)},
            )
            logits, seconds, before, after = json.loads(done.stdout)
            yield {
                "op": op,
                "dtype": dtype,
                "logits": logits,
                "ns/logit": seconds / logits * 1e9,
                "peak MiB": after / 1024,
                "grown MiB": (after - before) / 1024,
            }
