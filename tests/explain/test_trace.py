"""The NumPy trace: never another result, never an exception, and records that say what happened."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import stabcheck
from stabcheck import formats, ops
from stabcheck.explain.trace import Trace, trace
from stabcheck.implementations import catalogue
from stabcheck.targets.benign import benign_inputs

F32 = formats.get("float32")


def traced(function: Callable[..., Any], *values: Any, dtype: str = "float32") -> Trace:
    fmt = formats.get(dtype)
    names = [f"a{i}" for i in range(len(values))]
    arrays = {n: fmt.round_array(np.asarray(v, dtype=float)) for n, v in zip(names, values, strict=True)}
    return trace(function, arrays, fmt, lambda arguments: function(*arguments.values()))


def written_to(x: Any) -> Any:
    out = np.zeros(x.shape, dtype=x.dtype)
    np.multiply(x, 2, out=out)
    out[0] = x[1]
    out[1:] += x[1:]
    return out


def by_row_views(x: Any) -> Any:
    y = np.stack([x, x + 1])
    for row in y:
        row -= row.max()
        np.exp(row, row)
    return y / y.sum(axis=1, keepdims=True)


def with_floats(x: Any) -> Any:
    values = [float(v) for v in x]
    top = max(values)
    total = sum(math.exp(v - top) for v in values)
    return top + math.log(total)


def with_state(x: Any) -> Any:
    with np.errstate(all="ignore"):
        return np.where(x > 0, np.log(np.maximum(x, 0)), np.nan)


STYLES: list[Callable[..., Any]] = [
    written_to,
    by_row_views,
    with_floats,
    with_state,
    lambda x: x,
    lambda x: x.tolist(),
    lambda x: (x.sum(), x * 2),
    lambda x: {"loss": x.mean(), "grad": x / 3},
    lambda x: None,
    lambda x: np.asarray(x, dtype=np.float64).sum(),
    lambda x: np.array([v * v for v in x]),
    lambda x: np.array(x.tolist(), dtype=x.dtype) + 1,
    lambda x: np.fromiter((v + 1 for v in x), dtype=x.dtype),
    lambda x: x.reshape(-1, 1).T.ravel()[::-1].copy(),
    lambda x: np.concatenate([x, np.zeros(2, x.dtype), x[:1]]),
    lambda x: np.pad(x, 1) + np.roll(np.pad(x, 1), 1),
    lambda x: np.einsum("i,j->ij", x, x) @ x + np.dot(x, x) + np.inner(x, x) + np.vdot(x, x),
    lambda x: np.outer(x, x).diagonal() + np.trace(np.outer(x, x)),
    lambda x: np.linalg.norm(x) + np.var(x) + np.std(x, ddof=1) + np.median(x) + np.ptp(x),
    lambda x: np.average(x, weights=x * x),
    lambda x: np.cumsum(x) + np.cumprod(x) + np.diff(x, prepend=0),
    lambda x: np.sort(x)[np.argsort(x)] + np.take(x, [0, 0, 1]),
    lambda x: np.apply_along_axis(lambda row: row - row.max(), 0, x),
    lambda x: np.vectorize(math.tanh)(x),
    lambda x: np.cosh(x) - np.sinh(x) + math.cosh(x[0]) * math.sinh(x[1]),
    lambda x: np.select([x > 1, x > 0], [x, x * 2], 0),
    lambda x: np.nan_to_num(np.log(x - x[0])),
    lambda x: np.clip(x, 0, 1) + x.clip(-1, 0.5) + np.interp(x, [0, 1], [0, 2]),
    lambda x: x.astype(np.float16).astype(np.float64).astype(x.dtype),
    lambda x: x.view(np.int32) if x.dtype == np.float32 else x,
    lambda x: np.logaddexp.reduce(x) + np.maximum.accumulate(x) + np.subtract.outer(x, x),
    lambda x: np.frexp(x)[0] + np.ldexp(x, 2) + np.modf(x)[1],
    lambda x: np.sum(x, where=x > 0) + np.max(x, initial=0),
    lambda x: f"{x[0]:.3f} {x} {x[0]!r}",
    lambda x: round(x[0], 2) + abs(x[1]) + x[0] ** 2 + divmod(x[1], 2)[1] + int(x[0]),
    lambda x: np.float32(x[0]) + np.float64(x[1]),
    lambda x: np.ma.masked_array(x, x > 1).sum(),
    lambda x: np.polyval([1, 2, 3], x) + np.convolve(x, x)[:3],
    lambda x: np.lib.stride_tricks.sliding_window_view(x, 2).sum(axis=-1),
    lambda x: hash(x[0]) + len(x) + x.argmax() + x.size + bool(x[0] > 0),
    lambda x: x[np.array([True, False, True])] * x[[0, 2]],
    lambda x: np.full(3, x[0]) + np.full_like(x, x[1]) + np.ones_like(x),
    lambda x: np.meshgrid(x, x)[0] + np.tile(x, (3, 1)),
]


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "float64"])
@pytest.mark.parametrize("style", range(len(STYLES)))
def test_result_is_never_another(style: int, dtype: str) -> None:
    """However the target is written, the traced call gives bitwise the untraced result."""
    function = STYLES[style]
    try:
        with np.errstate(all="ignore"):
            function(formats.get(dtype).round_array(np.array([0.5, 2.0, -1.25])))
    except (TypeError, ValueError, AttributeError):
        pytest.skip("NumPy itself cannot do this in the format")
    with np.errstate(all="ignore"):
        found = traced(function, [0.5, 2.0, -1.25], dtype=dtype)
    assert found.faithful, found.notes


@pytest.mark.parametrize("dtype", ["float16", "float64"])
def test_catalogue_is_followed(dtype: str) -> None:
    """Every implementation of the catalogue is traced faithfully, its result followed to the inputs."""
    fmt = formats.get(dtype)
    lost = []
    for implementation in catalogue.all_implementations():
        op = ops.get(implementation.op)
        inputs = {name: values[0] for name, values in benign_inputs(op, fmt).items()}
        order = [a.name for a in op.arguments]

        def call(arguments: Any, function: Any = implementation.function, order: Any = order) -> Any:
            return function(*(arguments[name] for name in order))

        try:
            call(inputs)
        except Exception:
            continue
        found = trace(implementation.function, inputs, fmt, call)
        if not found.faithful or not all(nodes for _, nodes in found.outputs):
            lost.append((implementation.name, found.notes))
    assert lost == []


def test_record_tells_local_from_carried() -> None:
    """x - lse carries a large error; the rounding happened where the maximum was added."""

    def offset(x: Any) -> Any:
        m = x.max()
        lse = m + np.log(np.sum(np.exp(x - m)))
        return x - lse

    found = traced(offset, [10000, 10001])
    last, added = found.records[-1], found.records[-2]
    assert ("subtract", "x - lse") == (last.operation, last.place.source)
    assert last.local == 0
    assert last.carried > 1000
    assert 0 < added.local <= 0.5


def test_labels() -> None:
    """Infinity is born in exp, propagated by the sum, and NaN is born in the division."""

    def naive(x: Any) -> Any:
        e = np.exp(x)
        return e / e.sum()

    found = traced(naive, [0, 89])
    assert ["born", "propagated", "born"] == [record.label for record in found.records]


def test_unknown_operations_are_said_so() -> None:
    """What has no exact rule is recorded as not shadowed, with a note."""
    found = traced(lambda x: np.sinc(x) + np.i0(x) + np.linalg.det(np.outer(x, x)), [0.5, 2.0])
    assert found.faithful
    assert any(not record.shadowed and "goes on from" in record.note for record in found.records)


def test_nothing_stays_patched() -> None:
    """After a trace, also of a target that raises, NumPy and math are what they were."""
    before = (np.asarray, np.zeros, math.exp, dict(globals()))

    def raising(x: Any) -> Any:
        raise ValueError(str(math.exp(x[0])))

    found = traced(raising, [1.0])
    assert isinstance(found.raised, ValueError)
    assert before[:3] == (np.asarray, np.zeros, math.exp)
    assert before[3].keys() == globals().keys()


def test_inputs_are_not_written_to() -> None:
    """A target that works in place gets copies."""
    x = np.float32([1, 2])

    def in_place(x: Any) -> Any:
        x -= 1
        return x

    found = trace(in_place, {"x": x}, F32, lambda a: in_place(a["x"]))
    assert found.faithful
    assert [1, 2] == x.tolist()
    assert found.tape is not None
    assert [place.source for place in found.tape.writes] == ["x -= 1"]


def test_a_different_result_discards_the_trace() -> None:
    """A target that tells the traced array from a plain one is not believed."""
    found = traced(lambda x: x * 2 if type(x) is np.ndarray else x * 3, [1.0])
    assert not found.faithful
    assert "another result" in found.notes[-1]


def test_long_rows_of_ties_are_cheap() -> None:
    """Equal numbers share their nodes."""
    found = traced(lambda x: np.exp(x) / np.exp(x).sum(), [0.0] * 5000)
    assert found.tape is not None
    assert max(len(step.nodes) for step in found.tape.steps) == 1


def test_random_rows_shadow_like_mpmath() -> None:
    """The shadow of a softmax is the softmax: exact values agree with the result to a few ulps."""
    rng = np.random.default_rng(5)
    found = traced(lambda x: np.exp(x - x.max()) / np.exp(x - x.max()).sum(), rng.normal(size=20))
    assert found.records[-1].carried < 4


def test_the_same_text_in_two_files_has_two_places(tmp_path: Any, monkeypatch: Any) -> None:
    """Python holds code of equal text and line to be equal, whatever its file."""
    text = (
        "import numpy as np\n\n\ndef softmax(x):\n    return np.exp(x) / np.exp(x).sum(-1, keepdims=True)\n"
    )
    monkeypatch.chdir(tmp_path)
    for name in ("one.py", "two.py"):
        (tmp_path / name).write_text(text)
        report = stabcheck.check(f"{name}:softmax", dtypes="float32", max_examples=30, max_classes=4)
        where = report.findings[0].where
        assert where is not None
        assert where.file.endswith(name)
