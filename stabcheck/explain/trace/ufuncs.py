"""Universal functions on traced arrays: the actual result by NumPy, the nodes beside it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy import asarray  # the original: np.asarray is replaced while a trace runs

from stabcheck.explain.trace import exact
from stabcheck.explain.trace.arrays import TracedArray, constants, lift, nodes_of, plain, wrap
from stabcheck.explain.trace.exact import Rule
from stabcheck.explain.trace.nodes import Node, Step, Tape, distinct
from stabcheck.explain.trace.numbers import Objects, floats, format_of, is_real_float, objects

_COMPARISONS = {"greater", "greater_equal", "less", "less_equal", "equal", "not_equal"}
_PRODUCTS = {"matmul", "vecdot", "matvec", "vecmat"}


def apply(tape: Tape, ufunc: Any, method: str, inputs: Sequence[Any], kwargs: dict[str, Any]) -> Any:
    """What `__array_ufunc__` returns: NumPy's own result, wrapped; a traced `out` is filled and returned."""
    outs = kwargs.pop("out", ()) or ()
    outs = outs if isinstance(outs, tuple) else (outs,)
    parents = [] if tape.finished else [lift(tape, value) for value in inputs]
    if outs:
        kwargs["out"] = tuple(plain_memory(out) for out in outs)
    result = getattr(ufunc, method)(*(plain(v) for v in inputs), **{k: plain(v) for k, v in kwargs.items()})
    for out in kwargs.get("out", ()):
        if isinstance(out, np.ndarray):
            tape.wrote(out)
    if method == "at" or isinstance(result, tuple):
        return _unknown(tape, ufunc.__name__, result)
    if ufunc.__name__ in _COMPARISONS and method == "__call__":
        _compared(tape, ufunc.__name__, parents)
    nodes = None
    if hasattr(result, "dtype") and is_real_float(result.dtype) and parents and not tape.finished:
        nodes = _nodes(tape, ufunc, method, parents, result, kwargs)
    if not outs:
        return wrap(tape, result, nodes)
    if isinstance(outs[0], TracedArray):
        _store(tape, outs[0], nodes, kwargs.get("where", True))
    return outs[0]


def plain_memory(out: Any) -> Any:
    """The buffer itself, also of a traced scalar (whose plain form would be a copy)."""
    return np.ndarray.view(out, np.ndarray) if isinstance(out, TracedArray) else out


def _store(tape: Tape, out: TracedArray, nodes: Objects | None, where: Any) -> None:
    if nodes is None:
        return  # the values have changed: nodes_of makes constants of them
    if out._nodes is None or out._nodes.shape != out.shape:
        out._nodes = constants(tape, plain_memory(out))
    np.copyto(out._nodes, nodes, where=plain(where))


def _unknown(tape: Tape, name: str, result: Any) -> Any:
    if not tape.finished:
        tape.step(name, "opaque", note=f"{name} is not followed: the trace goes on from its actual values")
    if isinstance(result, tuple):
        return tuple(wrap(tape, part, None) for part in result)
    return result


def _compared(tape: Tape, name: str, parents: Sequence[Objects | None]) -> None:
    if not tape.finished:
        step = tape.step(name, "comparison")
        step.operands = [node for part in parents if part is not None for node in part.ravel().tolist()[:64]]


def _nodes(
    tape: Tape,
    ufunc: Any,
    method: str,
    parents: Sequence[Objects | None],
    result: Any,
    kwargs: dict[str, Any],
) -> Objects | None:
    name = ufunc.__name__
    known = [part for part in parents if part is not None]
    if len(known) < len(parents) or kwargs.get("axes") is not None:
        _unknown(tape, name, result)
        return None
    if method == "__call__" and name in _PRODUCTS:
        return contraction(tape, name, known[0], known[1], result)
    if method == "__call__":
        return elementwise(tape, name, known, result)
    if method == "outer":
        left = known[0].reshape(known[0].shape + (1,) * known[1].ndim)
        return elementwise(tape, name, [left, known[1]], result)
    if method == "reduce":
        return reduction(tape, name, known[0], result, kwargs)
    if method == "accumulate":
        return accumulation(tape, name, known[0], result, kwargs.get("axis", 0))
    _unknown(tape, f"{name}.{method}", result)
    return None


def new_step(tape: Tape, name: str, result: Any, rule: Rule | None, kind: str = "arithmetic") -> Step:
    note = "" if rule is not None else f"{name} has no exact rule: the trace goes on from its actual values"
    return tape.step(name, kind if rule is not None else "opaque", format_of(result.dtype), note)


def elementwise(tape: Tape, name: str, parents: Sequence[Objects], result: Any) -> Objects:
    """Nodes of an elementwise operation with broadcasting; equal operands share a node."""
    rule = exact.elementwise(name)
    step = new_step(tape, name, result, rule, "clip" if name == "clip" else "arithmetic")
    return made(tape, step, parents, result, rule)


def made(tape: Tape, step: Step, parents: Sequence[Objects], result: Any, rule: Rule | None) -> Objects:
    """One node per element of the result, made from the elements of the (broadcast) parents."""
    shape = np.shape(result)
    if shape == ():
        node = tape.node(step, float(result), tuple(part.item() for part in parents), rule)
        return objects([node], ())
    columns = [np.broadcast_to(part, shape).ravel().tolist() for part in parents]
    known: dict[tuple[Any, ...], Node] = {}
    nodes = []
    made_before: Node | None
    for value, *operands in zip(floats(result), *columns, strict=True):
        key = (value, *(operand.serial for operand in operands))
        made_before = known.get(key)
        if made_before is None:
            made_before = known[key] = tape.node(step, value, tuple(operands), rule)
        nodes.append(made_before)
    return objects(nodes, shape)


_REDUCTIONS = {"add", "multiply", "maximum", "minimum", "fmax", "fmin", "logaddexp"}


def group_rule(name: str, counts: Sequence[int]) -> Rule | None:
    """The exact rule for reducing operands that occur so many times each."""
    if name == "add":
        return exact.summation(counts)
    if name == "multiply":
        return exact.product(counts)
    if name == "logaddexp":
        return exact.log_sum_exp(counts)
    return exact.fold(name) if name in _REDUCTIONS else None


def reduction(tape: Tape, name: str, nodes: Objects, result: Any, kwargs: dict[str, Any]) -> Objects:
    """Nodes of a reduction over one, several or all axes, with `where` and `initial`."""
    initial = kwargs.get("initial")
    extra = [] if initial is None or initial is np._NoValue else [tape.constant(float(initial))]
    groups = grouped(nodes, kwargs.get("axis", 0), kwargs.get("where", True), extra)
    step = new_step(tape, f"{name}.reduce", result, group_rule(name, ()))
    return reduced(tape, step, groups, result, lambda counts: group_rule(name, counts))


def grouped(nodes: Objects, axis: Any, where: Any, extra: Sequence[Node] = ()) -> list[list[Node]]:
    """The nodes that go into each element of a reduction, in the order of the result."""
    axes = range(nodes.ndim) if axis is None else axis if isinstance(axis, tuple) else (axis,)
    axes = tuple(a % nodes.ndim for a in axes) if nodes.ndim else ()
    kept = tuple(a for a in range(nodes.ndim) if a not in axes)
    length = int(np.prod([nodes.shape[a] for a in axes], dtype=int))
    moved = nodes.transpose(kept + axes).reshape(-1, length) if length else np.empty((0, 0), dtype=object)
    rows: list[list[Node]] = moved.tolist()
    if where is not True and where is not np._NoValue:
        mask = np.broadcast_to(plain(where), nodes.shape).transpose(kept + axes).reshape(-1, length)
        rows = [[v for v, on in zip(r, m, strict=True) if on] for r, m in zip(rows, mask, strict=True)]
    return [[*extra, *row] for row in rows]


def reduced(tape: Tape, step: Step, groups: list[list[Node]], result: Any, rule_for: Any) -> Objects:
    """One node per group; equal groups share it."""
    known: dict[tuple[Any, ...], Node] = {}
    nodes = []
    values = floats(result)
    for value, group in zip(values, groups or [[] for _ in values], strict=True):
        operands, counts = distinct(group)
        key = (value, counts, *(node.serial for node in operands))
        node = known.get(key)
        if node is None:
            rule = rule_for(counts) if operands else None
            node = known[key] = tape.node(step, value, operands, rule)
        nodes.append(node)
    return objects(nodes, np.shape(result))


def accumulation(tape: Tape, name: str, nodes: Objects, result: Any, axis: int) -> Objects:
    """Each element is made from its predecessor and one operand, as the loop inside does it."""
    rule = exact.elementwise(name) if name in _REDUCTIONS else None
    step = new_step(tape, f"{name}.accumulate", result, rule)
    made_nodes = np.empty(np.shape(result), dtype=object)
    source, target = np.moveaxis(nodes, axis, -1), np.moveaxis(made_nodes, axis, -1)
    values = np.moveaxis(asarray(result), axis, -1)
    for row in np.ndindex(source.shape[:-1]):
        before: Node | None = None
        for i, value in enumerate(floats(values[row])):
            here = source[(*row, i)]
            node = here if before is None else tape.node(step, value, (before, here), rule)
            target[(*row, i)] = before = node
    return made_nodes


def contraction(tape: Tape, name: str, a: Objects, b: Objects, result: Any) -> Objects:
    """Nodes of a matrix product in any of NumPy's forms: one inner product per element."""
    column = name in ("matvec",) or (name == "matmul" and b.ndim == 1)
    row = name in ("vecmat",) or (name == "matmul" and a.ndim == 1)
    both = name == "vecdot"
    left = a[..., None, :] if row or both else a
    right = b[..., :, None] if column or both else b
    return inner_products(tape, name, left, np.swapaxes(right, -1, -2), result)


def inner_products(tape: Tape, name: str, left: Objects, right: Objects, result: Any) -> Objects:
    """result[..., i, j] = <left[..., i, :], right[..., j, :]>, reshaped to the result's shape."""
    length = left.shape[-1]
    rule = exact.inner_product(length)
    step = new_step(tape, name, result, rule)
    shape = np.broadcast_shapes(left.shape[:-2], right.shape[:-2])
    wide = np.broadcast_to(left, shape + left.shape[-2:]).reshape(-1, *left.shape[-2:])
    tall = np.broadcast_to(right, shape + right.shape[-2:]).reshape(-1, *right.shape[-2:])
    values = iter(floats(result))
    nodes = [
        tape.node(step, next(values), (*i.tolist(), *j.tolist()), rule)
        for m, n in zip(wide, tall, strict=True)
        for i in m
        for j in n
    ]
    return objects(nodes, np.shape(result))


def cast(tape: Tape, source: TracedArray, values: Any) -> Any:
    """The result of astype: rounded nodes where the new format is narrower."""
    if not is_real_float(values.dtype):
        return values
    return wrap(tape, values, cast_nodes(tape, nodes_of(source), values, "astype", source.dtype))


def cast_nodes(tape: Tape, nodes: Objects, values: Any, name: str, source: Any) -> Objects:
    """Nodes for values stored in another format; the same nodes where nothing was rounded away."""
    if tape.finished or not hasattr(values, "dtype") or not is_real_float(values.dtype):
        return nodes
    if source is not None and np.can_cast(source, values.dtype, "safe"):
        return nodes
    stored = np.broadcast_to(nodes, np.shape(values))
    if all(node.actual == value for node, value in zip(stored.ravel(), floats(values), strict=True)):
        return nodes
    step = tape.step(name, "cast", format_of(values.dtype))
    return made(tape, step, [stored], values, exact.first)
