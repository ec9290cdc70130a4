"""Importing the module that holds a target: by dotted name or by file, with errors in one line."""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

from stabcheck import lastwords
from stabcheck.errors import TargetError
from stabcheck.targets.ctrl_c import watched_ctrl_c
from stabcheck.targets.guard import Raised, attempt, contained, describe


def load_module(name: str, root: Path, spec: str) -> ModuleType:
    """The module of that dotted name, looked for in `root` first; TargetError names the cause."""
    _on_path(root, first=True)
    advice = "Check the name, install its package, or run from the project's folder."
    return _imported(spec, advice, importlib.import_module, name)


def load_file(file: Path, spec: str) -> ModuleType:
    """The module in that file: under its dotted name when it belongs to a package, so that its relative
    imports work, else by itself. Loaded again only when the file has changed."""
    if not file.is_file():
        raise TargetError(f"target {spec!r}: there is no file {str(file)!r}. Check the path.")
    file = file.resolve()
    if (file.parent / "__init__.py").exists():
        top, name = _package(file)
        return load_module(name, top, spec)
    stamp = hashlib.sha256(f"{file}\0{file.stat().st_mtime_ns}".encode()).hexdigest()[:12]
    name = f"_stabcheck_{file.stem}_{stamp}"
    if name in sys.modules:
        return sys.modules[name]
    _on_path(file.parent, first=False)
    try:
        return _imported(spec, f"Run `python {file.name}` to see it fail.", _execute, name, file)
    except TargetError:
        sys.modules.pop(name, None)
        raise


def _imported(spec: str, advice: str, load: Callable[..., ModuleType], *args: Any) -> ModuleType:
    """The module that `load` gives, whatever else it does; TargetError names the cause. Only a real Ctrl-C
    passes."""
    failure = f"cannot import target {spec!r}"
    with contained(), watched_ctrl_c() as pressed, lastwords.noted(failure, f"while importing it. {advice}"):
        try:
            module = attempt(load, *args)
        except KeyboardInterrupt as error:
            if pressed():
                raise
            module = Raised(describe(error), error)
    if isinstance(module, Raised):
        raise TargetError(f"{failure}: {module.text}. {advice}") from module.error
    assert isinstance(module, ModuleType)
    return module


def _execute(name: str, file: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, file)
    if spec is None or spec.loader is None:
        raise ImportError(f"{file} is not a Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses and pickling look a module up by name
    spec.loader.exec_module(module)
    return module


def _package(file: Path) -> tuple[Path, str]:
    """The folder above the topmost package, and the dotted name of the file's module."""
    parts = [] if file.stem == "__init__" else [file.stem]
    folder = file.parent
    while (folder / "__init__.py").exists():
        parts.insert(0, folder.name)
        folder = folder.parent
    return folder, ".".join(parts)


def _on_path(folder: Path, *, first: bool) -> None:
    """Make the folder importable from, for as long as the process lives: functions import late too."""
    text: Any = str(folder.resolve())
    if text not in sys.path:
        sys.path.insert(0 if first else len(sys.path), text)
