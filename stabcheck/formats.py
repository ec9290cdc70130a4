"""Floating-point formats: exact rounding, ulps, ordinals, cliffs.

A format is given by its precision p and its exponent range; everything else (largest value, unit
roundoff, the cliffs of exp) is derived from those three numbers. Rounding works on the exact integer
mantissa, once, so that no value is ever rounded twice on its way through a double.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import ml_dtypes
import numpy as np
import numpy.typing as npt

from stabcheck.errors import unknown

Array = npt.NDArray[Any]
Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Format:
    """A binary floating-point format with subnormals, infinities and NaN (IEEE 754 style).

    `precision` counts the bits of the significand with its hidden bit; `emin` and `emax` are the
    exponents of the smallest normal and the largest binade: values are m 2^(e-p+1), 2^(p-1) <= m < 2^p.
    """

    name: str
    precision: int
    emin: int
    emax: int

    # -- constants -------------------------------------------------------------------------------

    @cached_property
    def dtype(self) -> np.dtype[Any]:
        """The NumPy dtype (bfloat16 and float8 come from ml_dtypes; their kind may be 'V')."""
        return np.dtype(getattr(ml_dtypes, self.name, self.name))

    @property
    def bits(self) -> int:
        return self.dtype.itemsize * 8

    @property
    def u(self) -> float:
        """Unit roundoff 2^-p."""
        return math.ldexp(1.0, -self.precision)

    @property
    def narrow(self) -> bool:
        """At most 32 bits: numbers of the format, their products, errors and gates are ordinary float64
        numbers, far from the ends of its range."""
        return self.precision <= 24 and self.emax < 128

    @property
    def max(self) -> float:
        """Largest finite value."""
        return math.ldexp(2.0 - math.ldexp(1.0, 1 - self.precision), self.emax)

    @property
    def tiny(self) -> float:
        """Smallest normal value."""
        return math.ldexp(1.0, self.emin)

    @property
    def etamin(self) -> int:
        """Exponent of the smallest subnormal, which is the smallest ulp."""
        return self.emin - self.precision + 1

    @property
    def eta(self) -> float:
        """Smallest subnormal value."""
        return math.ldexp(1.0, self.etamin)

    @property
    def log_max(self) -> float:
        """log of the largest finite value: exp overflows above this."""
        return self.emax * math.log(2.0) + math.log(2.0 - 2.0 * self.u)

    @property
    def log_tiny(self) -> float:
        """exp is subnormal below this."""
        return self.emin * math.log(2.0)

    @property
    def log_eta(self) -> float:
        """exp of this is the smallest subnormal."""
        return self.etamin * math.log(2.0)

    @property
    def log_zero(self) -> float:
        """exp rounds to zero below this."""
        return (self.etamin - 1) * math.log(2.0)

    @property
    def log_u(self) -> float:
        """-log(u): where 1 + exp(-x) stops growing."""
        return self.precision * math.log(2.0)

    @property
    def cliffs(self) -> Mapping[str, float]:
        """Where exp changes its nature, as logits: name -> x."""
        return {
            "log max": self.log_max,
            "log min normal": self.log_tiny,
            "log min subnormal": self.log_eta,
            "exp to zero": self.log_zero,
            "log u": -self.log_u,
            "-log u": self.log_u,
        }

    # -- rounding --------------------------------------------------------------------------------

    def round_parts(self, mantissa: int, exponent: int) -> float:
        """Round the exact value mantissa * 2^exponent to nearest, ties to even.

        Subnormals and overflow to infinity included. The result is returned as a Python float,
        which holds every value of every format up to float64 exactly.
        """
        if mantissa == 0:
            return 0.0
        sign, magnitude = (-1, -mantissa) if mantissa < 0 else (1, mantissa)
        lowest = self.ulp_exponent(magnitude, exponent)
        shift = lowest - exponent
        if shift <= 0:
            kept = magnitude << -shift
        elif shift > magnitude.bit_length() + 1:  # exp(-1e308) has an exponent no shift could hold
            kept = 0
        else:
            kept, rest = magnitude >> shift, magnitude & ((1 << shift) - 1)
            half = 1 << (shift - 1)
            kept += rest > half or (rest == half and kept & 1 == 1)
        if kept.bit_length() + lowest - 1 > self.emax:
            return sign * math.inf
        return sign * math.ldexp(float(kept), lowest)

    def ulp_exponent(self, mantissa: int, exponent: int) -> int:
        """k with ulp(r) = 2^k, for the real value r = mantissa * 2^exponent (Muller, RR-5504)."""
        if mantissa == 0:
            return self.etamin
        binade = abs(mantissa).bit_length() + exponent - 1
        return max(binade - self.precision + 1, self.etamin)

    def round_array(self, values: npt.ArrayLike) -> Array:
        """Round float64 values to this format, each once, to nearest even; dtype `self.dtype`."""
        exact = np.asarray(values, dtype=np.float64)
        with np.errstate(all="ignore"):
            if self.dtype.isbuiltin == 1:
                return exact.astype(self.dtype)
            size = np.abs(exact)
            usual = (size >= self.tiny) | (size == 0)
            result = np.asarray(self._rounded_normal(np.where(usual, exact, 0.0)).astype(self.dtype))
            if not usual.all():
                result[~usual] = self._rounded_twice(exact[~usual])
            return result

    def _rounded_normal(self, exact: Floats) -> Floats:
        """Zeros, infinities, and numbers no smaller than the smallest normal one with the last bits of the
        fraction rounded away, to nearest even; what then is beyond the range has still to become infinite."""
        surplus = 53 - self.precision
        bits = np.asarray(exact).view(np.int64)
        up = (bits >> surplus) & 1
        up += (1 << (surplus - 1)) - 1
        up += bits
        up &= -1 << surplus
        return up.view(np.float64)

    def _rounded_twice(self, exact: Floats) -> Array:
        """float64 -> float32 -> the format. Rounding the first step to odd (truncate, then set the last bit
        when inexact) keeps what the second step needs to know; a double beyond float32 becomes its largest
        value here and overflows in the second step."""
        single = exact.astype(np.float32)
        away = np.abs(single.astype(np.float64)) > np.abs(exact)
        single = np.where(away, np.nextafter(single, np.float32(0)), single)
        inexact = (single.astype(np.float64) != exact) & np.isfinite(single)
        odd = single.view(np.uint32) | inexact.astype(np.uint32)
        return np.asarray(odd.view(np.float32).astype(self.dtype))

    def holds(self, values: Floats) -> npt.NDArray[np.bool_]:
        """Which float64 values are values of this format."""
        back = self.widen(self.round_array(values))
        return np.asarray((back == values) | (np.isnan(back) & np.isnan(values)))

    @staticmethod
    def widen(values: Array) -> Floats:
        """The same values as float64, exactly."""
        with np.errstate(invalid="ignore"):  # a signalling NaN becomes a quiet one
            return np.asarray(values).astype(np.float64)

    # -- ordinals: the position of a value among all values of the format -------------------------

    def ordinal(self, values: Array) -> Ints:
        """Position on the number line: both zeros are 0, eta is 1, -eta is -1, infinity the last."""
        bits = np.asarray(values, dtype=self.dtype).view(self._bits_dtype).astype(np.int64)
        magnitude = bits & np.int64((1 << (self.bits - 1)) - 1)
        return np.where(bits < 0, -magnitude, magnitude)

    def from_ordinal(self, ordinals: npt.ArrayLike) -> Array:
        """Inverse of `ordinal` (0 gives +0); beyond infinity is clipped to infinity."""
        last = self.max_ordinal + 1
        place = np.clip(np.asarray(ordinals, dtype=np.int64), -last, last)
        sign = np.where(place < 0, np.int64(-1 << (self.bits - 1)), np.int64(0))
        return np.asarray(np.abs(place) | sign).astype(self._bits_dtype).view(self.dtype)

    @property
    def _bits_dtype(self) -> np.dtype[Any]:
        return np.dtype(f"i{self.dtype.itemsize}")

    @cached_property
    def max_ordinal(self) -> int:
        """Ordinal of the largest finite value."""
        return ((self.emax - self.emin + 2) << (self.precision - 1)) - 1

    def neighbour(self, values: Array, steps: npt.ArrayLike) -> Array:
        """The value `steps` places further up (or down) the number line."""
        return self.from_ordinal(self.ordinal(values) + np.asarray(steps, dtype=np.int64))


FORMATS: Mapping[str, Format] = {
    f.name: f
    for f in (
        Format("float64", 53, -1022, 1023),
        Format("float32", 24, -126, 127),
        Format("bfloat16", 8, -126, 127),
        Format("float16", 11, -14, 15),
    )
}

#: Reachable by name, asked for by nobody's default: the float8 kinds that have infinities. (The others,
#: float8_e4m3fn and its kin, overflow to NaN or saturate; the gates have no word for that.)
EXTRA_FORMATS: Mapping[str, Format] = {
    f.name: f for f in (Format("float8_e5m2", 3, -14, 15), Format("float8_e4m3", 4, -6, 7))
}

# "float" is left out on purpose: it is float64 to NumPy and float32 to PyTorch.
_ALIASES = {
    "fp64": "float64",
    "double": "float64",
    "fp32": "float32",
    "single": "float32",
    "bf16": "bfloat16",
    "fp16": "float16",
    "half": "float16",
}


def get(name: str | Format | npt.DTypeLike) -> Format:
    """The format of that name, alias (fp16, half, bf16, ...) or dtype; UsageError for any other."""
    if isinstance(name, Format):
        return name
    text = name if isinstance(name, str) else _dtype_name(name)
    key = _ALIASES.get(text.lower(), text.lower())
    found = FORMATS.get(key) or EXTRA_FORMATS.get(key)
    if found is None:
        raise unknown("dtype", text, [*FORMATS, *EXTRA_FORMATS])
    return found


def _dtype_name(dtype: object) -> str:
    text = str(dtype)
    if dtype is None:  # NumPy would take it for float64
        return text
    if "." in text and not text.startswith("<"):  # torch.float16
        return text.rsplit(".", 1)[1]
    try:
        return np.dtype(dtype).name  # type: ignore[call-overload, no-any-return]
    except TypeError:
        return text
