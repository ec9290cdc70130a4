"""What the traces of all frameworks share: from an operation's operands and result to nodes.

A framework's own trace turns its arrays into NumPy values and node arrays, names the operation as NumPy
would, and calls these. Operations that only move numbers are done a second time on the numbers' positions.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from stabcheck.explain.trace import exact
from stabcheck.explain.trace.nodes import Node, Tape
from stabcheck.explain.trace.numbers import Objects, format_of, objects
from stabcheck.explain.trace.ufuncs import inner_products, made, new_step


def choice(tape: Tape, mask: Any, taken: Objects, other: Objects, result: Any) -> Objects:
    """where: the branch that was taken first, the other one beside it."""
    shape = np.shape(result)
    where = np.broadcast_to(np.asarray(mask).astype(bool), shape)
    a, b = np.broadcast_to(taken, shape), np.broadcast_to(other, shape)
    step = tape.step("where", "choice", format_of(result.dtype))
    return made(tape, step, [np.where(where, a, b), np.where(where, b, a)], result, exact.first)


def comparison(tape: Tape, name: str, operands: Sequence[Objects]) -> None:
    step = tape.step(name, "comparison")
    step.operands = [node for part in operands for node in part.ravel().tolist()[:64]]


def cast(tape: Tape, name: str, nodes: Objects, result: Any) -> Objects:
    """The same nodes where nothing was rounded away, nodes of a cast elsewhere."""
    values = np.asarray(result).astype(np.float64).ravel().tolist()
    if all(node.actual == value for node, value in zip(nodes.ravel().tolist(), values, strict=True)):
        return nodes
    step = tape.step(name, "cast", format_of(result.dtype))
    return made(tape, step, [nodes], result, exact.first)


def rows_of_softmax(tape: Tape, name: str, nodes: Objects, axis: int, result: Any) -> Objects:
    """Softmax or log-softmax as one operation: every element is made from its whole row."""
    step = tape.step(name, "arithmetic", format_of(result.dtype))
    filled = np.empty(np.shape(result), dtype=object)
    source, target = np.moveaxis(nodes, axis, -1), np.moveaxis(filled, axis, -1)
    values = np.moveaxis(np.asarray(result).astype(np.float64), axis, -1)
    for row in np.ndindex(source.shape[:-1]):
        parents = tuple(source[row].tolist())
        for i, value in enumerate(values[row].tolist()):
            rule = exact.softmax_of(i, log="log" in name)
            target[(*row, i)] = tape.node(step, value, parents, rule)
    return filled


def matrix_product(tape: Tape, name: str, a: Objects, b: Objects, result: Any) -> Objects:
    """a (..., m, k) times b (..., k, n)."""
    return inner_products(tape, name, a, np.swapaxes(b, -1, -2), result)


def opaque(tape: Tape, name: str, result: Any, parents: Sequence[Objects] = ()) -> Objects:
    """Nodes without a rule: exact by definition, but their parents are remembered."""
    step = new_step(tape, name, result, None)
    before = tuple(node for part in parents for node in part.ravel().tolist()[:64])
    values = np.asarray(result).astype(np.float64).ravel().tolist()
    return objects([tape.node(step, value, before, None) for value in values], np.shape(result))


def moved(positions: Callable[[list[Any]], Any], parts: Sequence[Objects]) -> Objects:
    """Nodes where `positions` puts them: it does the operation on integer arrays that number all nodes."""
    numbered: list[Any] = []
    pool: list[Node] = []
    for part in parts:
        start = len(pool)
        pool.extend(part.ravel().tolist())
        numbered.append(np.arange(start, len(pool), dtype=np.int64).reshape(part.shape))
    places = np.asarray(positions(numbered))
    nodes = [pool[i] for i in places.ravel().tolist()]
    return objects(nodes, places.shape)
