"""NumPy's other functions on traced arrays: rearrangements, choices, means, products.

What only moves elements about is done twice, once with the values and once with the nodes. What NumPy
writes in Python out of universal functions is followed by itself. The rest is computed on the actual
values, and the trace says that it goes on from there.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy import asarray  # the original: np.asarray is replaced while a trace runs

from stabcheck.explain.trace import exact, products
from stabcheck.explain.trace.arrays import TracedArray, constants, lift, nodes_of, plain, wrap
from stabcheck.explain.trace.nodes import Node, Tape
from stabcheck.explain.trace.numbers import format_of, is_real_float
from stabcheck.explain.trace.ufuncs import (
    accumulation,
    cast_nodes,
    grouped,
    made,
    reduced,
)

Handler = Callable[..., Any]

_MOVES = """
    append array_split atleast_1d atleast_2d atleast_3d broadcast_arrays broadcast_to choose column_stack
    compress concat concatenate copy delete diag diagflat diagonal dsplit dstack expand_dims extract flip
    fliplr flipud hsplit hstack insert matrix_transpose moveaxis pad permute_dims ravel repeat reshape resize
    roll rollaxis rot90 split squeeze stack swapaxes take take_along_axis tile transpose trim_zeros
    tril triu unstack vsplit vstack
"""
_QUESTIONS = """
    allclose array_equal array_equiv array_repr array_str array2string argmax argmin argpartition argsort
    argwhere can_cast common_type count_nonzero digitize flatnonzero iscomplexobj isclose isrealobj lexsort
    may_share_memory min_scalar_type ndim nonzero result_type save savetxt searchsorted shape shares_memory
    size
"""
MOVES = {getattr(np, name) for name in _MOVES.split() if hasattr(np, name)}
WRITES = {np.copyto, np.put, np.put_along_axis, np.place, np.putmask, np.fill_diagonal}
#: Answers about an array that are not floating point, or that nobody wants traced.
QUESTIONS = {getattr(np, name) for name in _QUESTIONS.split()}


def apply(tape: Tape, function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """What `__array_function__` returns."""
    if tape.finished or function in QUESTIONS:
        return function(*plain(args), **plain(kwargs))
    if function in MOVES:
        return _move(tape, function, args, kwargs)
    if function in WRITES:
        return _write(tape, function, args, kwargs)
    handler = HANDLERS.get(function)
    if handler is not None:
        result = handler(tape, *args, **kwargs)
        if result is not NotImplemented:
            return result
    if hasattr(getattr(function, "_implementation", None), "__code__"):
        steps = len(tape.steps)
        try:
            return _untraced(tape, function, function._implementation(*args, **kwargs))
        except Exception:
            del tape.steps[steps:]  # NumPy's own code met a subclass that it did not expect
    return _untraced(tape, function, function(*plain(args), **plain(kwargs)))


def _untraced(tape: Tape, function: Any, result: Any) -> Any:
    """Results that lost their nodes inside: constants, and a step that says so."""
    parts = result if isinstance(result, tuple) else (result,)
    lost = [p for p in parts if hasattr(p, "dtype") and not isinstance(p, TracedArray)]
    if not any(is_real_float(p.dtype) for p in lost):
        return result
    name = function.__name__
    tape.step(name, "opaque", note=f"{name} is not followed: the trace goes on from its actual values")
    wrapped = tuple(wrap(tape, p, None) if not isinstance(p, TracedArray) else p for p in parts)
    return (
        type(result)(*wrapped) if hasattr(result, "_fields") else wrapped if result is parts else wrapped[0]
    )


def _as_nodes(value: Any) -> Any:
    """Traced arrays inside an argument, replaced by their nodes."""
    if isinstance(value, TracedArray):
        return nodes_of(value)
    if isinstance(value, (list, tuple)):
        return type(value)(_as_nodes(v) for v in value)
    return value


def _only_nodes(tape: Tape, moved: Any) -> Any:
    """Numbers that came in between the nodes (paddings, plain arrays) become constants."""
    array = asarray(moved, dtype=object)
    for place, entry in enumerate(array.flat):
        if not isinstance(entry, Node):
            array.flat[place] = tape.constant(float(entry))
    return array


def _move(tape: Tape, function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    result = function(*plain(args), **plain(kwargs))
    kwargs = {k: v for k, v in kwargs.items() if k not in ("dtype", "casting")}
    try:
        moved = function(*(_as_nodes(a) for a in args), **{k: _as_nodes(v) for k, v in kwargs.items()})
        if isinstance(result, (list, tuple)):
            pairs = zip(result, moved, strict=True)
            return type(result)([wrap(tape, r, _only_nodes(tape, m)) for r, m in pairs])
        return wrap(tape, result, _only_nodes(tape, moved))
    except Exception:
        return _untraced(tape, function, result)


def _write(tape: Tape, function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    target = args[0]
    nodes = nodes_of(target) if isinstance(target, TracedArray) else None
    function(*plain(args), **plain(kwargs))
    tape.wrote(plain(target))
    if nodes is not None and nodes.ndim:
        # Where this fails, the changed values turn into constants by themselves.
        try:
            rest = [lift(tape, a) if isinstance(a, TracedArray) else plain(a) for a in args[1:]]
            function(nodes, *rest, **{k: v for k, v in plain(kwargs).items() if k == "where"})
            _only_nodes(tape, nodes)
        except Exception:
            target._nodes = None


# -- handlers -------------------------------------------------------------------------------------


def _where(tape: Tape, condition: Any, *branches: Any) -> Any:
    if len(branches) != 2:
        return np.where(plain(condition))
    result = np.where(plain(condition), *plain(branches))
    lifted = [lift(tape, branch) for branch in branches]
    if lifted[0] is None or lifted[1] is None or not is_real_float(result.dtype):
        return wrap(tape, result, None)
    mask = np.broadcast_to(asarray(plain(condition)).astype(bool), result.shape)
    a, b = (np.broadcast_to(part, result.shape) for part in lifted if part is not None)
    # The branch taken comes first; the other one is kept to see what it would have given.
    taken, other = np.where(mask, a, b), np.where(mask, b, a)
    step = tape.step("where", "choice", format_of(result.dtype))
    return wrap(tape, result, made(tape, step, [taken, other], result, exact.first))


def _select(tape: Tape, condlist: Any, choicelist: Any, default: Any = 0) -> Any:
    """A chain of choices: what was taken first, and beside it what the next one would have given."""
    result = np.select(plain(condlist), plain(choicelist), plain(default))
    lifted = [lift(tape, branch) for branch in (*choicelist, default)]
    if any(part is None for part in lifted) or not is_real_float(result.dtype):
        return wrap(tape, result, None)
    *branches, taken = [np.broadcast_to(part, result.shape) for part in lifted if part is not None]
    other = branches[0]
    for mask, branch in reversed(list(zip(plain(condlist), branches, strict=True))):
        on = np.broadcast_to(np.asarray(mask).astype(bool), result.shape)
        taken, other = np.where(on, branch, taken), np.where(on, taken, other)
    step = tape.step("where", "choice", format_of(result.dtype))
    return wrap(tape, result, made(tape, step, [taken, other], result, exact.first))


def _statistic(name: str) -> Handler:
    def handler(
        tape: Tape, a: Any, axis: Any = None, dtype: Any = None, out: Any = None, **kwargs: Any
    ) -> Any:
        nodes = lift(tape, a)
        if out is not None or nodes is None or set(kwargs) - {"keepdims", "where", "ddof"}:
            return NotImplemented
        kwargs = {k: v for k, v in kwargs.items() if v is not np._NoValue}
        result = getattr(np, name)(plain(a), axis=axis, dtype=dtype, **plain(kwargs))
        lost = kwargs.get("ddof", 0)

        def rule(counts: Any) -> exact.Rule:
            return exact.mean(counts) if name == "mean" else exact.variance(counts, lost, name == "std")

        step = tape.step(name, "arithmetic", format_of(result.dtype))
        groups = grouped(nodes, axis, kwargs.get("where", True))
        return wrap(tape, result, reduced(tape, step, groups, result, rule))

    return handler


def _like(tape: Tape, prototype: Any, *args: Any, make: Handler, **kwargs: Any) -> Any:
    values = make(plain_array(prototype), *plain(args), **plain(kwargs))
    return wrap(tape, values, constants(tape, values) if is_real_float(values.dtype) else None)


def plain_array(value: Any) -> Any:
    return asarray(plain(value)) if isinstance(value, TracedArray) else value


def _full_like(tape: Tape, prototype: Any, fill_value: Any, *args: Any, **kwargs: Any) -> Any:
    values = np.full_like(plain_array(prototype), plain(fill_value), *plain(args), **plain(kwargs))
    nodes = lift(tape, fill_value)
    if nodes is None or not is_real_float(values.dtype):
        return wrap(tape, values, None)
    return wrap(
        tape, values, cast_nodes(tape, np.broadcast_to(nodes, values.shape).copy(), values, "full", None)
    )


def _cumulative(name: str) -> Handler:
    def handler(tape: Tape, a: Any, axis: Any = None, dtype: Any = None, out: Any = None) -> Any:
        nodes = lift(tape, a)
        if out is not None or nodes is None:
            return NotImplemented
        ufunc = {"cumsum": np.add, "cumprod": np.multiply}[name]
        result = getattr(np, name)(plain(a), axis=axis, dtype=dtype)
        if not is_real_float(result.dtype):
            return result
        flat = nodes.ravel() if axis is None else nodes
        return wrap(
            tape, result, accumulation(tape, ufunc.__name__, flat, result, -1 if axis is None else axis)
        )

    return handler


def _sort(tape: Tape, a: Any, axis: Any = -1, *args: Any, **kwargs: Any) -> Any:
    result = np.sort(plain(a), axis, *args, **kwargs)
    nodes = nodes_of(a)
    flat, where = (nodes.ravel(), -1) if axis is None else (nodes, axis)
    order = np.argsort(plain(a), axis=axis, kind="stable")
    return wrap(tape, result, np.take_along_axis(flat, order, axis=where))


def _nan_to_num(tape: Tape, x: Any, *args: Any, **kwargs: Any) -> Any:
    result = np.nan_to_num(plain(x), *args, **kwargs)
    nodes = lift(tape, x)
    if nodes is None or not is_real_float(result.dtype):
        return result
    step = tape.step("nan_to_num", "clip", format_of(result.dtype))

    def rule(mp: Any, operands: Any) -> Any:
        v = operands[0]
        if mp.isfinite(v) or step.fmt is None:
            return v
        return mp.zero if mp.isnan(v) else mp.sign(v) * mp.mpf(step.fmt.max)

    return wrap(tape, result, made(tape, step, [nodes], result, rule))


def _apply_along_axis(tape: Tape, func1d: Any, axis: int, arr: Any, *args: Any, **kwargs: Any) -> Any:
    moved = np.moveaxis(arr, axis, -1)
    rows = [func1d(moved[place], *args, **kwargs) for place in np.ndindex(moved.shape[:-1])]
    whole = np.stack(rows) if rows else moved
    shaped = np.reshape(whole, moved.shape[:-1] + whole.shape[1:])
    return shaped if whole.ndim == 1 else np.moveaxis(shaped, -1, axis)


def _made_like(make: Handler) -> Handler:
    return lambda tape, prototype, *args, **kwargs: _like(tape, prototype, *args, make=make, **kwargs)


HANDLERS: dict[Any, Handler] = {
    np.where: _where,
    np.select: _select,
    np.mean: _statistic("mean"),
    np.var: _statistic("var"),
    np.std: _statistic("std"),
    np.zeros_like: _made_like(np.zeros_like),
    np.ones_like: _made_like(np.ones_like),
    np.empty_like: _made_like(np.empty_like),
    np.full_like: _full_like,
    np.cumsum: _cumulative("cumsum"),
    np.cumprod: _cumulative("cumprod"),
    np.sort: _sort,
    np.dot: products.dot,
    np.vdot: products.vdot,
    np.inner: products.inner,
    np.einsum: products.einsum,
    np.nan_to_num: _nan_to_num,
    np.apply_along_axis: _apply_along_axis,
}
