"""From evidence to findings: shrunk, in company, asked for or not, with broken properties in words."""

import numpy as np
import pytest

import stabcheck


def raises_on_large(x):
    if np.abs(np.nan_to_num(x)).max() > 1000:
        raise ZeroDivisionError("too large for me")
    return np.tanh(x)


def test_an_exception_is_shrunk(check, by_code):
    """To one number just beyond the edge."""
    finding = by_code(check(raises_on_large, "tanh"))["SC401"]
    assert [1001.0] == np.abs(finding.minimal.inputs["x"]).astype(float).tolist()
    assert finding.onset == pytest.approx(1000, rel=1e-6)


@pytest.mark.parametrize("op", ["softmax", "tanh"])
def test_rows_that_are_too_many_at_once(op, targets, check, by_code):
    """The example is as few rows as the target refuses, and can be given again."""

    def few_at_a_time(x):
        if x.ndim > 1 and len(x) > 16:
            raise ValueError("too many")
        return targets["softmax"](x) if op == "softmax" else np.tanh(x)

    finding = by_code(check(few_at_a_time, op, max_examples=300))["SC401"]
    assert "ValueError: too many (on 17 rows together; not on each half)" == finding.text
    assert 17 == finding.minimal.inputs["x"].shape[0]
    assert finding.minimal.got is None
    again = check(few_at_a_time, op, max_examples=1, examples=[finding.minimal.inputs])
    assert "SC401" in by_code(again)


def test_rows_that_meet_badly(check, by_code, targets):
    """No row alone, nor its copies: the block in which they met is the example."""

    def compares(x):
        tops = x.max(axis=-1)
        if tops.max(initial=-np.inf) - tops.min(initial=np.inf) > 1000:
            raise ValueError("too far apart")
        return targets["softmax"](x)

    finding = by_code(check(compares, range=(-2000, 2000)))["SC401"]
    assert "together" in finding.text
    with pytest.raises(ValueError, match="too far apart"):
        compares(finding.minimal.inputs["x"])


def test_a_call_that_raises_now_and_then(check, by_code, targets):
    """By its number and not by its input: found, and no number of an answer is shown."""
    calls = iter(range(100_000))

    def third(x):
        if next(calls) % 3 == 2:
            raise ValueError("third")
        return targets["softmax"](x)

    finding = by_code(check(third))["SC401"]
    assert "ValueError: third" in finding.text
    assert finding.minimal.got is None


def test_rows_that_raise_come_before_batches_that_do(check, by_code, targets):
    """A row is the smaller example; the size of a batch does not hide which one is guilty."""

    def both(x):
        if len(x) > 16 or np.nanmax(x, initial=0) > 1000:
            raise ValueError("too many or too large")
        return targets["softmax"](x)

    finding = by_code(check(both, range=(-2000, 2000)))["SC401"]
    assert [1001.0] == finding.minimal.inputs["x"].astype(float).tolist()


def test_neighbours_that_spoil_a_row_are_sc304(targets, check, by_code):
    """The batch's maximum is no row's: the finding shows the row and the neighbour that spoils it."""
    findings = by_code(check(targets["batch_softmax"], max_examples=200))
    assert "SC304" in findings
    example = findings["SC304"].minimal
    assert "because of its neighbours" in findings["SC304"].text
    assert (2, 0) == (example.inputs["x"].shape[0], example.index[0])
    alone = stabcheck.check(targets["batch_softmax"], "softmax", dtypes="float32", name="t", max_examples=1,
                            examples=[example.inputs["x"][0]], regimes=["single"])  # fmt: skip
    assert not alone.findings


def test_what_is_asked_decides_what_fails(check):
    """By level, by select and ignore; the grade does not depend on it."""

    def rough(x):
        return np.tanh(x) * x.dtype.type(1 + 1e-4)

    asked = {
        "default": check(rough, "tanh"),
        "robust": check(rough, "tanh", level="robust"),
        "ignored": check(rough, "tanh", ignore=["SC2"]),
        "selected": check(rough, "tanh", select=["nan"]),
    }
    assert {"default": False, "robust": True, "ignored": True, "selected": True} == {
        k: r.ok for k, r in asked.items()
    }
    assert {"robust"} == {str(r.grade) for r in asked.values()}


def test_broken_properties_are_words_of_the_finding(check, by_code):
    """Rows that do not sum to one, values out of range."""

    def doubled(x):
        e = np.exp(x - x.max(axis=-1, keepdims=True))
        return 2 * e / e.sum(axis=-1, keepdims=True)

    text = by_code(check(doubled))["SC201"].text
    assert "outside [0, 1]" in text
    assert "sums to 2" in text


def test_numbers_by_themselves(check):
    """Code that takes another way for a single number is found there, and the finding says so."""

    def softplus(x):
        if np.ndim(x) == 0:
            return np.log(1 + np.exp(x))
        return np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x)))

    found = check(softplus, "softplus").findings[0]
    assert ("SC102", [89]) == (found.code, found.minimal.inputs["x"].tolist())
    assert "only as 0-d arrays" in found.text
    assert check(lambda x: softplus(np.atleast_1d(x)).reshape(np.shape(x)), "softplus").ok
