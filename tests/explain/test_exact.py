"""The exact rules of a trace, where a formula of ours stands for mpmath's function."""

import math

import mpmath
import pytest

from stabcheck import formats
from stabcheck.explain.trace import exact


@pytest.mark.parametrize("name", ["cosh", "sinh", "tanh", "expm1"])
@pytest.mark.parametrize("x", [0.0, 1e-30, -0.5, 0.999, -1.0, 3.0, 710.5, -745.0])
def test_hyperbolic_rules_are_mpmaths(name, x):
    """To 300 bits, near 0 as well; at infinity the limit."""
    mp = exact.context(formats.get("float64"))
    got = exact.RULES[name](mp, mp.mpf(x))
    with mpmath.workprec(1500):
        expected = getattr(mpmath, name)(mpmath.mpf(x))
        assert abs(mpmath.mpf(got) - expected) <= abs(expected) * mpmath.mpf(2) ** -300


@pytest.mark.parametrize(
    ("name", "limits"), [("cosh", (math.inf, math.inf)), ("sinh", (math.inf, -math.inf))]
)
def test_limits_at_infinity(name, limits):
    """And NaN stays NaN."""
    mp = exact.context(formats.get("float32"))
    assert limits == tuple(float(exact.RULES[name](mp, x)) for x in (mp.inf, mp.ninf))
    assert mp.isnan(exact.RULES[name](mp, mp.nan))
