"""Cost per logit and memory, from 10^4 to 10^7 logits, each size in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from typing import Any

SIZES = (10_000, 100_000, 1_000_000, 10_000_000)

# ru_maxrss starts at the size of the process that forked this one; the kernel's own mark of the new program
# does not, where there is one.
_ONE = """
import json, pathlib, resource, sys
from benchmarks.workload import TARGETS, checked, logits_in

def peak():
    status = pathlib.Path("/proc/self/status")
    marks = [line.split()[1] for line in status.read_text().splitlines() if line.startswith("VmHWM")] \\
        if status.exists() else []
    return int(marks[0]) if marks else resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

op, dtype, wanted = sys.argv[1], sys.argv[2], int(sys.argv[3])
examples = max(wanted // 50, 1)
for _ in range(2):  # longer rows come fewer at a time, so that logits do not grow quite like examples
    examples = max(int(examples * wanted / logits_in(op, dtype, examples)), 1)
checked(TARGETS[op], op, dtype, 50)
before = peak()
_, seconds, _ = checked(TARGETS[op], op, dtype, examples)
print(json.dumps([logits_in(op, dtype, examples), seconds, before, peak()]))
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
