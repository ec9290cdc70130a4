"""The gradient of the binary cross-entropy of soft targets, in the forms that people merged."""

import numpy as np
import pytest

import stabcheck


def _wide(*arrays):
    return [np.asarray(a).astype(np.promote_types(a.dtype, np.float32)) for a in arrays]


def quotient(x, z):
    """((1 - z) - z e) / (1 + e), e = exp(-x), and the same times exp(x) below zero."""
    dtype = x.dtype
    x, z = _wide(x, z)
    e = np.exp(-np.abs(x))
    return (np.where(x >= 0, (1 - z) - z * e, (1 - z) * e - z) / (1 + e)).astype(dtype)


def two_terms(x, z):
    """(1 - z) s(x) - z s(-x)."""
    dtype = x.dtype
    x, z = _wide(x, z)
    e = np.exp(-np.abs(x))
    large, small = 1 / (1 + e), e / (1 + e)
    up, down = np.where(x >= 0, large, small), np.where(x >= 0, small, large)
    return ((1 - z) * up - z * down).astype(dtype)


def difference(x, z):
    """s(x) - z."""
    dtype = x.dtype
    x, z = _wide(x, z)
    e = np.exp(-np.abs(x))
    return (np.where(x >= 0, 1, e) / (1 + e) - z).astype(dtype)


def naive(x, z):
    """exp(x) / (1 + exp(x)) - z."""
    e = np.exp(x)
    return e / (1 + e) - z


@pytest.mark.quality
@pytest.mark.parametrize("form", [quotient, two_terms, difference])
def test_silent(form):
    """Every form is stable in every format, for several seeds."""
    for seed in range(4):
        report = stabcheck.check(
            form, "bce_with_logits_grad", dtypes=("float64", "float32", "bfloat16", "float16"), seed=seed
        )
        assert report.ok, str(report)


@pytest.mark.quality
def test_found():
    """The overflow of exp is."""
    report = stabcheck.check(naive, "bce_with_logits_grad", max_examples=60)
    assert {"SC101"} == {f.code for f in report.findings if f.level == stabcheck.Level.ROBUST}
