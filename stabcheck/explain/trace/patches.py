"""What dispatch cannot see: `np.asarray(x)`, `np.zeros(n)`, `math.exp`, `float`, `sum`.

While a trace runs (one at a time, under a lock) these names are replaced by functions that recognise traced
values and hand everything else to the originals; array makers answer with traced arrays only when the
user's own code calls them. Everything is put back afterwards, whatever happened.
"""

from __future__ import annotations

import builtins
import math
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FunctionType, ModuleType
from typing import Any

import numpy as np

from stabcheck.explain.trace.arrays import TracedArray, constants, lift, plain, wrap
from stabcheck.explain.trace.nodes import Tape, distinct
from stabcheck.explain.trace.numbers import is_real_float
from stabcheck.explain.trace.places import kind_of_file
from stabcheck.explain.trace.scalars import TracedFloat, computed, node_of
from stabcheck.explain.trace.ufuncs import cast_nodes, group_rule

_LOCK = threading.RLock()
_MATH = {
    "exp": "exp",
    "exp2": "exp2",
    "expm1": "expm1",
    "log": "log",
    "log1p": "log1p",
    "log2": "log2",
    "log10": "log10",
    "sqrt": "sqrt",
    "tanh": "tanh",
    "cosh": "cosh",
    "sinh": "sinh",
    "pow": "power",
    "fabs": "fabs",
}
_CONVERTERS = ("array", "asarray", "asanyarray", "ascontiguousarray", "asfortranarray")
_MAKERS = ("zeros", "ones", "empty", "full")
#: How many modules away from the target its helpers are looked for.
_REACH = 3


@contextmanager
def patched(tape: Tape, function: Any) -> Iterator[None]:
    """The replaced names, for the duration of one traced call of `function`."""
    with _LOCK:
        replaced: list[tuple[dict[str, Any], str, Any]] = []
        substitutes: dict[int, Any] = {}

        def replace(namespace: dict[str, Any], name: str, value: Any) -> None:
            replaced.append((namespace, name, namespace.get(name, replaced)))
            namespace[name] = value

        try:
            for name in _CONVERTERS:
                substitutes[id(getattr(np, name))] = _converter(tape, getattr(np, name))
            for name in _MAKERS:
                substitutes[id(getattr(np, name))] = _maker(tape, getattr(np, name), name)
            for name, rule in _MATH.items():
                substitutes[id(getattr(math, name))] = _math(tape, getattr(math, name), rule)
            substitutes[id(math.fsum)] = _total(tape, math.fsum)
            for module in (np, math):
                for name, value in list(vars(module).items()):
                    if id(value) in substitutes:
                        replace(vars(module), name, substitutes[id(value)])
            for namespace in _namespaces(function):
                for name, value in list(namespace.items()):
                    if id(value) in substitutes:
                        replace(namespace, name, substitutes[id(value)])
                if "float" not in namespace:
                    replace(namespace, "float", _float(tape))
                if "sum" not in namespace:
                    replace(namespace, "sum", _total(tape, builtins.sum))
            yield
        finally:
            for namespace, name, value in reversed(replaced):
                if value is replaced:
                    del namespace[name]
                else:
                    namespace[name] = value


def _namespaces(function: Any) -> list[dict[str, Any]]:
    """The global names of the target's module and of the user's modules that it reaches."""
    found: dict[int, dict[str, Any]] = {}

    def visit(value: Any, depth: int) -> None:
        namespace = _globals_of(value)
        if namespace is None or id(namespace) in found or depth > _REACH:
            return
        if kind_of_file(str(namespace.get("__file__", "<user>"))) != "user":
            return
        found[id(namespace)] = namespace
        for other in list(namespace.values()):
            visit(other, depth + 1)

    visit(function, 0)
    return list(found.values())


def _globals_of(value: Any) -> dict[str, Any] | None:
    if isinstance(value, ModuleType):
        return vars(value)
    value = getattr(value, "__wrapped__", value)
    value = getattr(value, "func", value)  # functools.partial
    value = getattr(value, "__func__", value)  # a bound method
    if isinstance(value, FunctionType):
        return value.__globals__
    kind = value if isinstance(value, type) else type(value)
    module = sys.modules.get(kind.__module__)
    return None if module is None or module is builtins else vars(module)


def _is_traced(value: Any) -> bool:
    if isinstance(value, (TracedArray, TracedFloat)):
        return True
    return isinstance(value, (list, tuple)) and any(_is_traced(v) for v in value)


def _from_user(depth: int = 2) -> bool:
    return kind_of_file(sys._getframe(depth).f_code.co_filename) in ("user", "machinery", "library")


def _converter(tape: Tape, original: Callable[..., Any]) -> Callable[..., Any]:
    def convert(value: Any, *args: Any, **kwargs: Any) -> Any:
        if type(value) is np.ndarray or not _is_traced(value) or not _from_user():
            return original(value, *args, **kwargs)
        values = original(plain(value), *args, **plain(kwargs))
        if not isinstance(values, np.ndarray) or not is_real_float(values.dtype):
            return values
        if isinstance(value, TracedArray) and values is np.ndarray.view(value, np.ndarray):
            return value
        nodes = lift(tape, value)
        if nodes is None or nodes.shape != values.shape:
            return wrap(tape, values, None)
        shared = isinstance(value, TracedArray) and np.may_share_memory(values, plain(value))
        source = value.dtype if isinstance(value, TracedArray) else None
        return wrap(
            tape, values, cast_nodes(tape, nodes if shared else nodes.copy(), values, "array", source)
        )

    return convert


def _maker(tape: Tape, original: Callable[..., Any], name: str) -> Callable[..., Any]:
    def make(*args: Any, **kwargs: Any) -> Any:
        values = original(*plain(args), **plain(kwargs))
        if tape.finished or not _from_user() or not is_real_float(values.dtype):
            return values
        fill = args[1] if name == "full" and len(args) > 1 else kwargs.get("fill_value")
        nodes = lift(tape, fill) if _is_traced(fill) else None
        if nodes is not None:
            spread = np.broadcast_to(nodes, values.shape).copy()
            return wrap(tape, values, cast_nodes(tape, spread, values, name, None))
        return wrap(tape, values, constants(tape, values))

    return make


def _math(tape: Tape, original: Callable[..., Any], rule: str) -> Callable[..., Any]:
    def function(*args: Any) -> Any:
        if not any(_is_traced(a) for a in args):
            return original(*args)
        value = original(*(plain(a) for a in args))
        if rule == "log" and len(args) == 2:
            return computed(tape, "log with a base", value, args)
        return computed(tape, rule, value, args)

    return function


def _total(tape: Tape, original: Callable[..., Any]) -> Callable[..., Any]:
    def total(values: Any, *args: Any, **kwargs: Any) -> Any:
        values = list(values)
        if tape.finished or not any(isinstance(v, TracedFloat) for v in values):
            return original(values, *args, **kwargs)
        result = original([plain(v) for v in values], *args, **kwargs)
        nodes = [node_of(tape, v) for v in (*args, *kwargs.values(), *values)]
        if not isinstance(result, float) or any(node is None for node in nodes):
            return result
        operands, counts = distinct([node for node in nodes if node is not None])
        step = tape.step("sum", "arithmetic", tape.double)
        return TracedFloat.make(tape, result, tape.node(step, result, operands, group_rule("add", counts)))

    return total


def _float(tape: Tape) -> Any:
    """`float` for the user's modules: keeps the node of what it converts; isinstance works as ever."""

    class Meta(type):
        def __instancecheck__(cls, instance: Any) -> bool:
            return isinstance(instance, builtins.float)

        def __subclasscheck__(cls, subclass: Any) -> bool:
            return issubclass(subclass, builtins.float)

        def __call__(cls, *args: Any) -> Any:
            if len(args) == 1 and isinstance(args[0], TracedFloat):
                return args[0]
            if len(args) == 1 and isinstance(args[0], TracedArray) and not tape.finished:
                nodes = lift(tape, args[0])
                value = builtins.float(args[0])
                return TracedFloat.make(tape, value, nodes.item()) if nodes is not None else value
            return builtins.float(*args)

        def __getattr__(cls, name: str) -> Any:
            return getattr(builtins.float, name)

    return Meta("float", (), {})
