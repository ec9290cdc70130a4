"""The traced array: an ndarray that carries the node of each of its elements.

A subclass, not a look-alike: `isinstance(x, np.ndarray)` holds, and what the tracer does not know still
works, on the actual values. Elements that NumPy would hand out as scalars come as `TracedScalar`, an array
without axes that behaves like a scalar (in-place operators make a new one).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy import asarray  # the original: np.asarray is replaced while a trace runs

from stabcheck.explain.trace.nodes import Node, Tape, same_float
from stabcheck.explain.trace.numbers import Objects, floats, is_real_float, objects


class TracedArray(np.ndarray):
    """An ndarray with a node per element; made by `wrap` only."""

    _tape: Tape | None = None
    _nodes: Objects | None = None

    def __array_finalize__(self, origin: Any) -> None:
        # Reached for results that NumPy makes by itself (copies with subok=True, views). Whether the
        # nodes belong to the values is checked when they are used.
        if isinstance(origin, TracedArray) and self._tape is None:
            self._tape = origin._tape
            if origin._nodes is not None and origin._nodes.shape == self.shape:
                self._nodes = origin._nodes.copy()

    # -- dispatch --------------------------------------------------------------------------------

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
        from stabcheck.explain.trace.ufuncs import apply

        return apply(tape_of(self), ufunc, method, inputs, kwargs)

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
        from stabcheck.explain.trace.functions import apply

        return apply(tape_of(self), function, args, kwargs)

    def _function(self, name: str, *args: Any, **kwargs: Any) -> Any:
        from stabcheck.explain.trace.functions import apply

        return apply(tape_of(self), getattr(np, name), (self, *args), kwargs)

    # -- elements --------------------------------------------------------------------------------

    def __getitem__(self, index: Any) -> Any:
        index = _untraced_index(index)
        return wrap(tape_of(self), plain(self)[index], _unchecked(self)[index])

    def __setitem__(self, index: Any, value: Any) -> None:
        from stabcheck.explain.trace.ufuncs import cast_nodes

        index = _untraced_index(index)
        tape = tape_of(self)
        nodes = lift(tape, value)
        mine = _unchecked(self)
        plain(self)[index] = plain(value)
        tape.wrote(plain(self))
        if nodes is not None and not tape.finished:
            written = np.broadcast_to(nodes, np.shape(mine[index])) if nodes.ndim else nodes
            stored = cast_nodes(tape, written, plain(self)[index], "setitem", getattr(value, "dtype", None))
            mine[index] = stored if stored.ndim else stored.item()

    def __iter__(self) -> Iterator[Any]:
        if self.ndim == 0:
            raise TypeError("iteration over a 0-d array")
        return (self[i] for i in range(len(self)))

    def item(self, *args: Any) -> Any:
        from stabcheck.explain.trace.scalars import TracedFloat

        checked = nodes_of(self) if self.ndim == 0 else _unchecked(self)
        return TracedFloat.make(tape_of(self), plain(self).item(*args), checked.item(*args))

    def tolist(self) -> Any:
        from stabcheck.explain.trace.scalars import TracedFloat

        def listed(values: Any, nodes: Any) -> Any:
            if isinstance(values, list):
                return [listed(v, n) for v, n in zip(values, nodes, strict=True)]
            return TracedFloat.make(tape_of(self), values, nodes)

        return listed(plain(self).tolist(), nodes_of(self).tolist())

    def fill(self, value: Any) -> None:
        self[...] = value

    def __repr__(self) -> str:
        return repr(plain(self))

    def __str__(self) -> str:
        return str(plain(self))

    def __reduce__(self) -> Any:
        return plain(self).__reduce__()

    def __deepcopy__(self, memo: Any) -> Any:
        return self.copy()

    # -- methods that NumPy does not dispatch ----------------------------------------------------

    def astype(self, dtype: Any, *args: Any, **kwargs: Any) -> Any:
        from stabcheck.explain.trace.ufuncs import cast

        return cast(tape_of(self), self, plain(self).astype(dtype, *args, **kwargs))

    def mean(self, *args: Any, **kwargs: Any) -> Any:
        return self._function("mean", *args, **kwargs)

    def var(self, *args: Any, **kwargs: Any) -> Any:
        return self._function("var", *args, **kwargs)

    def std(self, *args: Any, **kwargs: Any) -> Any:
        return self._function("std", *args, **kwargs)

    def cumsum(self, *args: Any, **kwargs: Any) -> Any:
        return self._function("cumsum", *args, **kwargs)

    def dot(self, other: Any, out: Any = None) -> Any:
        return self._function("dot", other) if out is None else super().dot(other, out)

    def copy(self, order: Any = "C") -> Any:
        return wrap(tape_of(self), plain(self).copy(order), nodes_of(self).copy(order))

    __copy__ = copy

    def reshape(self, *shape: Any, **kwargs: Any) -> Any:
        return wrap(
            tape_of(self), plain(self).reshape(*shape, **kwargs), nodes_of(self).reshape(*shape, **kwargs)
        )

    def _rearranged(self, method: str, *args: Any, **kwargs: Any) -> Any:
        values = getattr(plain(self), method)(*args, **kwargs)
        return wrap(tape_of(self), values, getattr(nodes_of(self), method)(*args, **kwargs))

    def ravel(self, *args: Any, **kwargs: Any) -> Any:
        return self._rearranged("ravel", *args, **kwargs)

    def flatten(self, *args: Any, **kwargs: Any) -> Any:
        return self._rearranged("flatten", *args, **kwargs)

    def transpose(self, *args: Any) -> Any:
        return self._rearranged("transpose", *args)

    def swapaxes(self, *args: Any) -> Any:
        return self._rearranged("swapaxes", *args)

    def squeeze(self, *args: Any, **kwargs: Any) -> Any:
        return self._rearranged("squeeze", *args, **kwargs)

    def take(self, *args: Any, **kwargs: Any) -> Any:
        return self._rearranged("take", *args, **kwargs)

    def repeat(self, *args: Any, **kwargs: Any) -> Any:
        return self._rearranged("repeat", *args, **kwargs)

    def diagonal(self, *args: Any, **kwargs: Any) -> Any:
        return self._rearranged("diagonal", *args, **kwargs)

    def sort(self, axis: int = -1, *args: Any, **kwargs: Any) -> None:  # type: ignore[override]
        self[...] = self._function("sort", axis)

    @property
    def T(self) -> Any:
        return self.transpose()

    @property
    def mT(self) -> Any:
        return self.swapaxes(-1, -2)

    @property  # type: ignore[misc]
    def real(self) -> Any:
        return self[...] if self.ndim else self


class TracedScalar(TracedArray):
    """What NumPy would have given as a scalar: immutable, so `s += v` makes a new one."""

    def __iadd__(self, other: Any) -> Any:  # type: ignore[misc]
        return self + other

    def __isub__(self, other: Any) -> Any:  # type: ignore[misc]
        return self - other

    def __imul__(self, other: Any) -> Any:  # type: ignore[misc]
        return self * other

    def __itruediv__(self, other: Any) -> Any:  # type: ignore[misc]
        return self / other

    def __ipow__(self, other: Any) -> Any:  # type: ignore[misc,override]
        return self**other

    def __hash__(self) -> int:  # type: ignore[override]
        return hash(plain(self)[()])

    def __round__(self, digits: int | None = None) -> Any:
        return round(plain(self)[()]) if digits is None else round(plain(self)[()], digits)

    def __getattr__(self, name: str) -> Any:
        return getattr(plain(self)[()], name)  # is_integer, as_integer_ratio, ...

    def __str__(self) -> str:
        return str(plain(self)[()])

    def __repr__(self) -> str:
        return repr(plain(self)[()])


def tape_of(array: TracedArray) -> Tape:
    if array._tape is None:  # made by a library that knows the class but not us (masked arrays)
        array._tape = Tape.silent()
    return array._tape


def plain(value: Any) -> Any:
    """The same value without its nodes: ndarray, NumPy scalar, float; containers are walked through."""
    if isinstance(value, TracedScalar):
        return np.ndarray.view(value, np.ndarray)[()]
    if isinstance(value, TracedArray):
        return np.ndarray.view(value, np.ndarray)
    if type(value) is not float and isinstance(value, float) and hasattr(value, "_node"):
        return float.__float__(value)
    if type(value) in (list, tuple):
        return type(value)(plain(v) for v in value)
    if type(value) is dict:
        return {key: plain(v) for key, v in value.items()}
    return value


def constants(tape: Tape, values: Any) -> Objects:
    """Nodes for numbers that no observed operation made."""
    return objects([tape.constant(v) for v in floats(values)], np.shape(values))


def nodes_of(array: TracedArray) -> Objects:
    """The nodes of the elements. Where a value was changed behind the tracer's back (native code, a
    buffer written through another view) its node is replaced by a constant: go on from the actual value."""
    tape, values = tape_of(array), plain(array)
    if array._nodes is None or array._nodes.shape != np.shape(values):
        array._nodes = constants(tape, values)
        return array._nodes
    nodes = array._nodes
    if nodes.ndim == 0:
        if not same_float(nodes.item().actual, float(values)):
            array._nodes = constants(tape, values)
        return array._nodes
    for place, value in enumerate(floats(values)):
        if not same_float(nodes.flat[place].actual, value):
            nodes.flat[place] = tape.constant(value)
    return nodes


def _unchecked(array: TracedArray) -> Objects:
    """The nodes as they are: whoever uses them checks (an element at a time, loops would be quadratic)."""
    nodes = array._nodes
    return nodes if nodes is not None and nodes.shape == array.shape else nodes_of(array)


def lift(tape: Tape, value: Any) -> Objects | None:
    """Nodes for any operand; None where it holds something else than real numbers."""
    if isinstance(value, TracedArray):
        return nodes_of(value)
    if isinstance(value, float) and hasattr(value, "_node"):
        return objects([value._node], ())
    if isinstance(value, (list, tuple)):
        return lift_list(tape, value)
    values = asarray(value)
    if values.dtype.kind not in "biuf" and not is_real_float(values.dtype):
        return None
    return constants(tape, values)


def lift_list(tape: Tape, value: Sequence[Any]) -> Objects | None:
    """Nodes for a nested list of numbers and arrays of equal shapes."""
    parts = [lift(tape, v) for v in value]
    known = [part for part in parts if part is not None]
    if len(known) < len(parts) or len({part.shape for part in known}) > 1:
        return None
    return np.stack(known) if known else objects([], (0,))


def wrap(tape: Tape, values: Any, nodes: Any) -> Any:
    """A traced array or scalar of these values; anything that is not real floating point stays plain.

    `nodes` is an object array of the same shape (or a single node); None or a shape that does not fit
    makes constants of the values.
    """
    if isinstance(values, (bool, int, str)) or not hasattr(values, "dtype"):
        return values
    if not is_real_float(values.dtype):
        return values
    if isinstance(nodes, Node):
        nodes = objects([nodes], ())
    kind = TracedArray if isinstance(values, np.ndarray) else TracedScalar
    array = asarray(values).view(kind)
    array._tape = tape
    fits = isinstance(nodes, np.ndarray) and nodes.shape == np.shape(values)
    array._nodes = nodes if fits else None
    return array


def _untraced_index(index: Any) -> Any:
    return tuple(plain(i) for i in index) if type(index) is tuple else plain(index)
