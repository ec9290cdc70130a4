"""Gradients that go wrong although the value is fine, in functions written by hand for PyTorch and JAX."""

import pytest

import stabcheck


def _codes(report, op):
    return {finding.code for finding in report.findings if finding.op == op}


def softplus_torch(x):
    import torch

    return torch.where(x > 0, x + torch.log1p(torch.exp(-x)), torch.log1p(torch.exp(x)))


def softplus_jax(x):
    import jax.numpy as jnp

    return jnp.where(x > 0, x + jnp.log1p(jnp.exp(-x)), jnp.log1p(jnp.exp(x)))


def log_softmax_torch(x):
    z = x - x.amax(dim=-1, keepdim=True)
    return z - z.exp().sum(dim=-1, keepdim=True).log()


def mean_cross_entropy_torch(logits, targets):
    import torch

    rows = torch.arange(len(targets))
    return -torch.log_softmax(logits, dim=-1)[rows, targets].mean()


@pytest.mark.slow
@pytest.mark.parametrize(("backend", "softplus"), [("torch", softplus_torch), ("jax", softplus_jax)])
def test_overflow_in_an_untaken_branch_is_a_nan_in_the_gradient_alone(backend, softplus):
    """The value is right everywhere; its gradient is 0 * inf where exp overflows in the branch not taken."""
    pytest.importorskip(backend)
    report = stabcheck.check(softplus, "softplus", dtypes="float32", max_examples=9, max_classes=8, grad=True)
    assert set() == {f.code for f in report.findings if f.op == "softplus" and f.asked}
    assert "SC101" in _codes(report, "softplus_grad")
    assert "--op softplus --grad" in str(report)


@pytest.mark.slow
def test_the_sum_in_a_float16_gradient_overflows_over_65536_classes():
    """The sum of 65 536 ones is infinite in float16: value and gradient are lost."""
    pytest.importorskip("torch")
    report = stabcheck.check(
        log_softmax_torch, "log_softmax", dtypes="float16", backend="torch", max_examples=40,
        max_classes=70_000, regimes=["long", "long tail"], grad=True,
    )  # fmt: skip
    assert "SC102" in _codes(report, "log_softmax")
    assert "SC201" in _codes(report, "log_softmax_vjp")


def test_examples_of_the_op_serve_its_gradient_too():
    """An example without a cotangent is judged in the direction of its first class."""
    pytest.importorskip("torch")
    report = stabcheck.check(
        "torch:log_softmax", dtypes="float32", max_examples=1, max_classes=2, examples=[[1.0, 2.0]], grad=True
    )
    assert report.ok
    assert ["judged", "judged"] == [cell.state for cell in report.cells]


def test_the_gradient_of_a_mean_over_the_batch_is_judged_row_by_row():
    """cross_entropy takes a batch, its gradient op a row: the mean is undone, and a good loss is quiet."""
    pytest.importorskip("torch")
    how = {"dtypes": "float32", "max_examples": 20, "max_classes": 8, "grad": True}
    report = stabcheck.check(mean_cross_entropy_torch, "cross_entropy", **how)
    assert ["judged", "judged"] == [cell.state for cell in report.cells]
    assert report.ok


def test_no_verdict_on_a_gradient_that_the_op_does_not_know():
    """Under label smoothing the gradient of cross-entropy is another one: n/a, with the reason."""
    pytest.importorskip("torch")
    report = stabcheck.check(
        "torch.nn.functional:cross_entropy", dtypes="float32", max_examples=5, max_classes=8, grad=True,
        options={"label_smoothing": 0.1},
    )  # fmt: skip
    assert "cross_entropy_grad is not the gradient under label_smoothing=0.1" == report.cells[1].reason
