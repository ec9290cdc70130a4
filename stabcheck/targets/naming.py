"""What a callable is called in a report, where it stands, and which op its name promises."""

from __future__ import annotations

import functools
import importlib
import inspect
import sys
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

from stabcheck.findings import Where
from stabcheck.targets.guard import attribute

#: Words that turn the name of an op into the name of something else.
_DERIVED = frozenset(
    {"grad", "gradient", "backward", "vjp", "jvp", "jacobian", "derivative", "hessian", "prime"}
)


def unwrapped(function: Any) -> Any:
    """The plain function inside partials, methods, decorators and callable objects, if there is one."""
    for _ in range(16):
        if isinstance(function, functools.partial):
            function = function.func
        elif inspect.ismethod(function):
            function = _forward(function) or function.__func__
        elif (wrapped := attribute(function, "__wrapped__")) is not None:
            function = wrapped
        else:
            break
    if not inspect.isroutine(function) and not isinstance(function, type):
        kind = type(function)
        call = attribute(kind, "forward") or inspect.getattr_static(kind, "__call__", None)
        return call if inspect.isfunction(call) else function
    return function


def _forward(method: Any) -> Any:
    """The author's own part of `MyFunction.apply`, where MyFunction is an autograd.Function of PyTorch."""
    owner = method.__self__
    forward = attribute(owner, "forward") if isinstance(owner, type) else None
    return forward if method.__name__ == "apply" and inspect.isfunction(forward) else None


def name_of(function: Any) -> str:
    """Its `__name__`; "" where there is none, or where a property of that name fails."""
    return _text(function, "__name__")


def _text(owner: Any, name: str) -> str:
    """An attribute that should be a text; "" where it is none."""
    found = attribute(owner, name)
    return found if isinstance(found, str) else ""


def short_name(function: Callable[..., Any]) -> str:
    """What stands before the parenthesis in the call form."""
    if isinstance(function, functools.partial):
        return f"partial({short_name(function.func)})"
    return name_of(function) or type(function).__name__


def title_of(function: Callable[..., Any], root: Path) -> str:
    """`package.module:function` where that imports it, else `path/to/file.py:function`."""
    spec = spec_of(function)
    if spec:
        head, _, path = spec.rpartition(":")
        return f"{relative(Path(head), root)}:{path}" if head.endswith(".py") else spec
    partial = isinstance(function, functools.partial)
    named: Any = unwrapped(function) if partial or name_of(function) else type(function)
    word = _text(named, "__qualname__") or name_of(named) or type(named).__name__
    word = word.replace("<locals>.", "")
    where = location_of(function, root)
    outside = where is None or where.file.startswith("/") or "site-packages" in where.file
    home = _text(named, "__module__") if outside or where is None else where.file
    word = f"partial({word})" if partial else word
    return f"{home}:{word}" if home else word


def spec_of(function: Callable[..., Any]) -> str:
    """The string by which a fresh process imports this very object; "" when there is none."""
    name = name_of(function)
    path = _text(function, "__qualname__") or name
    if isinstance(function, functools.partial) or not path:
        return ""
    module = _text(function, "__module__") or _home_of_ufunc(function, path)
    loaded = sys.modules.get(module)
    if attribute(loaded, name) is function:
        path = name  # torch.softmax calls itself a method of a hidden class
    value: Any = loaded
    for step in path.split("."):
        value = attribute(value, step)
    if loaded is None or value is not function:
        return ""
    file = _text(loaded, "__file__")
    if module != "__main__" and _importable(module.partition(".")[0]):
        return f"{module}:{path}"
    return f"{Path(file).resolve()}:{path}" if file.endswith(".py") else ""


def _home_of_ufunc(function: Any, name: str) -> str:
    """ufuncs do not say where they come from; those of NumPy and SciPy are looked up."""
    for home in ("numpy", "scipy.special"):
        if home in sys.modules and attribute(sys.modules[home], name) is function:
            return home
    return ""


def _importable(package: str) -> bool:
    """Whether an import finds this package, asked anew (sys.modules may know what nobody can import)."""
    for finder in sys.meta_path:
        try:
            if finder.find_spec(package, None) is not None:
                return True
        except (AttributeError, ImportError):
            continue
    return False


def location_of(function: Callable[..., Any], root: Path) -> Where | None:
    """File (relative to the project), line and name of a function written in Python."""
    plain = unwrapped(function)
    code = attribute(plain, "__code__")
    if not isinstance(code, types.CodeType) or not code.co_filename.endswith(".py"):
        return None
    return Where(relative(Path(code.co_filename), root), code.co_firstlineno, name_of(plain))


def relative(file: Path, root: Path) -> str:
    """POSIX path relative to the project; absolute when it lies outside."""
    file, root = file.resolve(), root.resolve()
    return (file.relative_to(root) if file.is_relative_to(root) else file).as_posix()


#: What libraries call some ops.
_ALSO_CALLED = {
    "expit": "sigmoid",
    "log_expit": "log_sigmoid",
    "binary_cross_entropy_with_logits": "bce_with_logits",
    "swish": "silu",
}


def op_in_name(name: str) -> str:
    """The op after which a function is named, "" for none; the longest wins.

    Its words must begin or end the name: stable_softmax, softmax_v2, log_sum_exp.
    """
    words = [word for word in name.lower().split("_") if word]
    best, longest = "", 0
    for title, op in {**{op: op for op in _op_names()}, **_ALSO_CALLED}.items():
        joined = title.replace("_", "")
        for cut in range(1, len(words) + 1):
            for part, rest in ((words[:cut], words[cut:]), (words[-cut:], words[:-cut])):
                if "".join(part) == joined and not _DERIVED.intersection(rest) and len(joined) > longest:
                    best, longest = op, len(joined)
    return best


def _op_names() -> tuple[str, ...]:
    names: tuple[str, ...] = importlib.import_module("stabcheck.ops").names()
    return names
