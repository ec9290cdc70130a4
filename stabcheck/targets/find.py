"""Finding the callable under test: by object, by `package.module:function`, by `file.py:function`."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from stabcheck.errors import TargetError
from stabcheck.findings import Where
from stabcheck.targets.guard import Raised, attempt, attribute, contained
from stabcheck.targets.importing import load_file, load_module
from stabcheck.targets.marks import mark_of
from stabcheck.targets.naming import location_of, name_of, op_in_name, relative, spec_of, title_of


@dataclass(frozen=True)
class Found:
    """A callable with its name in reports and, where possible, the `spec` by which a fresh process can
    import it again ("" for lambdas, closures and what was typed at a prompt).

    `op`, `options`, `kwargs` and `settings` are what its mark says (`op` may come from its name).
    """

    function: Callable[..., Any]
    name: str
    location: Where | None = None
    op: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)
    kwargs: Mapping[str, Any] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)
    spec: str = ""

    def apart(self) -> Found:
        """The same as plain data, for a process that only has the target called elsewhere, by its spec."""
        return replace(self, function=_elsewhere, kwargs={}, settings={})


def _elsewhere(*_: Any, **__: Any) -> Any:
    raise NotImplementedError("the target is in a process of its own")


def find(target: Callable[..., Any] | str, *, name: str | None = None, root: Path | None = None) -> Found:
    """The callable that `target` is or names. `root` is the project's folder (default: where we are).

    TargetError says what is wrong with the value and what to do; the cause of a failed import is its
    `__cause__`.
    """
    root = Path.cwd() if root is None else Path(root)
    if isinstance(target, str):
        return _by_name(target, name, root)
    if not callable(target):
        raise TargetError(
            f"{target!r:.80} is no target. Give a callable, 'package.module:function' or 'file.py:function'."
        )
    return _found(target, name or title_of(target, root), root, spec_of(target))


def _found(function: Callable[..., Any], name: str, root: Path, spec: str, word: str = "") -> Found:
    mark = mark_of(function)
    guess = op_in_name(word or name_of(function))
    location = location_of(function, root)
    if mark is None:
        return Found(function, name, location, guess, spec=spec)
    return Found(function, name, location, mark.op, mark.options, mark.kwargs, mark.settings, spec)


def _by_name(spec: str, name: str | None, root: Path) -> Found:
    head, colon, path = spec.rpartition(":")
    if spec.endswith(".py") or not colon or not head or not path:
        hint = f"{spec}:function" if spec.endswith(".py") else "package.module:function or file.py:function"
        raise TargetError(f"target {spec!r} names no function. Write {hint}.")
    if head.endswith(".py"):
        file = root / head
        module, title = load_file(file, spec), f"{relative(file, root)}:{path}"
        spec = f"{file.resolve()}:{path}"
    else:
        module, title = load_module(head, root, spec), spec
    value = _attribute(module, path, title)
    return _found(value, name or title, root, spec, path.rpartition(".")[2])


def _attribute(module: Any, path: str, title: str) -> Any:
    """The attribute, walked name by name; methods of a class get an instance made without arguments."""
    value: Any = module
    for step in path.split("."):
        owner, value = value, _step(value, step, title)
        if isinstance(owner, type) and callable(value) and _needs_instance(owner, step):
            value = getattr(_instance(owner, title), step)
    if isinstance(value, type) and "__call__" in _own_names(value):
        value = _instance(value, title)
    if not callable(value) or isinstance(value, type):
        raise TargetError(
            f"target {title!r} is {_kind(value)}, not a function. Name a callable of the module."
        )
    return value


def _step(owner: Any, step: str, title: str) -> Any:
    from stabcheck.errors import unknown

    value = attempt(getattr, owner, step)
    if not isinstance(value, Raised):
        return value
    if not isinstance(value.error, AttributeError):
        raise TargetError(
            f"target {title!r} cannot be looked up: {value.text}. Name a callable of the module."
        ) from value.error
    public = [name for name in attribute(owner, "__dict__", {}) if not name.startswith("_")]
    hint = str(unknown(f"name in target {title}", step, public))
    raise TargetError(hint if len(hint) < 400 else hint[:400] + "...") from value.error


def _own_names(kind: type) -> set[str]:
    return {name for base in kind.__mro__ if base is not object for name in vars(base)}


def _needs_instance(owner: type, step: str) -> bool:
    for base in owner.__mro__:
        if step in vars(base):
            return not isinstance(vars(base)[step], staticmethod | classmethod | type)
    return False


def _instance(kind: type, title: str) -> Any:
    with contained():
        made = attempt(kind)
    if isinstance(made, Raised):
        raise TargetError(
            f"target {title!r} needs an instance of {kind.__name__}, and {kind.__name__}() failed: "
            f"{made.text}. Make one in the module and name that."
        ) from made.error
    return made


def _kind(value: Any) -> str:
    return f"the class {value.__name__}" if isinstance(value, type) else f"a {type(value).__name__}"


def find_all(path: str, *, root: Path | None = None) -> list[Found]:
    """Every function defined in `file.py` that is marked with `@stabcheck.target(op=...)` or named
    after an op (`softmax`, `stable_softmax`, `log_sum_exp_v2`), in the order of the file.

    TargetError when the file cannot be loaded or holds none.
    """
    root = Path.cwd() if root is None else Path(root)
    file = root / path
    module = load_file(file, path)
    found = []
    for name, value in vars(module).items():
        if not callable(value) or isinstance(value, type) or not _defined_in(value, module.__name__):
            continue
        op = "" if name.startswith(("_", "test")) else op_in_name(name)
        if mark_of(value) or op:
            title, spec = f"{relative(file, root)}:{name}", f"{file.resolve()}:{name}"
            found.append(_found(value, title, root, spec, name))
    if not found:
        raise TargetError(
            f"no target in {path!r}: no function is named after an op (softmax, stable_softmax, ...) "
            'or marked. Mark one with @stabcheck.target(op="...") or name it: file.py:function --op OP.'
        )
    return found


def _defined_in(value: Any, module: str) -> bool:
    """Functions written in that module; partials and other callable objects made there as well. What a
    library made of a function (np.vectorize, torch.jit.script) has the library's name and holds it."""
    home = attribute(value, "__module__")
    if home == module or (mark_of(value) is not None) or attribute(value, "__name__") is None:
        return True
    parts = attribute(value, "__dict__", {}).values()
    return any(inspect.isfunction(part) and part.__module__ == module for part in parts)
