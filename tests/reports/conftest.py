"""Sample reports as a run would give them: passing, failing, a catalogue, n/a, undecided, hostile."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np
import pytest

from stabcheck import formats
from stabcheck.findings import Cause, Cell, Counts, Example, Finding, Fix, Grade, Level, Report, Where

META = {
    "stabcheck": "0.1.0",
    "python": "3.11.7",
    "numpy": "2.4.6",
    "mpmath": "1.4.1",
    "hypothesis": "6.170.15",
    "oracle": "balls, then intervals on mpmath",
    "flush-to-zero": "off",
}

HOSTILE = "evil \"file\" 'n|a`me'\nline two\x1b[31m\x00.py:<script>alert(1)</script>"

DTYPES = ("float64", "float32", "bfloat16", "float16")

FIX = Fix(
    title="subtract the maximum",
    formula="exp(x - max(x)) / sum(exp(x - max(x)))",
    snippet="m = x.max(axis=-1, keepdims=True)\ne = np.exp(x - m)\nreturn e / e.sum(axis=-1, keepdims=True)",
    source="Blanchard, Higham & Higham, IMA J. Numer. Anal. 41(4), 2021",
    grade="stable",
    safe_range="finite for max(x) <= 88.72 in float32",
)


def logits(values: list[float], dtype: str) -> Mapping[str, np.ndarray]:
    return {"logits": formats.get(dtype).round_array(np.array(values))}


def profile(form: formats.Format, cliff: float, half: int = 60) -> tuple[tuple[float, float, float], ...]:
    """Points of a naive function: fine up to the cliff, hopeless beyond it."""
    near = 2.0 ** np.linspace(-6, np.log2(8 * form.log_max), half)
    far = 2.0 ** np.linspace(np.log2(8 * form.log_max), form.emax, max(2, half // 8))
    xs = form.widen(form.round_array(np.concatenate([-far[::-1], -near[::-1], near, far])))
    rng = np.random.default_rng(0)
    points = []
    for x in xs:
        ulps = float(rng.uniform(0.1, 1.9))
        points.append((float(x), ulps, ulps / 9) if x < cliff else (float(x), math.inf, math.inf))
    return tuple(points)


def nan_finding(target: str, dtype: str, **changes: object) -> Finding:
    form = formats.get(dtype)
    start = math.ceil(form.log_max * 10) / 10
    minimal = Example(logits([start], dtype), (0,), math.nan, 1.0, regime="cliff: log max")
    worst = Example(logits([form.max / 2, 0.0, -3.5], dtype), (0,), math.nan, 1.0, regime="huge")
    finding = Finding(
        code="SC101", op="softmax", target=target, dtype=dtype, minimal=minimal, worst=worst,
        onset=form.log_max, regimes=("cliff: log max", "huge", "large offset"), share=0.314,
        text="row does not sum to one",
        cause=Cause("overflow", f"exp overflows above {form.log_max:.2f} in {dtype}, then inf / inf"),
    )  # fmt: skip
    return replace(finding, **changes)


def digits_finding(target: str, dtype: str, code: str = "SC201", **changes: object) -> Finding:
    row = np.linspace(-3, 40, 4096).tolist()
    minimal = Example(
        logits([1000.0, 1001.0], dtype), (0,), -1.3125, -1.3132617, 491.25, 24.56, "large offset"
    )
    worst = Example(logits(row, dtype), (17,), -43.25, -43.07, 94288.4, 4714.2, "long row")
    finding = Finding(
        code=code, op="softmax", target=target, dtype=dtype, minimal=minimal, worst=worst, onset=96.04,
        regimes=("large offset", "long row"), share=0.02,
    )  # fmt: skip
    return replace(finding, **changes)


def cell(target: str, dtype: str, *findings: Finding, **changes: object) -> Cell:
    form = formats.get(dtype)
    made = Cell(
        target=target, op="softmax", dtype=dtype, findings=findings, judged=104_321, examples=1000,
        max_ratio=0.83, max_ulps=1.97, p99_ulps=1.2, histogram=(80_000, 20_000, 4_321, 0, 0, 0, 0, 0),
        profile=profile(form, form.log_max if findings else math.inf),
        counts=Counts({"balls64": 100_000, "double-double": 4_300, "intervals": 21}, 512, len(findings)),
        call_form="softmax(logits, axis=-1)",
    )  # fmt: skip
    return replace(made, **changes)


def report(cells: list[Cell], **changes: object) -> Report:
    return replace(Report(tuple(cells), META, Level.STABLE, seed=0, elapsed=1.234), **changes)


@pytest.fixture
def passing() -> Report:
    """A stable softmax in four formats."""
    return report([cell("mypackage.layers:softmax", d) for d in DTYPES])


@pytest.fixture
def failing(tmp_path: object) -> Report:
    """A naive softmax beside one that signals, one with lost digits, a known one and one that is n/a."""
    return failing_report()


def failing_report(file: str = "layers.py", line: int = 4) -> Report:
    naive, quiet, lossy, known = (
        f"{file}:{n}" for n in ("naive_softmax", "softmax", "lossy", "known_softmax")
    )
    where = Where(file, line, "np.exp(x)")
    cells = [
        cell(naive, d, nan_finding(naive, d, where=where, fix=FIX), location=Where(file, 3, ""))
        for d in DTYPES
    ]
    note = nan_finding(quiet, "float32", code="SC501", asked=False, text="overflow on the way", cause=None)
    cells += [cell(quiet, d, *([note] if d == "float32" else [])) for d in DTYPES]
    lost = digits_finding(lossy, "float64", "SC202", asked=False)
    cells += [
        cell(lossy, "float64", lost),
        cell(lossy, "float32", digits_finding(lossy, "float32"), digits_finding(lossy, "float32", "SC103")),
        cell(lossy, "bfloat16", state="n/a", reason="TypeError: ufunc 'exp' not supported for bfloat16"),
        cell(lossy, "float16", undecided=3, notes=("called row by row: the result of a batch differs",)),
        cell(known, "float32", nan_finding(known, "float32", asked=False, known="tracked since 2024")),
    ]
    return report(cells)


@pytest.fixture
def catalogue() -> Report:
    """30 implementations in four formats, planted defects as declared, and two surprises."""
    return catalogue_report()


def catalogue_report() -> Report:
    cells = []
    ops = ("softmax", "log_softmax", "logsumexp", "sigmoid", "log_sigmoid", "softplus")
    kinds = ("naive", "max_shifted", "exp_minus_lse", "max_shifted_float32_sum", "sign_split")
    for op in ops:
        for kind in kinds:
            target = f"stabcheck.implementations.{op}:{kind}"
            for d in DTYPES:
                if kind == "naive":
                    found = [nan_finding(target, d, op=op)]
                    declared = Grade.UNSTABLE
                elif kind == "exp_minus_lse" and d in ("float16", "bfloat16"):
                    found = [digits_finding(target, d, op=op)]
                    declared = Grade.ROBUST
                elif kind == "sign_split" and op == "sigmoid":
                    found = [nan_finding(target, d, op=op, code="SC501", asked=False, text="overflow")]
                    declared = Grade.ACCURATE
                else:
                    found, declared = [], Grade.ACCURATE
                points = profile(formats.get(d), math.inf, half=3)  # short: there are 120 of them
                cells.append(cell(target, d, *found, op=op, declared=declared, profile=points))
    return report(cells)


@pytest.fixture
def surprising() -> Report:
    """A catalogue run in which one implementation is worse and one better than declared."""
    return surprising_report()


def surprising_report() -> Report:
    calm = catalogue_report()
    target = "stabcheck.implementations.softmax:max_shifted"
    cells = list(calm.cells)
    cells[5] = replace(cells[5], findings=(digits_finding(target, cells[5].dtype),))
    cells[0] = replace(cells[0], findings=())
    return replace(calm, cells=tuple(cells))


@pytest.fixture
def nothing() -> Report:
    """Every cell n/a."""
    return report(
        [cell("pkg:f", d, state="n/a", reason="returns a list", judged=0, examples=0) for d in DTYPES]
    )


@pytest.fixture
def interrupted(failing: Report) -> Report:
    return replace(failing, cells=failing.cells[:5], interrupted=True)


@pytest.fixture
def hostile() -> Report:
    """Names, texts and inputs that try to break out of every format."""
    return hostile_report()


def hostile_report() -> Report:
    where = Where(HOSTILE.split(":<")[0], 7, "]]>--><b>")
    fix = replace(FIX, title=HOSTILE, snippet="</script><script>alert(2)</script>\n```\n::error::x")
    bad = nan_finding(
        HOSTILE, "float32", text=HOSTILE, cause=Cause("overflow", HOSTILE), where=where, fix=fix,
        regimes=("a|b\n",),
    )  # fmt: skip
    return report(
        [
            cell(HOSTILE, "float32", bad, notes=(HOSTILE,), location=where),
            cell(HOSTILE, "float16", state="n/a", reason=HOSTILE),
        ],
        notes=(HOSTILE,),
        meta={**META, "command": HOSTILE},
    )


@pytest.fixture
def samples(
    passing: Report, failing: Report, catalogue: Report, surprising: Report, nothing: Report,
    interrupted: Report, hostile: Report,
) -> Callable[[], Mapping[str, Report]]:  # fmt: skip
    """Every sample by name."""
    found = {
        "passing": passing, "failing": failing, "catalogue": catalogue, "surprising": surprising,
        "nothing": nothing, "interrupted": interrupted, "hostile": hostile, "empty": report([]),
    }  # fmt: skip
    return lambda: found
