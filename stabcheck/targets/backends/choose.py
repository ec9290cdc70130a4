"""Which array library a target belongs to, judged by where it and what it uses come from.

No framework is imported here unless the target is theirs or the user named it.
"""

from __future__ import annotations

import functools
import importlib
import importlib.util
import inspect
import sys
from collections.abc import Callable, Iterator
from typing import Any

from stabcheck.errors import UsageError, unknown
from stabcheck.targets.backends.base import Backend
from stabcheck.targets.guard import attempt, attribute, kept

#: Framework -> top-level packages that are built on its arrays.
PACKAGES = {
    "torch": frozenset({"torch", "torchvision", "functorch"}),
    "jax": frozenset({"jax", "jaxlib", "optax", "flax", "equinox"}),
}
BACKENDS = ("numpy", *PACKAGES)


def nothing() -> None:
    """What is told to nobody."""


#: Called before a framework is imported: for a process on whose calls somebody waits, as that takes longer.
before_import: Callable[[], None] = nothing


def candidates(function: Callable[..., Any], backend: str, device: str | None) -> list[Backend]:
    """Backends to try, best guess first. `backend` is "auto" or a name; UsageError for any other."""
    if backend != "auto":
        if backend not in BACKENDS:
            raise unknown("backend", backend, ("auto", *BACKENDS))
        return [make(backend, device)]
    own = framework_of(function)
    if own:
        return [make(own, device)]
    used, nearby = _mentioned(function)
    names = [*used, "numpy", *(name for name in nearby if name not in used)]
    return [make(name, device) for name in names]


def make(name: str, device: str | None = None) -> Backend:
    """The backend of that name; UsageError when its library is not installed."""
    if name == "numpy":
        return Backend(device)
    if name not in sys.modules:
        before_import()
    try:
        with kept():
            module = importlib.import_module(f"stabcheck.targets.backends.{name}_arrays")
    except ImportError as error:
        raise UsageError(f"backend {name!r} is not installed here ({error}). Install {name}.") from error
    made: Backend = module.BACKEND(device)
    return made


def framework_of(value: Any) -> str:
    """The framework in which a function, an instance or an array was made; "" for none of them."""
    modules = [attribute(owner, "__module__") for owner in (value, *type(value).__mro__)]
    for module in modules:
        for name, packages in PACKAGES.items():
            if isinstance(module, str) and module.partition(".")[0] in packages:
                return name
    return ""


def compiled(function: Any) -> bool:
    """Whether torch.compile made it: its first calls for a shape or dtype run a compiler for seconds."""
    return attribute(function, "_is_torch_compile") is True or type(function).__name__ == "OptimizedModule"


def imported() -> list[str]:
    """Frameworks that this process has loaded already."""
    return [name for name in PACKAGES if name in sys.modules]


def by_trying(function: Callable[..., Any], device: str | None = None) -> list[Backend]:
    """Backends for a function that names none: `x.exp() / x.exp().sum(-1, keepdim=True)` says only by its
    methods what it wants. All that are installed, whatever this process has loaded, so that the order of
    targets changes nothing; where it calls NumPy, SciPy or math itself only what is loaded, as importing a
    framework takes seconds."""
    names = imported() if _calls_numpy(function) else [n for n in PACKAGES if importlib.util.find_spec(n)]
    made = (attempt(make, name, device) for name in names)
    return [backend for backend in made if isinstance(backend, Backend)]


def _mentioned(function: Callable[..., Any]) -> tuple[list[str], list[str]]:
    """Frameworks that the function's own code uses, and those that only its module knows."""
    used: dict[str, None] = {}
    nearby: dict[str, None] = {}
    for plain in _functions(function):
        names = set(_names(plain.__code__))
        cells = inspect.getclosurevars(plain).nonlocals if plain.__closure__ else {}
        for name in sorted(names):
            root = _framework_module(plain.__globals__.get(name, cells.get(name))) or _package(name)
            if root:
                used[root] = None
        for value in plain.__globals__.values():
            root = _framework_module(value)
            if root:
                nearby[root] = None
    return list(used), list(nearby)


def _calls_numpy(function: Callable[..., Any]) -> bool:
    """Whether the function's own code calls what takes no tensors that record a gradient."""
    for plain in _functions(function):
        for name in _names(plain.__code__):
            value = plain.__globals__.get(name)
            module = value.__name__ if inspect.ismodule(value) else attribute(value, "__module__")
            if isinstance(module, str) and module.partition(".")[0] in ("numpy", "scipy", "math"):
                return True
    return False


def _functions(function: Any) -> Iterator[Any]:
    """The plain Python functions inside a partial, a method, a callable object or a wrapper."""
    seen = 0
    while function is not None and seen < 16:
        seen += 1
        if isinstance(function, functools.partial):
            function = function.func
        elif inspect.ismethod(function):
            function = function.__func__
        elif inspect.isfunction(function):
            yield function
            function = attribute(function, "__wrapped__")
        elif (wrapped := attribute(function, "__wrapped__")) is not None:
            function = wrapped
        elif inspect.isfunction(call := inspect.getattr_static(type(function), "__call__", None)):
            function = call
        else:
            return


def _names(code: Any) -> Iterator[str]:
    """Global and imported names in a code object and those nested in it."""
    yield from code.co_names
    yield from code.co_freevars
    for constant in code.co_consts:
        if inspect.iscode(constant):
            yield from _names(constant)


def _framework_module(value: Any) -> str:
    """The framework of a module or of something imported from one (torch, F, jnp, nn.Module)."""
    module = value.__name__ if inspect.ismodule(value) else attribute(value, "__module__")
    return _package(module) if isinstance(module, str) else ""


def _package(module: str) -> str:
    root = module.partition(".")[0]
    return next((name for name, packages in PACKAGES.items() if root in packages), "")


def forget_compiled() -> None:
    """Give back what JAX keeps of every operation it compiled: half a gigabyte after a few hundred shapes."""
    jax = sys.modules.get("jax")
    if jax is not None:
        jax.clear_caches()
