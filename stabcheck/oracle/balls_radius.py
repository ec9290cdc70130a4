"""Radii, rounded upward without changing rounding modes.

A radius is a Python float or an array that broadcasts against the midpoints; the float 0.0 means "none"
and costs nothing. A ball splits its radius in two, |r - mid| <= rel |head| + abs, because the errors of
exp, products and quotients are relative: a whole array of them shares one float `rel`.

Why the inflations suffice. With u = 2^-53 a float64 operation on numbers >= 0 loses at most the factor
1 - u, plus 2^-1075 where a product underflows. UP = 1 + 2^-50 = 1 + 8u, its own multiplication included,
outweighs six roundings: (1 - u)^7 (1 + 8u) > 1. FLOOR outweighs the underflow of any product; it is a
normal number because multiplying subnormal ones costs a hundred cycles each.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Radius = float | Floats

#: Unit roundoff of float64.
U = 2.0**-53
#: One inflation, worth six roundings.
UP = 1.0 + 2.0**-50
#: Smallest subnormal.
ETA = 2.0**-1074
#: Added wherever a product of radii may underflow.
FLOOR = 2.0**-1000
#: Absolute radii that cover the underflow of float64 balls; alike for all elements of an array.
NEGLIGIBLE = 2.0**-900
#: Largest relative radius; beyond it the radius is kept as an absolute one.
REL_MAX = 0.25


def outward(middle: Floats, radius: Radius) -> tuple[Floats, Floats]:
    """Bounds of middle - radius and middle + radius, the middle itself where the radius is 0.

    Each sum is off by at most half an ulp; |x| 2^-52 is at least one ulp of a normal x, and ETA is one of a
    subnormal x. (A fraction of the cost of `nextafter`.)
    """
    inexact = np.asarray(radius) > 0
    lower, upper = middle - radius, middle + radius
    np.subtract(lower, np.abs(lower) * 2.0**-52 + ETA, out=lower, where=inexact)
    np.add(upper, np.abs(upper) * 2.0**-52 + ETA, out=upper, where=inexact)
    return lower, upper


def spread(rel: float, magnitudes: Floats) -> Floats:
    """rel * magnitude, rounded upward, and 0 where the magnitude is 0.

    The product underflows by at most ETA / 2, and the sum below is exact where it is subnormal.
    """
    return np.asarray((magnitudes * rel + np.minimum(magnitudes, ETA)) * UP)


def none(r: Radius) -> bool:
    """Whether this is the float 0.0: no radius at all."""
    return isinstance(r, float) and r == 0.0


def plus(*terms: Radius) -> Radius:
    """The sum of at most five radii, rounded upward."""
    total: Radius = 0.0
    count = 0
    for term in terms:
        if not none(term):
            total = term if count == 0 else total + term
            count += 1
    return total * UP if count > 1 else total


def times(r: Radius, magnitude: Radius) -> Radius:
    """r |magnitude|, rounded upward as by `spread`; no radius stays no radius, element by element."""
    if none(r) or none(magnitude):
        return 0.0
    if isinstance(r, float):
        return spread(r, magnitude) if isinstance(magnitude, np.ndarray) else (magnitude * r + ETA) * UP
    return (r * magnitude + np.minimum(np.minimum(r, magnitude), ETA)) * UP


def grown(r: Radius, by: float) -> Radius:
    """r (1 + by), rounded upward: r1 + r2 + r1 r2 <= r1 + grown(r2, largest(r1))."""
    return 0.0 if none(r) else r * ((1.0 + by) * UP)


def largest(r: Radius) -> float:
    """The largest entry; NaN if there is a NaN."""
    return r if isinstance(r, float) else float(np.maximum.reduce(r, axis=None, initial=0.0))


def least(r: Radius) -> float:
    """The smallest entry; NaN if there is a NaN."""
    return r if isinstance(r, float) else float(np.minimum.reduce(r, axis=None, initial=math.inf))


def largest_size(numbers: Floats) -> float:
    """The largest magnitude; NaN if there is a NaN, 0 if there are no numbers."""
    return float(np.maximum.reduce(np.abs(numbers), axis=None, initial=0.0))


def smallest_size(numbers: Floats) -> float:
    """The smallest magnitude; NaN if there is a NaN, infinite if there are no numbers."""
    return float(np.minimum.reduce(np.abs(numbers), axis=None, initial=math.inf))


def total(r: Radius, shape: tuple[int, ...], axis: int) -> Radius:
    """Sum along the axis, kept with length 1, rounded upward: any order of n - 1 additions of numbers
    >= 0 loses at most the factor (1 - u)^(n-1) >= 1 - n u, and 1 + 2 n u + 2^-50 outweighs it."""
    n = shape[axis]
    if none(r):
        return 0.0
    up = UP + 2.0 * U * n
    if isinstance(r, float):
        return r * n * up
    if r.ndim == len(shape) and r.shape[axis] == 1:
        return np.asarray(r * n * up)
    if r.ndim == len(shape) and r.shape[axis] == n:
        return np.asarray(np.add.reduce(r, axis=axis, keepdims=True) * up)
    return np.asarray(np.add.reduce(np.broadcast_to(r, shape), axis=axis, keepdims=True) * up)


def peak(r: Radius, shape: tuple[int, ...], axis: int) -> Radius:
    """Maximum along the axis, kept with length 1."""
    if isinstance(r, float):
        return r
    return np.asarray(np.maximum.reduce(np.broadcast_to(r, shape), axis=axis, keepdims=True))


def exp_growth(d: Radius) -> Radius:
    """An upper bound of e^d - 1 for 0 <= d <= 1: e^d - 1 <= d + (e - 2) d^2 <= d + d^2."""
    return 0.0 if none(d) else (d + d * d) * UP


def log_growth(t: Radius) -> Radius:
    """An upper bound of -log(1 - t) for 0 <= t <= 1/2: t + t^2/2 + t^3/3 + ... <= t + t^2."""
    return 0.0 if none(t) else (t + t * t) * UP


def inverse_growth(t: Radius) -> Radius:
    """An upper bound of 1/(1 - t) - 1 = t + t^2/(1 - t) for 0 <= t <= 1/2: t + 2 t^2."""
    return 0.0 if none(t) else (t + 2.0 * t * t) * UP
