"""The traced Python float: what `item`, `tolist`, `float` and the `math` functions hand on in a loop."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from stabcheck.explain.trace import exact
from stabcheck.explain.trace.nodes import Node, Tape


class TracedFloat(float):
    """A float with its node. Operators give traced floats; conversions by C code give plain ones."""

    _tape: Tape
    _node: Node

    @classmethod
    def make(cls, tape: Tape, value: Any, node: Node) -> Any:
        """A traced float of that value; what is not a float stays what it is."""
        if not isinstance(value, float):
            return value
        traced = cls(value)
        traced._tape = tape
        traced._node = node
        return traced

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
        from stabcheck.explain.trace.ufuncs import apply

        return apply(self._tape, ufunc, method, inputs, kwargs)

    def __reduce__(self) -> Any:
        return float, (float.__float__(self),)


def node_of(tape: Tape, value: Any) -> Node | None:
    """The node of a number: its own, or a constant; None for anything that is not a single number."""
    if isinstance(value, TracedFloat):
        return value._node
    if isinstance(value, (int, float, np.generic)):
        return tape.constant(float(value))
    nodes = getattr(value, "_nodes", None)
    return nodes.item() if nodes is not None and nodes.shape == () else None


def computed(tape: Tape, name: str, value: Any, operands: tuple[Any, ...]) -> Any:
    """`value` as a traced float that the operation `name` made from these operands."""
    if tape.finished or not isinstance(value, float):
        return value
    nodes = [node_of(tape, operand) for operand in operands]
    rule = exact.elementwise(name)
    if rule is None or any(node is None for node in nodes):
        step = tape.step(
            name, "opaque", tape.double, f"{name} is not followed: the trace goes on from its value"
        )
        return TracedFloat.make(tape, value, tape.node(step, float.__float__(value), (), None))
    parents = tuple(node for node in nodes if node is not None)
    step = tape.step(name, "arithmetic", tape.double)
    return TracedFloat.make(tape, value, tape.node(step, float.__float__(value), parents, rule))


def _binary(method: str, name: str, swapped: bool) -> Callable[..., Any]:
    actual = getattr(float, method)

    def operator(self: TracedFloat, other: Any) -> Any:
        if isinstance(other, np.ndarray):
            return NotImplemented
        if not isinstance(other, (int, float)) or isinstance(other, np.generic):
            return NotImplemented
        value = actual(self, other)
        return computed(self._tape, name, value, (other, self) if swapped else (self, other))

    return operator


def _unary(method: str, name: str) -> Callable[..., Any]:
    actual = getattr(float, method)
    return lambda self: computed(self._tape, name, actual(self), (self,))


def _comparison(method: str, name: str) -> Callable[..., Any]:
    actual = getattr(float, method)

    def operator(self: TracedFloat, other: Any) -> Any:
        if not self._tape.finished:
            step = self._tape.step(name, "comparison")
            step.operands = [n for n in (self._node, node_of(self._tape, other)) if n is not None]
        return actual(self, other)

    return operator


for _method, _name in {
    "add": "add",
    "sub": "subtract",
    "mul": "multiply",
    "truediv": "divide",
    "pow": "power",
}.items():
    setattr(TracedFloat, f"__{_method}__", _binary(f"__{_method}__", _name, swapped=False))
    setattr(TracedFloat, f"__r{_method}__", _binary(f"__r{_method}__", _name, swapped=True))
for _method, _name in {"neg": "negative", "pos": "positive", "abs": "absolute"}.items():
    setattr(TracedFloat, f"__{_method}__", _unary(f"__{_method}__", _name))
for _method, _name in {"lt": "less", "le": "less_equal", "gt": "greater", "ge": "greater_equal"}.items():
    setattr(TracedFloat, f"__{_method}__", _comparison(f"__{_method}__", _name))
