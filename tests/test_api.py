"""`check` and `assert_stable`: arguments, errors with names, reports that print themselves."""

import inspect
import subprocess
import sys

import numpy as np
import pytest

import stabcheck
from stabcheck.errors import TargetError, UsageError
from stabcheck.findings import Grade


def softmax(x):
    e = np.exp(x - x.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def naive_softmax(x):
    e = np.exp(x)
    return e / e.sum(axis=-1, keepdims=True)


QUICK = {"max_examples": 40, "max_classes": 16}


def test_a_report_of_two_formats():
    """float32 and float64 by default, one cell each; the op is told by the target's name."""
    report = stabcheck.check(softmax, **QUICK)
    assert [("softmax", "float32"), ("softmax", "float64")] == [(c.op, c.dtype) for c in report.cells]
    assert (True, ()) == (report.ok, report.asked)
    assert report.grade >= Grade.STABLE
    assert all(c.examples >= 40 and c.judged > 100 and c.max_ratio < 1 for c in report.cells)


def test_one_format_may_be_a_word():
    """dtypes="half" is one format, under its own name."""
    assert ["float16"] == [c.dtype for c in stabcheck.check(softmax, dtypes="half", **QUICK).cells]


def test_findings_have_what_the_contract_says():
    """Code, name, level, target, minimal input with got and expected, id."""
    report = stabcheck.check(naive_softmax, "softmax", dtypes=["float32"], name="naive", **QUICK)
    finding = next(f for f in report.findings if f.code == "SC101")
    assert ("nan", "robust", True, "softmax", "naive", "float32") == (
        finding.name, str(finding.level), finding.asked, finding.op, finding.target, finding.dtype,
    )  # fmt: skip
    assert [89.0] == finding.minimal.inputs["x"].tolist()
    assert (1.0, (0,)) == (finding.minimal.expected, finding.minimal.index)
    assert np.isnan(finding.minimal.got)
    assert 10 == len(finding.id)
    assert Grade.UNSTABLE == report.grade


def test_a_report_prints_its_tables():
    """print(report) shows what the command line would; to_json is plain data."""
    report = stabcheck.check(naive_softmax, "softmax", dtypes="float32", name="naive", **QUICK)
    text = str(report)
    assert all(part in text for part in ("SC101", "naive", "[89]", "Reproduce with:", "FAIL"))
    data = report.to_json()
    assert ("stabcheck.report/1", False, "unstable") == (data["schema"], data["ok"], data["grade"])


def test_assert_stable_returns_the_report_or_raises_with_the_table():
    """UnstableError is an AssertionError."""
    assert stabcheck.assert_stable(softmax, **QUICK).ok
    with pytest.raises(AssertionError) as caught:
        stabcheck.assert_stable(naive_softmax, "softmax", **QUICK)
    assert isinstance(caught.value, stabcheck.UnstableError)
    assert "SC101" in str(caught.value)
    assert "Reproduce with:" in str(caught.value)


def test_assert_stable_asks_for_less_when_told():
    """level="robust" lets lost digits pass."""

    def rough(x):
        return softmax(x) * x.dtype.type(1.001)

    stabcheck.assert_stable(rough, "softmax", level="robust", **QUICK)
    with pytest.raises(stabcheck.UnstableError, match="SC201"):
        stabcheck.assert_stable(rough, "softmax", **QUICK)


def test_nothing_judged_is_no_success():
    """A target that cannot be called with the op's arguments has been asserted of nothing."""

    def picky(x, y, z):
        return x

    with pytest.raises(stabcheck.UnstableError, match="nothing could be checked"):
        stabcheck.assert_stable(picky, "softmax", **QUICK)


@pytest.mark.parametrize(
    ("settings", "value", "near"),
    [
        ({"op": "softmx"}, "softmx", "softmax"),
        ({"dtypes": "float31"}, "float31", "float32"),
        ({"level": "stabel"}, "stabel", "stable"),
        ({"regimes": ["clifs"]}, "clifs", "cliffs"),
        ({"op": "cross_entropy", "options": {"reducton": "mean"}}, "reducton", "reduction"),
        ({"op": "cross_entropy", "options": {"reduction": "men"}}, "men", "mean"),
        ({"max_examples": 0}, "0", "at least 1"),
        ({"range": (3, 1)}, "3", "lower"),
        ({"arguments": ["y"]}, "y", "x"),
    ],
)
def test_errors_name_the_value_and_what_would_be_right(settings, value, near):
    """UsageError, which is a ValueError, before anything is called."""

    def never(x):
        raise AssertionError("called")

    with pytest.raises(ValueError, match=value) as caught:
        stabcheck.check(never, settings.pop("op", "softmax"), **settings)
    assert isinstance(caught.value, UsageError)
    assert near in str(caught.value)


def test_an_op_that_cannot_be_guessed_is_asked_for():
    """With the names there are."""
    with pytest.raises(UsageError, match=r"Give op=.*softmax"):
        stabcheck.check(lambda x: x)


def test_a_target_that_cannot_be_found():
    """TargetError, with the name that was given."""
    with pytest.raises(TargetError, match="no_such_module"):
        stabcheck.check("no_such_module:softmax", "softmax")
    with pytest.raises(TargetError, match="sofmax"):
        stabcheck.check("math:sofmax", "softmax")


def test_targets_by_name():
    """package.module:function, with the same name in the report."""
    report = stabcheck.check("math:tanh", "tanh", dtypes="float64", max_examples=5)
    assert ["math:tanh"] == [c.target for c in report.cells]


def test_examples_need_every_argument():
    """A mapping with the op's arguments, or an array where there is one."""
    with pytest.raises(UsageError, match="targets is missing"):
        stabcheck.check(lambda x, t: x, "cross_entropy", examples=[{"logits": [1.0]}])
    with pytest.raises(UsageError, match="mapping with the keys"):
        stabcheck.check(lambda x, t: x, "cross_entropy", examples=[[1.0]])


def test_a_range_keeps_the_logits_where_the_user_lives():
    """naive softmax is stable for logits within 10."""
    assert stabcheck.check(naive_softmax, "softmax", range=(-10, 10), dtypes="float32", **QUICK).ok


def test_gate_factor_widens_the_gates():
    """A target off by a thousandth passes gates a thousand times as wide."""

    def rough(x):
        return softmax(x) * x.dtype.type(1.001)

    wide = stabcheck.check(rough, "softmax", dtypes="float32", gate_factor=1e4, **QUICK)
    assert not any(f.asked for f in wide.findings)


def test_the_order_of_arguments_and_options_for_the_target():
    """arguments= gives the order; kwargs go to the target alone."""

    def nll(target, logits, scale=2.0):
        picked = np.take_along_axis(logits, target[:, None], axis=-1)
        m = logits.max(axis=-1, keepdims=True)
        loss = np.log(np.exp(logits - m).sum(axis=-1)) - (picked - m)[:, 0]
        return (loss * scale).mean(dtype=logits.dtype)

    settings = {"dtypes": "float64", "arguments": ["targets", "logits"], "specials": "finite", **QUICK}
    scaled, right = (
        stabcheck.check(nll, "cross_entropy", kwargs=k, **settings) for k in ({}, {"scale": 1.0})
    )
    assert "SC201" in {f.code for f in scaled.findings}
    assert not right.asked


def test_the_signature_is_the_contract():
    """Names and defaults of the settings."""
    parameters = inspect.signature(stabcheck.check).parameters
    defaults = {n: p.default for n, p in parameters.items() if p.kind is inspect.Parameter.KEYWORD_ONLY}
    assert {
        "dtypes": ("float32", "float64"), "level": "stable", "options": None, "arguments": None,
        "kwargs": None, "max_examples": None, "max_classes": 4096, "range": None, "specials": "masked",
        "examples": (),
        "regimes": None, "gate_factor": 1.0, "grad": False, "backend": "auto", "rows": None, "isolate": False,
        "signals": "report", "select": None, "ignore": None, "seed": 0, "name": None,
    }.items() <= defaults.items()  # fmt: skip


def test_ctrl_c_is_the_callers(monkeypatch):
    """KeyboardInterrupt in a target ends the check with it."""

    def interrupted(x):
        if np.abs(np.nan_to_num(x)).max() > 1000:
            raise KeyboardInterrupt
        return softmax(x)

    with pytest.raises(KeyboardInterrupt):
        stabcheck.check(interrupted, "softmax", dtypes="float32", **QUICK)


def test_the_callers_random_numbers_go_on_as_if_nothing_had_happened():
    """Also at the first call, when rich is imported, which draws some: so in a process of its own."""
    code = (
        "import random, numpy as np, stabcheck\n"
        "from stabcheck.implementations.softmax import naive\n"
        "random.seed(1); np.random.seed(1)\n"
        "before = random.getstate(), np.random.get_state()[1].tolist()\n"
        "report = stabcheck.check(naive, 'softmax', max_examples=10, max_classes=8)\n"
        "assert 'FAIL' in str(report)\n"
        "assert before == (random.getstate(), np.random.get_state()[1].tolist())\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (0, "") == (done.returncode, done.stderr)


def test_the_other_byte_order_is_no_wider_format():
    """An array whose bytes stand the other way round holds the same numbers: no note."""

    def softmax(x):
        e = np.exp(x - x.max(axis=-1, keepdims=True))
        return (e / e.sum(axis=-1, keepdims=True)).astype(x.dtype.newbyteorder())

    report = stabcheck.check(softmax, max_examples=20, max_classes=8)
    assert report.ok
    assert "SC903" not in str(report)


def test_no_regimes_are_a_usage_error():
    """An empty list asks for nothing."""
    with pytest.raises(UsageError, match="regimes is empty"):
        stabcheck.check(np.tanh, "tanh", regimes=())
