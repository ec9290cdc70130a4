"""What can be proved about the truth of a finding: its enclosure, its rounding, the gate it was held to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import mpmath
import numpy as np

from stabcheck import formats, ops
from stabcheck.errors import StabcheckError
from stabcheck.findings import Finding, Level
from stabcheck.formats import Format
from stabcheck.ops.op import Op
from stabcheck.oracle.ladder import Oracle
from stabcheck.oracle.truth import Kind, Truth

#: Digits that are printed of the ends of an enclosure.
DIGITS = 25


@dataclass(frozen=True)
class Proof:
    """The truth of the failing element: low <= r <= high (decimal text, rounded outward), its correct
    rounding to the format and the gate (absolute, decimal text) at the finding's level. `certain` says that
    both ends round to `rounded`."""

    low: str
    high: str
    rounded: float
    gate: str
    certain: bool

    @property
    def middle(self) -> str:
        """The truth to about twenty digits."""
        with mpmath.workdps(DIGITS + 5):
            return str(mpmath.nstr((mpmath.mpf(self.low) + mpmath.mpf(self.high)) / 2, DIGITS - 3))


def options_of(finding: Finding) -> dict[str, Any]:
    """The op's options, parsed from the finding's canonical text."""
    given = dict(pair.split("=", 1) for pair in finding.options.split(",") if pair)
    return ops.get(finding.op).parse_options(given)


def op_of(finding: Finding) -> Op:
    """The op as the finding's options make it."""
    return ops.get(finding.op).under(options_of(finding))


def is_batch(finding: Finding) -> bool:
    """Whether its minimal example is rows in company and not one alone (False for an op unknown here)."""
    try:
        return op_of(finding).is_batch(finding.minimal.inputs)
    except StabcheckError:
        return False


def prove(finding: Finding) -> Proof | None:
    """The proof by intervals for the minimal example; None where the truth is no number (or the op is not
    known here, as with a user's own op in another process)."""
    fmt = formats.get(finding.dtype)
    try:
        oracle = Oracle(op_of(finding), fmt, options_of(finding))
        block = {name: np.asarray(values) for name, values in finding.minimal.inputs.items()}
        index = finding.minimal.index
        if not is_batch(finding):
            block, index = {name: values[None] for name, values in block.items()}, (0, *index)
        truth = oracle.authority(block)
    except (StabcheckError, ValueError, TypeError, KeyError):
        return None
    return _read(truth, index, fmt, finding.level)


def _read(truth: Truth, index: tuple[int, ...], fmt: Format, level: Level | None) -> Proof | None:
    if len(index) != truth.head.ndim or truth.kind[index] != Kind.NUMBER:
        return None
    if not np.isfinite(truth.radius[index]):
        return None
    mp = mpmath.MPContext()
    mp.dps = 60
    unit = int(np.broadcast_to(truth.unit, truth.shape)[index])
    middle = mp.mpf(float(truth.head[index])) + mp.mpf(float(np.broadcast_to(truth.tail, truth.shape)[index]))
    radius = mp.mpf(float(truth.radius[index]))
    low, high = mp.ldexp(middle - radius, unit), mp.ldexp(middle + radius, unit)
    gates = truth.accurate if level == Level.ACCURATE else truth.stable
    exponent = int(np.broadcast_to(gates.exponent, truth.shape)[index])
    gate = mp.ldexp(mp.mpf(float(gates.mantissa[index])), exponent)
    return Proof(
        low=_outward(mp, low, -1),
        high=_outward(mp, high, 1),
        rounded=float(truth.rounded[index]),
        gate=mp.nstr(gate, 6),
        certain=_rounded(mp, low, fmt) == _rounded(mp, high, fmt),
    )


def _outward(mp: Any, value: Any, direction: int) -> str:
    """Decimal text on that side of the value: exact where it is short, else one step of its last digit off,
    because conversion to decimal rounds to nearest."""
    text = str(mp.nstr(value, DIGITS))
    if mp.mpf(text) == value:
        return text
    step = abs(value) * mp.mpf(10) ** (2 - DIGITS)
    return str(mp.nstr(value + direction * step, DIGITS))


def _rounded(mp: Any, value: Any, fmt: Format) -> float:
    sign, mantissa, exponent, _bits = value._mpf_
    return fmt.round_parts(-int(mantissa) if sign else int(mantissa), int(exponent))


def versions(packages: tuple[str, ...] = ("numpy",)) -> Mapping[str, str]:
    """Versions of Python, the packages that are installed, and the platform's kind."""
    import importlib.metadata
    import platform

    found = {"python": platform.python_version()}
    for package in packages:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return {**found, "platform": f"{platform.system()} {platform.machine()}"}
