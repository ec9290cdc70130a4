"""What the tests of causes share: truths from the textbook, the marked lines, a finding for a target."""

from __future__ import annotations

import importlib.util
import math
import re
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from mpmath import mp, mpf

from stabcheck import formats
from stabcheck.explain.cause import Diagnosis, diagnose
from stabcheck.findings import Example, Finding

HERE = Path(__file__).parent
MARK = re.compile(r"# guilty: (\w+) ([\w-]+)")
Case = tuple[str, str, str, dict[str, Any], tuple[int, ...]]  # name, op, format, inputs, index


def load(name: str) -> ModuleType:
    """A module of this folder, importable by its siblings under its own name."""
    spec = importlib.util.spec_from_file_location(name, HERE / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def guilty(*modules: str) -> dict[str, tuple[str, int, str]]:
    """name -> (file, line, kind), from the marks in these files."""
    found = {}
    for file in (HERE / f"{module}.py" for module in modules):
        for line, text in enumerate(file.read_text().splitlines(), 1):
            for name, kind in MARK.findall(text):
                found[name] = (str(file), line, kind)
    return found


# -- the truth, straight from the textbook ---------------------------------------------------------


def softmax(x: list[Any]) -> list[Any]:
    known = {v: mp.exp(v) for v in set(x)}
    total = mp.fsum(known[v] for v in x)
    return [known[v] / total for v in x]


def logsumexp(x: list[Any]) -> Any:
    return mp.log(mp.fsum(mp.exp(v) * x.count(v) for v in set(x)))


def sigmoid(v: Any) -> Any:
    return 1 / (1 + mp.exp(-v))


def bce(x: Any, z: Any) -> Any:
    return max(x, 0) - x * z + mp.log1p(mp.exp(-abs(x)))


TRUTH: dict[str, Callable[..., Any]] = {
    "softmax": softmax,
    "log_softmax": lambda x: [v - logsumexp(x) for v in x],
    "logsumexp": logsumexp,
    "sigmoid": lambda x: [sigmoid(v) for v in x],
    "log_sigmoid": lambda x: [-mp.log1p(mp.exp(-v)) for v in x],
    "silu": lambda x: [v * sigmoid(v) for v in x],
    "log1mexp": lambda x: [mp.log(-mp.expm1(-v)) for v in x],
    "binary_cross_entropy": lambda p, t: [
        mpf(0) if v == w else -mp.log(v if w else 1 - v) for v, w in zip(p, t, strict=True)
    ],
    "kl_divergence": lambda p, q: mp.fsum(v * mp.log(v / w) for v, w in zip(p, q, strict=True)),
    "tanh": lambda x: [mp.tanh(v) for v in x],
    "softplus": lambda x: [mp.log1p(mp.exp(v)) for v in x],
    "sigmoid_grad": lambda x: [sigmoid(v) * sigmoid(-v) for v in x],
    "expm1": lambda x: [mp.expm1(v) for v in x],
    "cross_entropy": lambda x, y: logsumexp(x) - x[y],
    "cross_entropy_grad": lambda x, y: [
        -mp.fsum(p for j, p in enumerate(softmax(x)) if j != y) if i == y else v
        for i, v in enumerate(softmax(x))
    ],
    "bce_with_logits": lambda x, z: [bce(v, w) for v, w in zip(x, z, strict=True)],
    "entropy": lambda p: -mp.fsum(v * mp.log(v) for v in p if v),
    "log_prod": lambda p: mp.fsum(mp.log(v) for v in p),
    "rms": lambda x: mp.sqrt(mp.fsum(v * v for v in x) / len(x)),
}


def expectation(op: str, inputs: dict[str, Any], index: tuple[int, ...]) -> mpf:
    with mp.workprec(1500):
        arguments = [
            [mpf(v) for v in a.astype(float).tolist()] if isinstance(a, np.ndarray) and a.ndim == 1 else a
            for a in inputs.values()
        ]
        if isinstance(arguments[0], np.ndarray):
            row = arguments[0].T if arguments[0].shape[0] > 100 else arguments[0]
            first, last = (index[1], index[0]) if arguments[0].shape[0] > 100 else index
            return TRUTH[op]([mpf(v) for v in row[first].astype(float).tolist()])[last]
        truth = TRUTH[op](*arguments)
        return truth[index[0]] if index else truth


def diagnosis(
    target: Callable[..., Any],
    case: Case,
    loaded: Callable[[Any], Any] = lambda value: value,
    dumped: Callable[[Any], Any] = np.asarray,
) -> Diagnosis:
    """Run the target on the case's inputs, make the finding that it deserves, and diagnose it."""
    name, op, dtype, inputs, index = case
    fmt = formats.get(dtype)
    arrays = {
        k: v if isinstance(v, int) else fmt.round_array(np.array(v, dtype=float)) for k, v in inputs.items()
    }

    def call(arguments: Any) -> Any:
        return target(*(v if isinstance(v, int) else loaded(v) for v in arguments.values()))

    truth = expectation(op, arrays, index)
    sign, mantissa, exponent, _bits = truth._mpf_
    expected = fmt.round_parts(-int(mantissa) if sign else int(mantissa), int(exponent))
    code, got = "SC401", None
    with np.errstate(all="ignore"):
        try:
            copies = {k: v.copy() if isinstance(v, np.ndarray) else v for k, v in arrays.items()}
            got = float(dumped(call(copies))[index])
            code = "SC101" if math.isnan(got) else "SC102" if math.isinf(got) else "SC201"
        except OverflowError:
            pass
    assert got != expected
    example = Example(arrays, index, got, expected)
    finding = Finding(code, op, name, dtype, example, example)
    return diagnose(target, arrays, op, fmt, finding, call)
