"""Products of vectors and matrices: each element of the result is one inner product of nodes."""

from __future__ import annotations

from typing import Any

import numpy as np

from stabcheck.explain.trace import exact
from stabcheck.explain.trace.arrays import lift, plain, wrap
from stabcheck.explain.trace.nodes import Tape
from stabcheck.explain.trace.numbers import Objects, floats, format_of, is_real_float, objects
from stabcheck.explain.trace.ufuncs import inner_products, reduced


def dot(tape: Tape, a: Any, b: Any, out: Any = None) -> Any:
    left, right = lift(tape, a), lift(tape, b)
    if left is None or right is None or out is not None:
        return NotImplemented
    if left.ndim == 0 or right.ndim == 0:
        return np.multiply(a, b)
    result = np.dot(plain(a), plain(b))
    if right.ndim > 2:
        return NotImplemented
    rows = left[None, :] if left.ndim == 1 else left.reshape(-1, left.shape[-1])
    columns = right[None, :] if right.ndim == 1 else right.T
    return _product(tape, "dot", rows, columns, result)


def vdot(tape: Tape, a: Any, b: Any) -> Any:
    return dot(tape, np.ravel(a), np.ravel(b))


def inner(tape: Tape, a: Any, b: Any) -> Any:
    left, right = lift(tape, a), lift(tape, b)
    if left is None or right is None or not left.ndim or not right.ndim:
        return NotImplemented
    rows, columns = left.reshape(-1, left.shape[-1]), right.reshape(-1, right.shape[-1])
    return _product(tape, "inner", rows, columns, np.inner(plain(a), plain(b)))


def _product(tape: Tape, name: str, rows: Objects, columns: Objects, result: Any) -> Any:
    if not is_real_float(result.dtype):
        return result
    return wrap(tape, result, inner_products(tape, name, rows, columns, result))


def einsum(tape: Tape, subscripts: Any, *operands: Any, **kwargs: Any) -> Any:
    """One or two operands, letters only; anything else is not followed."""
    if not isinstance(subscripts, str) or "." in subscripts or len(operands) not in (1, 2) or "out" in kwargs:
        return NotImplemented
    lifted = [lift(tape, operand) for operand in operands]
    result = np.einsum(subscripts, *plain(operands), **plain(kwargs))
    inputs, _, output = subscripts.replace(" ", "").partition("->")
    terms = inputs.split(",")
    if "->" not in subscripts:
        letters = "".join(terms)
        output = "".join(sorted(c for c in set(letters) if letters.count(c) == 1))
    known = [part for part in lifted if part is not None]
    if len(known) < len(lifted) or any(len(set(t)) < len(t) for t in terms):
        return NotImplemented
    summed = "".join(sorted(set("".join(terms)) - set(output)))
    sizes = {
        c: n for t, part in zip(terms, known, strict=True) for c, n in zip(t, np.shape(part), strict=True)
    }
    wide = tuple(sizes[c] for c in output)
    long = int(np.prod([sizes[c] for c in summed], dtype=int))
    columns = []
    for term, part in zip(terms, known, strict=True):
        order = [term.index(c) for c in output + summed if c in term]
        shape = [sizes[c] if c in term else 1 for c in output + summed]
        full = np.broadcast_to(part.transpose(order).reshape(shape), wide + tuple(sizes[c] for c in summed))
        columns.append(full.reshape(-1, long))
    if not is_real_float(result.dtype):
        return result
    if len(columns) == 1:
        step = tape.step("einsum", "arithmetic", format_of(result.dtype))
        return wrap(tape, result, reduced(tape, step, columns[0].tolist(), result, exact.summation))
    rule = exact.inner_product(long)
    step = tape.step("einsum", "arithmetic", format_of(result.dtype))
    rows = zip(floats(result), columns[0].tolist(), columns[1].tolist(), strict=True)
    return wrap(
        tape, result, objects([tape.node(step, v, (*i, *j), rule) for v, i, j in rows], np.shape(result))
    )
