"""The trace of a PyTorch target: a dispatch mode sees every operation below autograd and Python.

Nodes belong to memory: an element's node is found by its address, so that views, in-place operations and
tensors made from our own NumPy arrays need no care. Every tensor of the call is kept alive until its end.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from stabcheck.explain.trace import exact, recording
from stabcheck.explain.trace.nodes import Node, Tape, same_float
from stabcheck.explain.trace.numbers import Objects, objects
from stabcheck.explain.trace.ufuncs import elementwise, reduction

_ELEMENTWISE = {
    "sigmoid": "expit",
    "abs": "absolute",
    "neg": "negative",
    "sgn": "sign",
    "mul": "multiply",
    "div": "divide",
    "true_divide": "divide",
    "pow": "power",
    "softplus": "softplus",
    "log_sigmoid_forward": "log_expit",
}
_REDUCED = {
    "sum": "add",
    "amax": "maximum",
    "max": "maximum",
    "amin": "minimum",
    "min": "minimum",
    "prod": "multiply",
    "logsumexp": "logaddexp",
}
_COMPARED = {"gt", "lt", "ge", "le", "eq", "ne"}
_PRODUCTS = {"mm", "bmm", "mv", "dot", "matmul"}
_CASTS = {"_to_copy", "clone", "copy", "contiguous", "lift_fresh_copy"}
_MOVED = {
    "cat",
    "stack",
    "gather",
    "index",
    "index_select",
    "flip",
    "roll",
    "repeat",
    "take",
    "take_along_dim",
    "masked_select",
    "constant_pad_nd",
    "tril",
    "triu",
    "scatter",
    "index_put",
}
_MAKERS = ("zeros", "ones", "full", "empty", "new_", "arange", "scalar_tensor", "fill", "zero", "rand", "eye")


class TorchTape(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Records every operation on floating-point tensors while it is active."""

    def __init__(self, tape: Tape) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.tape = tape
        self.memory: dict[int, Node] = {}
        self._alive: list[Any] = []
        self._before: dict[int, Objects] = {}

    def adopt(self, array: np.ndarray[Any, Any], nodes: list[Node]) -> None:
        """The memory of an input: tensors made from it are recognised by address."""
        start, size = array.ctypes.data, array.dtype.itemsize
        self.memory.update({start + i * size: node for i, node in enumerate(nodes)})
        self._alive.append(array)

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        name = func.overloadpacket.__name__
        floating = [a for a in _flat((args, kwargs)) if _is_float(a)]
        parts = [] if self.tape.finished else [self.nodes(t) for t in floating]
        # Looked up before the call: an in-place operation overwrites what its operands were.
        self._before = dict(zip(map(id, floating), parts, strict=False))
        result = func(*args, **kwargs)
        self._alive.append((args, result))
        if parts and not self.tape.finished:
            try:
                self._record(
                    name.rstrip("_") if name.endswith("_") else name, func, args, kwargs, parts, result
                )
            except Exception as error:  # an operation that is called in a way nobody thought of
                self.tape.step(name, "opaque", note=f"{name} is not followed: {type(error).__name__}")
        return result

    # -- memory ----------------------------------------------------------------------------------

    def nodes(self, tensor: Any) -> Objects:
        """The nodes of a tensor's elements; constants where nothing is known, or where it is outdated."""
        values = tensor.detach().to(torch.float64).reshape(-1).tolist()
        found = []
        for address, value in zip(_addresses(tensor), values, strict=True):
            node = self.memory.get(address)
            if node is None or not same_float(node.actual, value):
                node = self.tape.constant(value)
            found.append(node)
        return objects(found, tuple(tensor.shape))

    def _store(self, tensor: Any, nodes: Objects) -> None:
        spread = np.broadcast_to(nodes, tuple(tensor.shape)).ravel().tolist()
        self.memory.update(zip(_addresses(tensor), spread, strict=True))

    # -- operations ------------------------------------------------------------------------------

    def _record(
        self, name: str, func: Any, args: Any, kwargs: Any, parts: list[Objects], result: Any
    ) -> None:
        outputs = [t for t in _flat(result) if isinstance(t, torch.Tensor)]
        if name in _COMPARED:
            recording.comparison(self.tape, name, self._operands(args))
            return
        if not outputs or not _is_float(outputs[0]) or name.startswith(_MAKERS):
            return
        target = outputs[0]
        if name not in _CASTS and not func._schema.is_mutable and self._is_view(target, args):
            return
        nodes = self._nodes(name, func, args, kwargs, parts, _values(target))
        if nodes is not None:
            self._store(target, nodes)

    def _is_view(self, target: Any, args: Any) -> bool:
        inside = [t for t in _flat(args) if isinstance(t, torch.Tensor)]
        storage = target.untyped_storage().data_ptr()
        return any(t.untyped_storage().data_ptr() == storage for t in inside)

    def _operands(self, args: Any, count: int = 2) -> list[Objects]:
        """The first positional operands as nodes: tensors and Python numbers."""
        found = []
        for a in args[:count]:
            if isinstance(a, torch.Tensor):
                found.append(self._before[id(a)] if id(a) in self._before else self.nodes(a))
            elif isinstance(a, (int, float)):
                found.append(objects([self.tape.constant(float(a))], ()))
        return found

    def _nodes(
        self, name: str, func: Any, args: Any, kwargs: Any, parts: list[Objects], values: Any
    ) -> Objects | None:
        tape = self.tape
        named = _named(func, args, kwargs)
        if name in ("add", "sub", "rsub"):
            return self._sum_of_two(name, args, named.get("alpha", 1), values)
        if name in ("clamp", "clamp_min", "clamp_max", "hardtanh", "relu"):
            return self._clamped(name, named, parts[0], values)
        if name == "where" and len(args) == 3:
            mask = args[0].detach().cpu().numpy()
            taken, other = self._operands(args[1:])
            return recording.choice(tape, mask, taken, other, values)
        if name == "masked_fill":
            mask = args[1].detach().cpu().numpy()
            (value,) = self._operands(args[2:], 1)
            return recording.choice(tape, mask, value, parts[0], values)
        if name in _REDUCED or name == "mean":
            return self._reduced(name, named, parts[0], values)
        if name in ("_softmax", "_log_softmax"):
            return recording.rows_of_softmax(tape, name.strip("_"), parts[0], args[1], values)
        if name == "cumsum":
            from stabcheck.explain.trace.ufuncs import accumulation

            return accumulation(tape, "add", parts[0], values, args[1])
        if name in _PRODUCTS:
            return self._product(name, parts, values)
        if name in _CASTS:
            return recording.cast(tape, "astype", parts[-1], values)
        if name in _MOVED:
            return recording.moved(lambda numbered: _again(func, args, kwargs, numbered), parts)
        if name == "div" and named.get("rounding_mode") is not None:
            return recording.opaque(tape, name, values, parts)
        known = _ELEMENTWISE.get(name, name)
        return elementwise(tape, known, self._operands(args, _arity(known)), values)

    def _sum_of_two(self, name: str, args: Any, alpha: Any, values: Any) -> Objects:
        a, b = self._operands(args)
        if alpha != 1:
            return recording.opaque(self.tape, name, values, [a, b])
        if name == "rsub":
            a, b = b, a
        return elementwise(self.tape, "add" if name == "add" else "subtract", [a, b], values)

    def _clamped(self, name: str, named: dict[str, Any], part: Objects, values: Any) -> Objects:
        low = 0.0 if name == "relu" else named.get("min", named.get("min_val"))
        high = None if name == "relu" else named.get("max", named.get("max_val"))
        limits = []
        for limit, default in ((low, -np.inf), (high, np.inf)):
            if isinstance(limit, torch.Tensor):
                limits.append(self.nodes(limit))
            else:
                limits.append(objects([self.tape.constant(float(default if limit is None else limit))], ()))
        return elementwise(self.tape, "clip", [part, *limits], values)

    def _reduced(self, name: str, named: dict[str, Any], part: Objects, values: Any) -> Objects:
        dim = named.get("dim")
        axis = tuple(dim) if isinstance(dim, (list, tuple)) else dim
        axis = None if axis == () else axis
        if name == "mean":
            from stabcheck.explain.trace.numbers import format_of
            from stabcheck.explain.trace.ufuncs import grouped, reduced

            step = self.tape.step("mean", "arithmetic", format_of(values.dtype))
            return reduced(self.tape, step, grouped(part, axis, True), values, exact.mean)
        return reduction(self.tape, _REDUCED[name], part, values, {"axis": axis})

    def _product(self, name: str, parts: list[Objects], values: Any) -> Objects:
        a, b = parts
        left = a[None, :] if a.ndim == 1 else a
        right = b[:, None] if b.ndim == 1 else b
        return recording.matrix_product(self.tape, name, left, right, values)


def _arity(name: str) -> int:
    return 2 if name in ("multiply", "divide", "power", "maximum", "minimum", "logaddexp", "xlogy") else 1


def _named(func: Any, args: Any, kwargs: Any) -> dict[str, Any]:
    """All arguments by their name in the operator's schema."""
    names = [argument.name for argument in func._schema.arguments]
    return {**dict(zip(names, args, strict=False)), **kwargs}


def _again(func: Any, args: Any, kwargs: Any, numbered: list[Any]) -> Any:
    """The same operation on integers in place of the floating-point tensors."""
    waiting = iter(numbered)

    def replaced(value: Any) -> Any:
        if isinstance(value, (list, tuple)):
            return type(value)(replaced(v) for v in value)
        return torch.from_numpy(next(waiting)).to(value.device) if _is_float(value) else value

    result = func(*(replaced(a) for a in args), **kwargs)
    return next(t for t in _flat(result) if isinstance(t, torch.Tensor)).cpu().numpy()


def _flat(value: Any) -> list[Any]:
    if isinstance(value, (list, tuple)):
        return [leaf for v in value for leaf in _flat(v)]
    if isinstance(value, dict):
        return [leaf for v in value.values() for leaf in _flat(v)]
    return [value]


def _is_float(value: Any) -> bool:
    return isinstance(value, torch.Tensor) and value.dtype.is_floating_point


def _addresses(tensor: Any) -> list[int]:
    offsets: Any = np.zeros(tuple(tensor.shape), dtype=np.int64)
    for axis, (n, stride) in enumerate(zip(tensor.shape, tensor.stride(), strict=True)):
        shape = [1] * len(tensor.shape)
        shape[axis] = n
        offsets = offsets + (np.arange(n, dtype=np.int64) * stride).reshape(shape)
    addresses: list[int] = (tensor.data_ptr() + offsets * tensor.element_size()).ravel().tolist()
    return addresses


def _values(tensor: Any) -> Any:
    """The values as an array of the same format."""
    from stabcheck.targets.backends.torch_arrays import TorchBackend

    return TorchBackend().dump(tensor)


def traced_call(tape: Tape, call: Callable[[Any], Any], arguments: Any, nodes: dict[str, list[Node]]) -> Any:
    """(result, [(shape, nodes) of its tensors]) of a call under the dispatch mode."""
    mode = TorchTape(tape)
    for name, found in nodes.items():
        mode.adopt(arguments[name], found)
    with mode:
        result = call(arguments)
    tensors = [t for t in _flat(result) if _is_float(t)]
    return result, [(tuple(t.shape), tuple(mode.nodes(t).ravel().tolist())) for t in tensors]
