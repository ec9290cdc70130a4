"""The tape: one node per number that an operation made, one step per operation.

Nodes are what the shadow is attached to. A node keeps the computed value, the operation that made it (its
step), the nodes it was made from and the exact rule, so that any part of the computation can be done again
in exact arithmetic, with or without the rounding errors of some of its steps. Nothing is evaluated while the
target runs. Numbers that are equal and made in the same way share one node: 70 000 equal logits are one.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from stabcheck.explain.trace.exact import Rule
from stabcheck.explain.trace.places import Home, Place
from stabcheck.formats import FORMATS, Format

#: Steps after which the tape stops (a loop over every element of a long row, several times).
MAX_STEPS = 20_000
#: Nodes after which the tape stops: a quarter of a second of bookkeeping.
MAX_NODES = 400_000


@dataclass(eq=False)
class Step:
    """One operation as it happened. `rule` None means that it could not be shadowed (`note` says so).

    `kind` is "arithmetic", "cast", "choice" (where), "clip", "comparison", "opaque" or "write".
    """

    operation: str
    place: Place
    kind: str = "arithmetic"
    fmt: Format | None = None
    nodes: list[Node] = field(default_factory=list)
    operands: list[Node] = field(default_factory=list)  # of a comparison, which makes no node
    note: str = ""


class Node:
    """One number. `serial` grows with time: a node's parents have smaller serials."""

    __slots__ = ("actual", "parents", "rule", "serial", "step")

    def __init__(
        self,
        serial: int,
        actual: float,
        step: Step | None = None,
        parents: tuple[Node, ...] = (),
        rule: Rule | None = None,
    ) -> None:
        self.serial = serial
        self.actual = actual
        self.step = step  # None: an input or a constant
        self.parents = parents
        self.rule = rule


def same_float(a: float, b: float) -> bool:
    """Equal, or both NaN."""
    return a == b or (a != a and b != b)


class Tape:
    """Everything one traced call did. `finished` once a limit was met: from then on nothing is added."""

    def __init__(self, fmt: Format, home: Home, seconds: float) -> None:
        self.format = fmt
        self.double = FORMATS["float64"]
        self.steps: list[Step] = []
        self.inputs: dict[str, list[Node]] = {}
        self.constants: dict[float, Node] = {}
        self.writes: list[Place] = []  # where the target wrote into its own inputs
        self.buffers: list[np.ndarray[Any, Any]] = []  # the memory of the inputs
        self.home: Any = home  # whatever knows the line that is being executed
        self.notes: list[str] = []
        self._serial = itertools.count()
        self._count = 0
        self._seconds = seconds
        self._until = 0.0  # the clock starts with the first operation: importing a framework takes longer

    @classmethod
    def silent(cls) -> Tape:
        """A tape that records nothing."""
        tape = cls(FORMATS["float64"], Home(), 0.0)
        tape.notes.append("not traced")
        return tape

    @property
    def finished(self) -> bool:
        self._until = self._until or time.thread_time() + self._seconds
        if not self.notes and (
            len(self.steps) >= MAX_STEPS or self._count >= MAX_NODES or time.thread_time() > self._until
        ):
            self.notes.append(f"the trace stops after {len(self.steps)} operations: the call is too long")
        return bool(self.notes)

    def step(
        self, operation: str, kind: str = "arithmetic", fmt: Format | None = None, note: str = ""
    ) -> Step:
        """A new step at the line of the user's code that is being executed."""
        step = Step(operation, self.home.place(), kind, fmt, note=note)
        self.steps.append(step)
        return step

    def constant(self, value: float) -> Node:
        """A number that no observed operation made: exact by definition."""
        node = self.constants.get(value)
        if node is None:
            node = self.constants[value] = Node(next(self._serial), value)
        return node

    def wrote(self, memory: np.ndarray[Any, Any]) -> None:
        """An array was written to: remember the place if it belongs to an input."""
        if any(np.may_share_memory(memory, buffer) for buffer in self.buffers):
            self.writes.append(self.home.place())

    def node(self, step: Step, actual: float, parents: tuple[Node, ...], rule: Rule | None) -> Node:
        self._count += 1
        node = Node(next(self._serial), actual, step, parents, rule)
        step.nodes.append(node)
        return node

    def input(self, name: str, values: Iterable[float]) -> list[Node]:
        """Fresh nodes for an argument; equal values share one."""
        known: dict[float, Node] = {}
        nodes = []
        for value in values:
            if value not in known:
                known[value] = Node(next(self._serial), value)
            nodes.append(known[value])
        self.inputs[name] = nodes
        return nodes


def ancestry(ends: Sequence[Node]) -> list[Node]:
    """The nodes from which `ends` were made, and `ends`, in the order of time."""
    seen: set[int] = set()
    found: list[Node] = []
    waiting = list(ends)
    while waiting:
        node = waiting.pop()
        if node.serial not in seen:
            seen.add(node.serial)
            found.append(node)
            waiting.extend(node.parents)
    return sorted(found, key=lambda node: node.serial)


def distinct(nodes: Sequence[Node]) -> tuple[tuple[Node, ...], tuple[int, ...]]:
    """The different nodes among these, in order of appearance, and how often each occurs."""
    counts: dict[int, int] = {}
    order: list[Node] = []
    for node in nodes:
        if node.serial in counts:
            counts[node.serial] += 1
        else:
            counts[node.serial] = 1
            order.append(node)
    return tuple(order), tuple(counts.values())
