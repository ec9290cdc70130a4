"""The yardstick: what a user would write by hand. Hypothesis draws arrays, mpmath computes at 200 bits, a
loop compares with a tolerance. Nothing is certified, nothing is minimised beyond what Hypothesis does."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import hypothesis
import mpmath
import numpy as np
import numpy.typing as npt
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from stabcheck import formats

Array = npt.NDArray[Any]

_BITS = 200
#: Errors that the loop forgives, in units of u max(|truth|, 1).
_TOLERANCE = 256


def softmax(x: list[mpmath.mpf]) -> list[mpmath.mpf]:
    e = [mpmath.exp(v) for v in x]
    total = mpmath.fsum(e)
    return [v / total for v in e]


def logsumexp(x: list[mpmath.mpf]) -> list[mpmath.mpf]:
    return [mpmath.log(mpmath.fsum(mpmath.exp(v) for v in x))]


def log_softmax(x: list[mpmath.mpf]) -> list[mpmath.mpf]:
    (lse,) = logsumexp(x)
    return [v - lse for v in x]


def sigmoid(x: list[mpmath.mpf]) -> list[mpmath.mpf]:
    return [1 / (1 + mpmath.exp(-v)) for v in x]


TRUTHS: dict[str, Callable[[list[mpmath.mpf]], list[mpmath.mpf]]] = {
    "softmax": softmax,
    "log_softmax": log_softmax,
    "logsumexp": logsumexp,
    "sigmoid": sigmoid,
}


def logits_per_second(op: str, target: Callable[..., Any], dtype: str, examples: int) -> float:
    """Rows of 2 to 17 logits (9.5 in the mean), as many examples as asked for."""
    fmt = formats.get(dtype)
    width = 64 if dtype == "float64" else 32
    rows = arrays(
        np.float64 if width == 64 else np.float32,
        st.integers(2, 17),
        elements=st.floats(-100, 100, width=width),
    )
    logits = 0

    @hypothesis.settings(
        max_examples=examples,
        database=None,
        deadline=None,
        phases=(hypothesis.Phase.generate,),
        suppress_health_check=list(hypothesis.HealthCheck),
    )
    @hypothesis.given(rows)
    def compare(drawn: Array) -> None:
        nonlocal logits
        x = fmt.round_array(drawn.astype(np.float64))
        logits += x.size
        exact = [mpmath.mpf(float(v)) for v in x]
        if op.startswith("cross_entropy"):
            got = [float(np.squeeze(target(x[None], np.array([x.size - 1]))))]
            (lse,) = logsumexp(exact)
            truth = [lse - exact[-1]]
        else:
            got = np.ravel(np.asarray(target(x[None])).astype(np.float64)).tolist()
            truth = TRUTHS[op](exact)
        wrong = [
            g
            for g, r in zip(got, truth, strict=True)
            if not abs(mpmath.mpf(g) - r) <= _TOLERANCE * fmt.u * max(abs(r), 1)
        ]
        assert len(wrong) <= x.size  # counted, not raised: the loop is timed to its end

    with mpmath.workprec(_BITS), np.errstate(all="ignore"):
        began = time.process_time()
        compare()
        return logits / (time.process_time() - began)
