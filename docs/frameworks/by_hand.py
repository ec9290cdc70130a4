"""The findings of README.md, each by hand: what the library answers, what is true to 50 digits and more."""

import jax
import jax.numpy as jnp
import ml_dtypes
import mpmath
import numpy as np
import optax
import torch
import torch.nn.functional as F  # noqa: N812
from scipy.special import log_softmax, softmax

jax.config.update("jax_enable_x64", True)
mpmath.mp.prec = 2000  # sums of 1 and e^-700 need a thousand bits
F64, F32 = np.float64, np.float32


def show(what, got, truth):
    error = abs((mpmath.mpf(float(got)) - truth) / truth)
    print(f"{what:62} got {float(got):<24.17g} true {mpmath.nstr(truth, 12):<20} off by {float(error):.2g}")


def autograd(function, *values):
    """The gradient in the first argument by torch."""
    x = torch.from_numpy(np.asarray(values[0])).requires_grad_()
    function(x, *(torch.from_numpy(np.asarray(v)) for v in values[1:])).sum().backward()
    return x.grad.numpy()


def sigmoid(x):
    return 1 / (1 + mpmath.exp(-mpmath.mpf(float(x))))


def bce(x, t):
    x, t = mpmath.mpf(float(x)), mpmath.mpf(float(t))
    return mpmath.log(1 + mpmath.exp(x)) - x * t


x = F64(20.1)
show("torch softplus(20.1), float64", F.softplus(torch.tensor(x)), mpmath.log(1 + mpmath.exp(mpmath.mpf(x))))
show("torch softplus'(20.1), float64", autograd(F.softplus, x), sigmoid(x))

for x in (F32(-2), F32(-20)):
    got = F.binary_cross_entropy_with_logits(torch.tensor(x), torch.tensor(F32(0)))
    show(f"torch bce_with_logits({x}, 0), float32", got, bce(x, 0))
x, t = F32(-89), F32(9e-42)
grad = autograd(lambda a, b: F.binary_cross_entropy_with_logits(a, b, reduction="none"), x, t)
show("torch bce_with_logits'(-89, 9e-42), float32", grad, sigmoid(x) - mpmath.mpf(float(t)))
grad = jax.grad(lambda a: optax.sigmoid_binary_cross_entropy(a, F32(1)))(F32(-7))
show("jax/optax bce_with_logits'(-7, 1), float32", grad, sigmoid(F32(-7)) - 1)
row = jnp.full((1, 2), F32(1e8))
loss = optax.softmax_cross_entropy_with_integer_labels(row, jnp.array([0]))
show("jax/optax cross_entropy([1e8, 1e8], 0), float32", loss[0], mpmath.log(2))

for offset in (F32(0), F32(1000), F32(1e8)):
    row = np.full(2, offset)
    show(f"torch logsumexp'([{offset:g}, {offset:g}]), float32",
         autograd(lambda a: torch.logsumexp(a, -1), row)[0], mpmath.mpf("0.5"))  # fmt: skip

rng = np.random.default_rng(0)
row = -745.5 + rng.random(23)
show("numpy logaddexp.reduce of 23 numbers near -745, float64", np.logaddexp.reduce(row),
     mpmath.log(mpmath.fsum(mpmath.exp(mpmath.mpf(float(a))) for a in row)))  # fmt: skip

x = F32(17)
show("torch sigmoid'(17), float32", autograd(torch.sigmoid, x), sigmoid(x) * sigmoid(-x))
show("jax sigmoid'(17), float32", jax.grad(jax.nn.sigmoid)(x), sigmoid(x) * sigmoid(-x))
x = F32(-8.2478800)
show("jax log_sigmoid'(-8.24788), float32", jax.grad(jax.nn.log_sigmoid)(x), sigmoid(-x))
show("jax softplus'(-8.24788), float32", jax.grad(jax.nn.softplus)(x), sigmoid(x))
x = F32(-60.1)
show("jax softplus'(-60.1), float32", jax.grad(jax.nn.softplus)(x), sigmoid(x))

row = np.zeros(385, dtype=ml_dtypes.bfloat16)
show("scipy softmax of 385 zeros, bfloat16", softmax(row)[0], mpmath.mpf(1) / 385)
show("scipy log_softmax of 657 zeros, bfloat16", log_softmax(np.zeros(657, row.dtype))[0], -mpmath.log(657))
row = np.zeros(65_536, dtype=np.float16)
show("scipy log_softmax of 65536 zeros, float16", log_softmax(row)[0], -mpmath.log(65_536))
for n in (65_000, 65_536):
    row = np.zeros(n, dtype=np.float16)
    show(f"scipy softmax of {n} zeros, float16", softmax(row)[0], mpmath.mpf(1) / n)
    show(f"jax softmax of {n} zeros, float16", jax.nn.softmax(jnp.asarray(row))[0], mpmath.mpf(1) / n)
