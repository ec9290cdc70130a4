"""The regression gate: a committed baseline of what is known, and what a run changed about it."""

from stabcheck.gate.baseline import Baseline, CellRecord, Entry
from stabcheck.gate.compare import Change, GateResult, compare
from stabcheck.gate.file import read, write
from stabcheck.gate.gate import Gate, narrowed
from stabcheck.gate.marks import mark
from stabcheck.gate.platforms import platform_key
from stabcheck.gate.record import prune, update

__all__ = [
    "Baseline",
    "CellRecord",
    "Change",
    "Entry",
    "Gate",
    "GateResult",
    "compare",
    "mark",
    "narrowed",
    "platform_key",
    "prune",
    "read",
    "update",
    "write",
]
