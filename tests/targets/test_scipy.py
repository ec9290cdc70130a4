"""scipy.special by name, in every format that it supports."""

import pytest

import stabcheck

pytest.importorskip("scipy")

FORMATS = ("float64", "float32", "bfloat16", "float16")


@pytest.mark.parametrize("name", ["softmax", "log_softmax", "logsumexp", "expit", "log_expit"])
def test_all_formats_of_a_function_by_its_name(name):
    """The op is told by the name; short rows are stable in every format."""
    report = stabcheck.check(f"scipy.special:{name}", dtypes=FORMATS, max_examples=25, max_classes=16)
    assert report.ok, str(report)
    assert list(FORMATS) == [cell.dtype for cell in report.judged_cells]


@pytest.mark.slow
def test_the_sum_of_65520_equal_exponentials_is_infinite_in_float16():
    """The whole row of softmax is 0 where every entry is 256 subnormal steps; log_softmax is -inf."""
    how = {"dtypes": "float16", "max_examples": 60, "max_classes": 70_000, "regimes": ["long"]}
    softmax = stabcheck.check("scipy.special:softmax", level="accurate", **how)
    assert {"SC203"} == {finding.code for finding in softmax.findings if finding.asked}
    log_softmax = stabcheck.check("scipy.special:log_softmax", **how)
    assert {"SC102"} == {finding.code for finding in log_softmax.findings if finding.asked}
