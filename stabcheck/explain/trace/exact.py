"""Exact arithmetic for the shadow: operation names to functions of mpf numbers.

The shadow is an explanation, not a proof (the oracle proves): generous fixed precision is enough, as long as
1 + tiny keeps its tiny part over the whole range of the format. Where real arithmetic has no answer
(inf - inf, 0 * inf, 0 / 0, log of a negative number) a rule returns NaN and never raises.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import mpmath

from stabcheck.formats import Format

Real = Any  # an mpf of the trace's own context
Rule = Callable[[Any, Sequence[Real]], Real]  # (context, operands) -> value

#: Beyond 2^(this many bits) an argument of exp is infinite for every purpose; mpmath would fill the memory.
_HUGE_EXPONENT = 2048


def context(fmt: Format) -> Any:
    """A context of its own (thread-safe), wide enough for 1 + eta: 400 bits, 1200 for float64."""
    mp = mpmath.MPContext()
    mp.prec = 400 if fmt.bits <= 32 else 1200
    return mp


def _exp(mp: Any, x: Real) -> Real:
    if mp.isinf(x) or mp.isnan(x) or x == 0:
        return mp.exp(x)
    if mp.mag(x) > _HUGE_EXPONENT:
        return mp.inf if x > 0 else mp.zero
    return mp.exp(x)


def _expm1(mp: Any, x: Real) -> Real:
    return mp.expm1(x) if mp.isfinite(x) and abs(x) < 1 else _exp(mp, x) - 1


def _log(mp: Any, x: Real) -> Real:
    if x == 0:
        return mp.ninf
    return mp.log(x) if x > 0 else mp.nan


def _log1p(mp: Any, x: Real) -> Real:
    if x == -1:
        return mp.ninf
    if mp.isinf(x) or not x > -1:
        return mp.inf if x > 0 else mp.nan
    return mp.log1p(x)


def _divide(mp: Any, a: Real, b: Real) -> Real:
    if b == 0:
        return mp.nan if a == 0 or mp.isnan(a) else mp.sign(a) * mp.inf
    return a / b


def _power(mp: Any, a: Real, b: Real) -> Real:
    if b == 0:
        return mp.one
    if mp.isint(b) and abs(b) < 4096:
        return _divide(mp, mp.one, a ** int(-b)) if b < 0 else a ** int(b)
    if a == 0:
        return mp.zero if b > 0 else mp.inf
    return _exp(mp, b * _log(mp, a)) if a > 0 else mp.nan


def _tanh(mp: Any, x: Real) -> Real:
    return mp.sign(x) if mp.isfinite(x) and mp.mag(x) > 64 else mp.tanh(x)


def _sigmoid(mp: Any, x: Real) -> Real:
    if x >= 0:
        return 1 / (1 + _exp(mp, -x))
    e = _exp(mp, x)
    return e / (1 + e)


def _softplus(mp: Any, x: Real) -> Real:
    if mp.isinf(x):
        return x if x > 0 else mp.zero
    return (x if x > 0 else mp.zero) + _log1p(mp, _exp(mp, -abs(x)))


def _logaddexp(mp: Any, a: Real, b: Real) -> Real:
    if a == b and mp.isinf(a):
        return a
    return max(a, b) + _log1p(mp, _exp(mp, -abs(a - b)))


def _larger(mp: Any, a: Real, b: Real) -> Real:
    return mp.nan if mp.isnan(a) or mp.isnan(b) else max(a, b)


def _smaller(mp: Any, a: Real, b: Real) -> Real:
    return mp.nan if mp.isnan(a) or mp.isnan(b) else min(a, b)


def _xlogy(mp: Any, x: Real, y: Real) -> Real:
    return mp.zero if x == 0 and not mp.isnan(y) else x * _log(mp, y)


def _sqrt(mp: Any, x: Real) -> Real:
    return mp.sqrt(x) if x >= 0 else mp.nan


def _rel_entr(mp: Any, x: Real, y: Real) -> Real:
    if x > 0 and y > 0:
        return x * mp.log(x / y)
    return mp.zero if x == 0 and y >= 0 else mp.inf


def _logit(mp: Any, x: Real) -> Real:
    return _log(mp, _divide(mp, x, 1 - x)) if 0 <= x <= 1 else mp.nan


#: Elementwise operations, by the name that NumPy and SciPy give their ufuncs.
RULES: dict[str, Callable[..., Real]] = {
    "add": lambda mp, a, b: a + b,
    "subtract": lambda mp, a, b: a - b,
    "multiply": lambda mp, a, b: a * b,
    "divide": _divide,
    "negative": lambda mp, a: -a,
    "positive": lambda mp, a: a,
    "absolute": lambda mp, a: abs(a),
    "fabs": lambda mp, a: abs(a),
    "sign": lambda mp, a: a if mp.isnan(a) else mp.sign(a),
    "square": lambda mp, a: a * a,
    "reciprocal": lambda mp, a: _divide(mp, mp.one, a),
    "sqrt": _sqrt,
    "power": _power,
    "float_power": _power,
    "exp": _exp,
    "exp2": lambda mp, a: _exp(mp, a * mp.ln2),
    "expm1": _expm1,
    "log": _log,
    "log2": lambda mp, a: _log(mp, a) / mp.ln2,
    "log10": lambda mp, a: _log(mp, a) / mp.ln10,
    "log1p": _log1p,
    "tanh": _tanh,
    "cosh": lambda mp, a: (_exp(mp, a) + _exp(mp, -a)) / 2,
    "sinh": lambda mp, a: mp.sinh(a) if abs(a) < 1 else (_exp(mp, a) - _exp(mp, -a)) / 2,
    "logaddexp": _logaddexp,
    "maximum": _larger,
    "minimum": _smaller,
    "fmax": lambda mp, a, b: b if mp.isnan(a) else a if mp.isnan(b) else max(a, b),
    "fmin": lambda mp, a, b: b if mp.isnan(a) else a if mp.isnan(b) else min(a, b),
    "clip": lambda mp, a, low, high: _smaller(mp, _larger(mp, a, low), high),
    "expit": _sigmoid,
    "silu": lambda mp, a: a * _sigmoid(mp, a) if mp.isfinite(a) else _larger(mp, a, mp.zero),
    "rsqrt": lambda mp, a: _divide(mp, mp.one, _sqrt(mp, a)),
    "log_expit": lambda mp, a: -_softplus(mp, -a),
    "softplus": _softplus,
    "logit": _logit,
    "xlogy": _xlogy,
    "xlog1py": lambda mp, x, y: mp.zero if x == 0 and not mp.isnan(y) else x * _log1p(mp, y),
    "entr": lambda mp, x: -_xlogy(mp, x, x) if x >= 0 else mp.ninf,
    "rel_entr": _rel_entr,
}


def elementwise(name: str) -> Rule | None:
    """The rule of that operation, or None where there is none."""
    function = RULES.get(name)
    return None if function is None else lambda mp, operands: function(mp, *operands)


def first(mp: Any, operands: Sequence[Real]) -> Real:
    """The first operand, unchanged: casts, copies and taken branches."""
    return operands[0]


def summation(counts: Sequence[int]) -> Rule:
    """sum of counts[i] * operands[i]: ties share one operand, so that long rows of ties stay cheap."""

    def rule(mp: Any, operands: Sequence[Real]) -> Real:
        return mp.fsum(v if n == 1 else n * v for n, v in zip(counts, operands, strict=True))

    return rule


def log_sum_exp(counts: Sequence[int]) -> Rule:
    """log of the sum of counts[i] * exp(operands[i])."""

    def rule(mp: Any, operands: Sequence[Real]) -> Real:
        top = fold("maximum")(mp, operands)
        if not mp.isfinite(top):
            return top
        terms = [_exp(mp, v - top) for v in operands]
        return top + mp.log(summation(counts)(mp, terms))

    return rule


def softmax_of(place: int, log: bool) -> Rule:
    """The softmax (or its logarithm) of the operand at that place among all operands."""

    def rule(mp: Any, operands: Sequence[Real]) -> Real:
        below = operands[place] - log_sum_exp([1] * len(operands))(mp, operands)
        return below if log else _exp(mp, below)

    return rule


def mean(counts: Sequence[int]) -> Rule:
    total = summation(counts)
    return lambda mp, operands: total(mp, operands) / sum(counts)


def variance(counts: Sequence[int], lost: float, root: bool) -> Rule:
    """Variance with `lost` degrees of freedom, or its square root."""

    def rule(mp: Any, operands: Sequence[Real]) -> Real:
        middle = mean(counts)(mp, operands)
        squares = [(v - middle) ** 2 for v in operands]
        spread = _divide(mp, summation(counts)(mp, squares), mp.mpf(sum(counts) - lost))
        return _sqrt(mp, spread) if root else spread

    return rule


def product(counts: Sequence[int]) -> Rule:
    def rule(mp: Any, operands: Sequence[Real]) -> Real:
        result = mp.one
        for n, v in zip(counts, operands, strict=True):
            result *= v**n
        return result

    return rule


def fold(name: str) -> Rule:
    """Repeated use of a binary operation that does not care about repetition or order."""
    binary = RULES[name]

    def rule(mp: Any, operands: Sequence[Real]) -> Real:
        result = operands[0]
        for v in operands[1:]:
            result = binary(mp, result, v)
        return result

    return rule


def inner_product(length: int) -> Rule:
    """sum of operands[i] * operands[length + i]."""
    return lambda mp, v: mp.fsum(v[i] * v[length + i] for i in range(length))


# -- measuring ------------------------------------------------------------------------------------


def ulp_exponent(mp: Any, value: Real, fmt: Format) -> int:
    """k with ulp(value) = 2^k; the top binade's for what lies beyond the format."""
    if value == 0 or not mp.isfinite(value):
        return fmt.etamin
    return int(min(max(mp.mag(value) - fmt.precision, fmt.etamin), fmt.emax - fmt.precision + 1))


def ulps(mp: Any, got: Real, truth: Real, fmt: Format) -> float:
    """|got - truth| in ulps of the truth; 0 for equal infinities or NaNs, infinite across categories.

    An infinity that the truth rounds to is no error.
    """
    if mp.isnan(got) or mp.isnan(truth):
        return 0.0 if mp.isnan(got) and mp.isnan(truth) else float("inf")
    if got == truth:
        return 0.0
    if mp.isinf(got):
        return 0.0 if (got > 0) == (truth > 0) and rounded(mp, truth, fmt) == got else float("inf")
    if mp.isinf(truth):
        return float("inf")
    difference = abs(got - truth)
    k = ulp_exponent(mp, truth, fmt)
    if mp.mag(difference) - k > 1000:
        return 1e300
    return float(mp.ldexp(difference, -k))


def rounded(mp: Any, value: Real, fmt: Format) -> float:
    """The value rounded once to the format."""
    if mp.isnan(value):
        return float("nan")
    if mp.isinf(value) or (value != 0 and mp.mag(value) > fmt.emax + 2):
        return float("inf") if value > 0 else float("-inf")
    if value == 0 or mp.mag(value) < fmt.etamin - 2:
        return 0.0
    sign, mantissa, exponent, _bits = value._mpf_
    return fmt.round_parts(-int(mantissa) if sign else int(mantissa), int(exponent))
