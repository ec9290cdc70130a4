"""`@stabcheck.op`: an op of the user's own from a formula of one line."""

from __future__ import annotations

import functools
import inspect
import math
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from stabcheck.errors import StabcheckError, UsageError
from stabcheck.ops import register
from stabcheck.ops.context import Formula
from stabcheck.ops.op import Argument, Gates, Op, Option

_KINDS = ("logits", "probabilities", "log_probabilities", "index", "targets", "weights", "cotangent", "real")

#: What the numbers of a kind are between, whatever domain is declared.
_BOUNDS = {
    "probabilities": (0.0, 1.0),
    "log_probabilities": (-math.inf, 0.0),
    "targets": (0.0, 1.0),
    "weights": (0.0, math.inf),
}


def op(
    *,
    name: str,
    kind: Literal["row", "elementwise"] = "elementwise",
    arguments: Sequence[str | Argument] | Mapping[str, str] | None = None,
    domain: tuple[float, float] | Mapping[str, tuple[float, float]] = (-math.inf, math.inf),
    output: Literal["row", "number"] = "row",
    invariance: Literal["shift"] | None = None,
    gates: Gates | None = None,
    specials: bool | Callable[..., Mapping[str, npt.NDArray[Any]]] = False,
    options: Sequence[Option] = (),
    fast: Formula | None = None,
    range: tuple[float, float] = (-math.inf, math.inf),
    feeds: Callable[..., npt.NDArray[Any]] | None = None,
) -> Callable[[Formula], Op]:
    """Declare an op around its formula; the same judging, shrinking and reports as the catalogue's.

    The formula takes a context `m` (exact arithmetic: `m.exp`, `m.log`, `m.sum`, `m.where`, ...) and the
    arguments, and returns the value as the textbook writes it:

        @stabcheck.op(name="silu_squared", kind="elementwise")
        def silu_squared(m, x):
            return (x / (1 + m.exp(-x))) ** 2

    kind: "elementwise" (any shape) or "row" (acts on the last axis of C classes; `m.sum` and `m.max` reduce
    it and keep it with length 1). `output="number"` says that a row op gives one number per row.
    arguments: names (default: the formula's own), or name -> kind ("logits", "probabilities", "targets",
    "index", "real", ...). domain: bounds of the finite inputs, for all arguments or by name.
    invariance: "shift" where a common offset changes nothing. gates: your own `Gates`; otherwise from the
    formula's conditioning. specials: True where -inf is a meaningful logit (its limit is judged), or a
    function that names conventions. feeds: the mask of outputs that a NaN among the arguments feeds (default:
    every output of its row). Constants in the formula are exact: a float is the number it holds.

    Errors: UsageError for an unknown kind or a formula without arguments.
    """
    if kind not in ("row", "elementwise"):
        raise UsageError(f"kind={kind!r}: an op of your own is 'row' or 'elementwise'.")

    def declare(formula: Formula) -> Op:
        parameters = list(inspect.signature(formula).parameters)[1:]
        option_names = {o.name for o in options}
        wanted = arguments if arguments is not None else [p for p in parameters if p not in option_names]
        if not wanted:
            raise UsageError(f"op {name!r}: the formula takes no argument; write it as f(m, x).")
        pairs = wanted.items() if isinstance(wanted, Mapping) else ((a, "") for a in wanted)
        made = tuple(
            a if isinstance(a, Argument) else _argument(name, a, k or "logits", kind, domain)
            for a, k in pairs
        )
        declared: dict[str, Any] = {"conventions": specials} if callable(specials) else {}
        return register(
            Op(
                name=name,
                kind=kind,
                arguments=made,
                formula=_explained(name, formula, kind, output),
                fast=None if fast is None else _explained(name, fast, kind, output),
                output=("C",) if kind == "row" and output == "row" else (),
                gates=gates,
                options=tuple(options),
                invariance=invariance,
                range=range,
                masked=bool(specials),
                feeds=feeds,
                text=(inspect.getdoc(formula) or "").split("\n")[0],
                summary=f"{name}, declared with @stabcheck.op",
                **declared,
            )
        )

    return declare


#: What a formula may be made of, for whoever used something else.
_MEANS = (
    "A formula may use + - * /, whole powers, comparisons, m.where instead of `if`, and the functions of m: "
    "exp, log, log1p, expm1, sqrt, tanh, abs, maximum, minimum, xlogy, sum, max."
)


def _explained(name: str, formula: Formula, kind: str, output: str) -> Formula:
    """The formula; what it should not use or return is told as a mistake in it."""

    @functools.wraps(formula)
    def evaluated(m: Any, *args: Any, **kwargs: Any) -> Any:
        try:
            value = formula(m, *args, **kwargs)
        except StabcheckError:
            raise
        except Exception as error:
            said = f"{type(error).__name__}: {error}"
            raise UsageError(f"the formula of op {name!r} raised {said}. {_MEANS}") from error
        mistake = _mistaken(m, args, value, kind, output)
        if mistake:
            raise UsageError(f"the formula of op {name!r} {mistake}")
        return value

    return evaluated


def _mistaken(m: Any, args: Sequence[Any], value: Any, kind: str, output: str) -> str:
    """What is wrong with the result of a formula; "" where nothing is."""
    if value is None or isinstance(value, bool | int | float | Fraction | str | tuple | list | dict):
        return f"returned {value!r:.60}: it must return one value made of its arguments."
    shape = np.broadcast_shapes(*(np.shape(a) if isinstance(a, np.ndarray) else m.shape(a) for a in args))
    found = m.shape(value)
    if found == (shape if kind == "elementwise" or output == "row" else (*shape[:-1], 1)):
        return ""
    if kind == "elementwise":
        return "reduces its arguments to fewer numbers: m.sum and m.max are for kind='row'."
    if output == "row" and found == (*shape[:-1], 1):
        return "returned one number for a row: declare that with output='number'."
    return f"returned shape {found} for arguments of shape {shape}, a row being the last axis."


def _argument(
    op_name: str,
    name: str,
    kind: str,
    op_kind: str,
    domain: tuple[float, float] | Mapping[str, tuple[float, float]],
) -> Argument:
    if kind not in _KINDS:
        raise UsageError(
            f"op {op_name!r}, argument {name!r}: kind {kind!r} is not one of {', '.join(_KINDS)}."
        )
    low, high = domain.get(name, (-math.inf, math.inf)) if isinstance(domain, Mapping) else domain
    least, most = _BOUNDS.get(kind, (-math.inf, math.inf))
    bounds = max(low, least), min(high, most)
    axes = ("C",) if op_kind == "row" and kind != "index" else ()
    return Argument(name, kind, axes, bounds)  # type: ignore[arg-type]
