"""Call forms: in which order, under which names and in which portions a target takes its arguments."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Literal

from stabcheck.errors import UsageError, unknown
from stabcheck.ops.op import Op
from stabcheck.targets.guard import Raised, attempt, attribute

#: A whole block at once, one example at a time, or one number at a time.
Style = Literal["batch", "rows", "elements"]

_AXIS_NAMES = ("axis", "dim")


@dataclass(frozen=True)
class CallForm:
    """How the target is called: the op's arguments in this `order`, the last of them under these `keywords`
    and those before by position, and `settings`: options and kwargs, by name. `axis` is where the classes
    lie in what it is given. A `doubtful` form is a second guess: it is believed when it gives the right
    answer."""

    style: Style
    order: tuple[str, ...]
    keywords: tuple[str, ...] = ()
    settings: Mapping[str, Any] = field(default_factory=dict)
    axis: int = -1
    doubtful: bool = False

    def call(self, function: Callable[..., Any], arrays: Mapping[str, Any]) -> Any:
        """One call with one portion."""
        named = {keyword: arrays[name] for keyword, name in self._named.items()}
        return function(*[arrays[name] for name in self._placed], **named, **self.settings)

    @cached_property
    def _placed(self) -> tuple[str, ...]:
        return self.order[: len(self.order) - len(self.keywords)]

    @cached_property
    def _named(self) -> dict[str, str]:
        return dict(zip(self.keywords, self.order[len(self._placed) :], strict=True))

    def text(self, function: str, op: Op) -> str:
        """One line for the report: `softmax(x, axis=-1)  on batches (rows, classes)`."""
        named = (f"{keyword}={name}" for keyword, name in self._named.items())
        given = [*self._placed, *named, *(f"{key}={value!r:.40}" for key, value in self.settings.items())]
        return f"{function}({', '.join(given)})  {self.portion(op)}"

    def portion(self, op: Op) -> str:
        if op.kind in ("reducing", "layer"):
            return "one example at a time"
        if self.style == "rows":
            return "one row at a time" if op.kind == "row" else "one vector at a time"
        if self.style == "elements":
            return "one number at a time"
        return "on batches (rows, classes)" if op.kind == "row" else "on arrays"


@dataclass(frozen=True)
class Signature:
    """What a target's signature says: `names` may be passed by name, `keywords` must be; `known` is False
    where Python cannot see one (ufuncs, functions written in C)."""

    names: frozenset[str] = frozenset()
    known: bool = False
    keywords: tuple[str, ...] = ()

    @property
    def has_axis(self) -> bool:
        return any(name in self.names for name in _AXIS_NAMES)


def signature_of(function: Callable[..., Any]) -> Signature:
    """The signature; of `forward` for a module of torch, whose `__call__` takes anything."""
    signature = attempt(inspect.signature, function)
    forward = attribute(type(function), "forward")
    if forward is not None and (isinstance(signature, Raised) or _takes_anything(signature)):
        signature = attempt(inspect.signature, attribute(function, "forward"))
    if isinstance(signature, Raised):
        return Signature()
    parameters = signature.parameters
    named = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    names = frozenset(name for name, p in parameters.items() if p.kind in named)
    # What a partial has fixed by name was its author's choice: it is not passed a second time.
    while isinstance(function, functools.partial):
        names -= function.keywords.keys()
        function = function.func
    keywords = (n for n, p in parameters.items() if p.kind == p.KEYWORD_ONLY and p.default is p.empty)
    return Signature(names, True, tuple(n for n in keywords if n in names))


def _takes_anything(signature: inspect.Signature) -> bool:
    anything = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    return all(p.kind in anything for p in signature.parameters.values())


def call_forms(
    op: Op,
    signature: Signature,
    options: Mapping[str, Any],
    arguments: tuple[str, ...] | None,
    kwargs: Mapping[str, Any] | None,
) -> Iterator[CallForm]:
    """Forms worth trying, most natural first, all in style "batch"; `styled` makes the others.

    UsageError where `arguments` does not name the op's arguments.
    """
    names = tuple(argument.name for argument in op.arguments)
    for settings, doubtful in _settings(op, signature, options, dict(kwargs or {})):
        axis = _class_axis(settings, options)
        if arguments is not None:
            order = _checked(arguments, names, op)
            keywords = _keywords(signature, settings, order)
            yield CallForm("batch", order, keywords, settings, axis, doubtful)
            continue
        keywords = _keywords(signature, settings, names)
        if set(keywords) <= set(names):  # the op's own names say which is which
            names = (*(name for name in names if name not in keywords), *keywords)
        yield CallForm("batch", names, keywords, settings, axis, doubtful)
        if len(names) > 1 and signature.names.issuperset(names):
            yield CallForm("batch", names, names, settings, axis, doubtful)
        if len(names) == 2:
            yield CallForm("batch", names[::-1], keywords, settings, axis, True)


def _keywords(signature: Signature, settings: Mapping[str, Any], order: tuple[str, ...]) -> tuple[str, ...]:
    """The names under which the last of the op's arguments must be passed: f(*, values)."""
    needed = tuple(name for name in signature.keywords if name not in settings)
    return needed if len(needed) <= len(order) else ()


def _checked(arguments: tuple[str, ...], names: tuple[str, ...], op: Op) -> tuple[str, ...]:
    for name in arguments:
        if name not in names:
            raise unknown(f"argument of {op.name}", name, names)
    if sorted(arguments) != sorted(names):
        raise UsageError(
            f"arguments={','.join(arguments)} of {op.name}: "
            f"each of {', '.join(names)} is needed exactly once."
        )
    return tuple(arguments)


def _settings(
    op: Op, signature: Signature, options: Mapping[str, Any], kwargs: dict[str, Any]
) -> Iterator[tuple[dict[str, Any], bool]]:
    """Options that the signature names, the axis, then the target's own kwargs (which win); and whether
    that is only a guess."""
    passed = {k: value for k, value in options.items() if k in signature.names and value is not None}
    if op.kind == "elementwise":
        yield {**passed, **kwargs}, False
        if passed:
            yield kwargs, True
        return
    wanted = options.get("axis", -1)
    axis = next((name for name in _AXIS_NAMES if name in signature.names), None)
    if axis is not None:
        yield {**passed, axis: wanted, **kwargs}, False
    else:
        yield {**passed, **kwargs}, False
    if not signature.known:
        for name in _AXIS_NAMES:
            yield {name: wanted, **kwargs}, False
    if passed or axis is not None:
        # A jitted function cannot take them (they would be traced); its own defaults may be meant.
        yield kwargs, True


def _class_axis(settings: Mapping[str, Any], options: Mapping[str, Any]) -> int:
    """Where the classes lie: where the op's option `axis` says, if the target is told about it."""
    named = any(name in settings for name in _AXIS_NAMES)
    return int(options.get("axis", -1)) if named else -1


def styled(form: CallForm, style: Style) -> CallForm:
    """The same call with other portions."""
    return replace(form, style=style)
