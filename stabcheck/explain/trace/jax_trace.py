"""The trace of a JAX target: its jaxpr is walked, one primitive after the other, with real numbers.

The source lines come from the equations themselves. A function that the user compiled as a whole may give
last digits that differ from those of its single operations: the trace then says so and goes on, as long as
the results tell the same story.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from typing import Any

import jax
import jax.extend
import jax.numpy as jnp
import numpy as np
from jax._src import source_info_util

from stabcheck.explain.trace import exact, recording
from stabcheck.explain.trace.nodes import Node, Tape
from stabcheck.explain.trace.numbers import Objects, format_of, is_real_float, objects
from stabcheck.explain.trace.places import Place, kind_of_file, source_text
from stabcheck.explain.trace.ufuncs import accumulation, elementwise, reduction

_ELEMENTWISE = {
    "add": "add",
    "add_any": "add",
    "sub": "subtract",
    "mul": "multiply",
    "div": "divide",
    "neg": "negative",
    "abs": "absolute",
    "logistic": "expit",
    "max": "maximum",
    "min": "minimum",
    "pow": "power",
}
_REDUCED = {"reduce_sum": "add", "reduce_max": "maximum", "reduce_min": "minimum", "reduce_prod": "multiply"}
_COMPARED = {"gt", "lt", "ge", "le", "eq", "ne"}
_COPIED = {"copy", "copy_p", "stop_gradient", "optimization_barrier"}
_CASTS = {"convert_element_type", "reduce_precision"}
_MOVED = {
    "reshape",
    "broadcast_in_dim",
    "squeeze",
    "expand_dims",
    "transpose",
    "slice",
    "dynamic_slice",
    "gather",
    "rev",
    "concatenate",
    "split",
}
_INNER = ("jaxpr", "call_jaxpr", "fun_jaxpr")

Known = tuple[Any, Objects | None]  # value, nodes of a floating-point value


class Lines:
    """Where the equation under way stands in the user's code (the tape asks for it)."""

    def __init__(self) -> None:
        self.stack: list[tuple[Place, bool]] = []  # (line, whether JAX's own code begins here)

    def place(self, depth: int = 1) -> Place:
        return self.stack[-1][0] if self.stack else Place()


class JaxTape:
    """An interpreter of jaxprs that makes nodes."""

    def __init__(self, tape: Tape, lines: Lines) -> None:
        self.tape = tape
        self.lines = lines

    def run(self, jaxpr: Any, constants: Sequence[Any], arguments: Sequence[Known]) -> list[Known]:
        """The outputs of a jaxpr for these arguments."""
        known: dict[Any, Known] = {}
        known.update(zip(jaxpr.invars, arguments, strict=True))
        known.update(zip(jaxpr.constvars, [(c, self._constants(c)) for c in constants], strict=True))

        def read(atom: Any) -> Known:
            return (atom.val, self._constants(atom.val)) if hasattr(atom, "val") else known[atom]

        for equation in jaxpr.eqns:
            self._enter(equation)
            results = self._equation(equation, [read(v) for v in equation.invars])
            self.lines.stack.pop()
            known.update(zip(equation.outvars, results, strict=True))
        return [read(v) for v in jaxpr.outvars]

    def _enter(self, equation: Any) -> None:
        """The line of the equation; inside a function of JAX's own, the line of the call (JAX traces its
        functions once, so that theirs would be the line of the first call ever)."""
        outside, inside_jax = self.lines.stack[-1] if self.lines.stack else (Place(), False)
        place = _place(equation)
        if inside_jax or not place.line:
            self.lines.stack.append((outside, inside_jax))
            return
        self.lines.stack.append((place, _is_of_jax(equation)))

    def _equation(self, equation: Any, operands: list[Known]) -> list[Known]:
        name, params = equation.primitive.name, equation.params
        inner = next((params[key] for key in _INNER if key in params), None)
        if inner is not None and name not in ("while", "scan", "cond"):
            closed = inner if hasattr(inner, "consts") else jax.extend.core.ClosedJaxpr(inner, ())
            return self.run(closed.jaxpr, closed.consts, operands)
        result = _bind(equation, [value for value, _ in operands])
        results = list(result) if equation.primitive.multiple_results else [result]
        if self.tape.finished:
            return [(value, self._constants(value)) for value in results]
        return [(value, self._nodes(name, equation, operands, np.asarray(value))) for value in results]

    def _constants(self, value: Any) -> Objects | None:
        array = np.asarray(value)
        if not is_real_float(array.dtype):
            return None
        listed = array.astype(np.float64).ravel().tolist()
        return objects([self.tape.constant(v) for v in listed], array.shape)

    def _lifted(self, operand: Known) -> Objects:
        value, nodes = operand
        if nodes is not None:
            return nodes
        listed = np.asarray(value).astype(np.float64).ravel().tolist()
        return objects([self.tape.constant(v) for v in listed], np.shape(value))

    def _nodes(self, name: str, equation: Any, operands: list[Known], result: Any) -> Objects | None:
        tape, params = self.tape, equation.params
        parts = [nodes for _, nodes in operands if nodes is not None]
        if name in _COMPARED and parts:
            recording.comparison(tape, name, [self._lifted(o) for o in operands])
        if not is_real_float(result.dtype):
            return None
        if not parts and name != "select_n":
            return self._constants(result)
        if name in _COPIED:
            return parts[0]
        if name in _CASTS:
            return recording.cast(tape, "astype", parts[0], result)
        if name == "select_n" and len(operands) == 3:
            no, yes = self._lifted(operands[1]), self._lifted(operands[2])
            return recording.choice(tape, operands[0][0], yes, no, result)
        if name == "clamp":
            low, x, high = (self._lifted(o) for o in operands)
            return elementwise(tape, "clip", [x, low, high], result)
        if name == "integer_pow":
            power = objects([tape.constant(float(params["y"]))], ())
            return elementwise(tape, "power", [parts[0], power], result)
        if name in _REDUCED:
            return reduction(tape, _REDUCED[name], parts[0], result, {"axis": tuple(params["axes"])})
        if name == "cumsum" and not params.get("reverse"):
            return accumulation(tape, "add", parts[0], result, params["axis"])
        if name == "dot_general":
            left, right = (self._lifted(o) for o in operands)
            return self._dot(params["dimension_numbers"], left, right, result)
        if name in _MOVED:
            return recording.moved(lambda numbered: _again(equation, operands, numbered, result), parts)
        known = _ELEMENTWISE.get(name, name)
        if exact.elementwise(known) is None:
            return recording.opaque(tape, name, result, parts)
        return elementwise(tape, known, [self._lifted(o) for o in operands], result)

    def _dot(self, numbers: Any, a: Objects, b: Objects, result: Any) -> Objects:
        (left, right), (batch_a, batch_b) = numbers
        free_a = [i for i in range(a.ndim) if i not in (*left, *batch_a)]
        free_b = [i for i in range(b.ndim) if i not in (*right, *batch_b)]
        long = int(np.prod([a.shape[i] for i in left], dtype=int))
        batch = int(np.prod([a.shape[i] for i in batch_a], dtype=int))
        rows = a.transpose(*batch_a, *free_a, *left).reshape(batch, -1, long)
        columns = b.transpose(*batch_b, *free_b, *right).reshape(batch, -1, long)
        step = self.tape.step("dot", "arithmetic", format_of(result.dtype))
        rule = exact.inner_product(long)
        values = iter(result.astype(np.float64).ravel().tolist())
        nodes = [
            self.tape.node(step, next(values), (*i.tolist(), *j.tolist()), rule)
            for m, n in zip(rows, columns, strict=True)
            for i in m
            for j in n
        ]
        return objects(nodes, result.shape)


def _bind(equation: Any, values: Sequence[Any]) -> Any:
    """The equation's primitive on these values, as JAX's own interpreter calls it."""
    bound = equation.primitive.get_bind_params(equation.params)
    functions, bound = bound if isinstance(bound, tuple) else ((), bound)  # a pair before JAX 0.10
    return equation.primitive.bind(*functions, *values, **bound)


def _again(equation: Any, operands: list[Known], numbered: list[Any], result: Any) -> Any:
    """The same equation on integers in place of the floating-point arrays."""
    waiting = iter(numbered)
    values = [jnp.asarray(next(waiting), jnp.int32) if nodes is not None else v for v, nodes in operands]
    moved = _bind(equation, values)
    if equation.primitive.multiple_results:
        moved = next(m for m in moved if m.shape == result.shape)
    return np.asarray(moved)


def _is_of_jax(equation: Any) -> bool:
    """Whether the equation calls a compiled function of JAX's own. Its file tells; the name alone would
    take a user's `softmax` for that of jax.nn."""
    inner = next((equation.params[key] for key in _INNER if key in equation.params), None)
    if inner is None:
        return False
    file = getattr(getattr(getattr(inner, "jaxpr", inner), "debug_info", None), "func_filename", None)
    if file:
        return not source_info_util.is_user_filename(file)
    name = str(equation.params.get("name", "")).strip("_")
    return any(hasattr(module, name) for module in (jnp, jax.nn, jax.scipy.special))


def _place(equation: Any) -> Place:
    """The innermost line outside of JAX and stabcheck."""
    traceback = equation.source_info.traceback
    frames = source_info_util.user_frames(traceback) if traceback is not None else iter(())
    frame = next((f for f in frames if kind_of_file(f.file_name) != "machinery"), None)
    if frame is None:
        return Place()
    start, end = (frame.start_line, frame.start_column), (frame.end_line, frame.end_column)
    return Place(
        frame.file_name, frame.start_line, frame.start_column, source_text(frame.file_name, start, end)
    )


def traced_call(
    tape: Tape,
    lines: Lines,
    call: Callable[[Mapping[str, Any]], Any],
    arguments: Mapping[str, Any],
    nodes: Mapping[str, list[Node]],
) -> tuple[Any, list[tuple[tuple[int, ...], tuple[Node, ...] | None]]]:
    """(result, [(shape, nodes) of its arrays]) of a call, operation by operation."""
    wide = tape.format.bits == 64
    with jax.enable_x64(True) if wide else nullcontext():
        closed, shape = jax.make_jaxpr(call, return_shape=True)(dict(arguments))
        names = sorted(arguments)  # the order in which JAX flattens a dictionary
        known: list[Known] = []
        for name in names:
            value = jnp.asarray(arguments[name])
            known.append((value, objects(nodes[name], value.shape) if name in nodes else None))
        results = JaxTape(tape, lines).run(closed.jaxpr, closed.consts, known)
        tree = jax.tree_util.tree_structure(shape)
        result = jax.tree_util.tree_unflatten(tree, [value for value, _ in results])
        outputs: list[tuple[tuple[int, ...], tuple[Node, ...] | None]] = [
            (np.shape(value), None if part is None else tuple(part.ravel().tolist()))
            for value, part in results
        ]
        return result, outputs
