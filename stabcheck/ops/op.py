"""The record of an op: WHAT is to be computed, declared once; everything generic picks it up."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from stabcheck.errors import UsageError, unknown
from stabcheck.findings.codes import Level
from stabcheck.formats import Format
from stabcheck.ops.context import Context, Formula, Value

Array = npt.NDArray[Any]
Kind = Literal["row", "elementwise", "reducing", "layer"]
ArgumentKind = Literal[
    "logits", "probabilities", "log_probabilities", "index", "targets", "weights", "cotangent", "real"
]


@dataclass(frozen=True)
class Argument:
    """One argument of an op.

    `axes` names its axes within one example: ("C",) a row of C classes, () one number (or, in an
    elementwise op, any shape), ("N", "C") a batch of a reducing op. Axes of the same name agree.
    `domain` bounds its finite values; `kind` tells the regimes what to draw.
    """

    name: str
    kind: ArgumentKind = "logits"
    axes: tuple[str, ...] = ("C",)
    domain: tuple[float, float] = (-math.inf, math.inf)

    @property
    def integer(self) -> bool:
        return self.kind == "index"


@dataclass(frozen=True)
class Option:
    """A typed option of an op, such as reduction=mean. `choices` empty means any value of the type."""

    name: str
    type: type
    default: Any
    choices: tuple[Any, ...] = ()
    meaning: str = ""

    def parse(self, text: Any, op: str) -> Any:
        """The value given as text or as a Python value; UsageError says what is right."""
        try:
            if self.type is bool and isinstance(text, str):
                value: Any = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}[
                    text.lower()
                ]
            else:
                value = self.type(text)
        except (TypeError, ValueError, KeyError):
            raise UsageError(
                f"option {self.name}={text!r} of {op}: expected {self.type.__name__}"
                f"{' (' + ', '.join(map(str, self.choices)) + ')' if self.choices else ''}."
            ) from None
        if self.choices and value not in self.choices:
            raise unknown(f"value for option {self.name} of {op}", text, map(str, self.choices))
        return value


#: Where the classes lie in what the target is given; formulas always find them on the last axis.
AXIS = Option("axis", int, -1, meaning="where the classes lie in the target's argument")


def that_matter(options: Mapping[str, Any]) -> dict[str, Any]:
    """The options that change the truth: where a target looks for its classes does not."""
    return {name: value for name, value in options.items() if name != AXIS.name}


@dataclass(frozen=True)
class GateConstants:
    """The constants that gates share (theory: Blanchard, Higham, Higham, IMA J. Numer. Anal. 2021).

    C covers libm and the terms of a sum; A scales the accurate gate; s(n) is the growth of a sum.
    """

    format: Format
    C: float = 4.0

    @property
    def u(self) -> float:
        return self.format.u

    @property
    def A(self) -> float:
        return 16.0 if self.format.precision <= 8 else 8.0

    def s(self, n: int) -> float:
        """Summation: plain loops pass where their bound n u means something; stalled sums do not."""
        return float(n) if n <= 32 or n * self.u <= 2.0**-6 else 4.0 * math.log2(n) + 12.0


@dataclass(frozen=True)
class Gates:
    """The largest error an op forgives at one output element.

    `stable(k, c, y, *arguments, **options)` is the stable gate in units of u (a value of k, or a number where
    it is the same everywhere), c the `GateConstants` and y the truth; with `relative` it is multiplied by |y|
    and u * gate is capped at one half.
    `underflow`, in units of eta, is added once (a number, or a function like `stable`).
    `conditioning(k, y, *arguments, **options)` is sum_j |dr/dx_j . x_j| (x_j - x_max for shift-invariant
    ops), from which the accurate gate is made. `bounded(k, c, y, *arguments, **options)` stands in its place
    where errors of the format are too large for a first derivative: it knows u. `slack` is the relative
    uncertainty of these functions in float64 (errors of exp(x - m) in p: 745 u; the rest less); it grows
    where what they depend on cancels.
    """

    stable: Formula
    conditioning: Formula | None = None
    relative: bool = False
    underflow: float | Formula = 2.0
    bounded: Formula | None = None
    slack: float = 1e-9


def _no_convention(*_arguments: Array, **_options: Any) -> Mapping[str, npt.NDArray[np.bool_]]:
    return {}


@dataclass(frozen=True)
class Op:
    """A mathematical function with everything needed to test an implementation of it.

    `formula(k, *arguments, **options)` is the textbook's text; `fast` an algebraically equal one that
    loses few digits, for the first rungs of the oracle. `output` names the axes of one example's result:
    ("C",) like a row, () one number per row or per call; elementwise ops keep the shape.
    `conventions(*arguments, **options)` maps the name of a convention to the mask of examples on which
    nothing is judged because the answer is a matter of taste. `empty` says that a row without a class has
    an answer. `invariance` is "shift" where adding a constant to a row changes nothing.
    `feeds(*arguments, **options)` is the mask of outputs that a NaN among these arguments feeds; by default
    it feeds every output of its example (of an elementwise op: its own). `adapt(op, options)` gives the op
    that options stand for where they change its arguments or the shape of its result (see `under`).
    """

    name: str
    kind: Kind
    arguments: tuple[Argument, ...]
    formula: Formula
    output: tuple[str, ...] = ("C",)
    fast: Formula | None = None
    gates: Gates | None = None
    options: tuple[Option, ...] = ()
    invariance: Literal["shift"] | None = None
    range: tuple[float, float] = (-math.inf, math.inf)
    sums_to_one: bool = False
    monotone: Literal["increasing", "decreasing"] | None = None
    masked: bool = True
    empty: bool = False
    conventions: Callable[..., Mapping[str, npt.NDArray[np.bool_]]] = _no_convention
    feeds: Callable[..., npt.NDArray[np.bool_]] | None = None
    adapt: Callable[[Op, Mapping[str, Any]], Op] | None = None
    regimes: tuple[Any, ...] = ()
    gradient: str = ""
    text: str = ""
    summary: str = ""
    gate_factor: float = 1.0
    judged_levels: tuple[Level, ...] = field(default=(Level.ROBUST, Level.STABLE, Level.ACCURATE))

    def parse_options(self, given: Mapping[str, Any] | None) -> dict[str, Any]:
        """Every option of the op with its value: defaults, overridden by what is given."""
        known = {option.name: option for option in self.options}
        values = {option.name: option.default for option in self.options}
        for name, text in (given or {}).items():
            if name not in known:
                if not known:
                    raise UsageError(f"op {self.name} takes no options, got {name}={text!r}.")
                raise unknown(f"option of {self.name}", name, known)
            values[name] = known[name].parse(text, self.name)
        return values

    def canonical(self, options: Mapping[str, Any]) -> str:
        """The options that differ from their defaults, sorted: part of a finding's identity."""
        defaults = {option.name: option.default for option in self.options}
        return ",".join(f"{k}={v}" for k, v in sorted(options.items()) if v != defaults.get(k))

    def under(self, options: Mapping[str, Any]) -> Op:
        """The op as these options make it: soft targets for class indices, a loss per row or one in all."""
        return self if self.adapt is None else self.adapt(self, options)

    @cached_property
    def rank(self) -> int:
        """Number of axes of the largest argument of one example."""
        return max(len(argument.axes) for argument in self.arguments)

    def evaluate(
        self, k: Context, inputs: Mapping[str, Array], options: Mapping[str, Any], fast: bool = False
    ) -> Value:
        """The formula (or its fast form) on context k, for a block of examples (first axis).

        `inputs` are float64 (class indices int64). The value has the rank of the block: a result per row
        keeps its last axis with length 1 (`squeeze` takes it away from arrays).
        """
        text = self.fast if fast and self.fast is not None else self.formula
        return text(k, *self.lift(k, inputs), **that_matter(options))

    def lift(self, k: Context, inputs: Mapping[str, Array]) -> list[Value]:
        """The arguments as values of k, padded with trailing axes of length 1 to equal rank.

        So that a number per row meets the row it belongs to; class indices stay integer arrays.
        """
        return [self._lifted(k, argument, inputs[argument.name]) for argument in self.arguments]

    def _lifted(self, k: Context, argument: Argument, values: Array) -> Value:
        padded = values.reshape(values.shape + (1,) * (self.rank - len(argument.axes)))
        return padded if argument.integer else k.array(np.asarray(padded, dtype=np.float64))

    def squeeze(self, result: Array) -> Array:
        """Undo the padding: the last `rank - len(output)` axes, all of length 1, go."""
        extra = self.rank - len(self.output) if self.kind != "elementwise" else 0
        return result.reshape(result.shape[: result.ndim - extra])

    def is_batch(self, inputs: Mapping[str, Array]) -> bool:
        """Whether these are many examples, along a first axis of every argument, and not one."""
        one = 1 if self.kind == "elementwise" else 0  # an example of an elementwise op is a vector
        return all(np.ndim(inputs[a.name]) > max(len(a.axes), one) for a in self.arguments)

    def output_shape(self, shapes: Mapping[str, tuple[int, ...]]) -> tuple[int, ...]:
        """Shape of the result for a block with arguments of these shapes (first axis: examples)."""
        if self.kind == "elementwise":
            return np.broadcast_shapes(*shapes.values())
        sizes: dict[str, int] = {}
        for argument in self.arguments:
            sizes.update(zip(argument.axes, shapes[argument.name][1:], strict=True))
        return (shapes[self.arguments[0].name][0], *(sizes[axis] for axis in self.output))
