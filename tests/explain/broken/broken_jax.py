"""Broken targets of JAX. A comment `guilty: NAME KIND` marks the line that `diagnose` must find."""

import jax
import jax.numpy as jnp


def naive_softmax(x):
    e = jnp.exp(x)  # guilty: naive_softmax overflow
    return e / e.sum(axis=-1, keepdims=True)


@jax.jit
def naive_compiled(x):
    weights = jnp.exp(x)  # guilty: naive_compiled overflow
    return weights / jnp.sum(weights)


@jax.jit
def softmax(x):
    weights = jnp.exp(x)  # guilty: softmax overflow
    return weights / jnp.sum(weights)


def log_of_softmax(x):
    return jnp.log(jax.nn.softmax(x))  # guilty: log_of_softmax underflow


def softplus(x):
    return jnp.log(1 + jnp.exp(x))  # guilty: softplus absorption


def offset(x):
    m = x.max(axis=-1, keepdims=True)
    lse = m + jnp.log(jnp.exp(x - m).sum(-1, keepdims=True))  # guilty: offset absorption
    return x - lse


def complement(x):
    s = jax.nn.sigmoid(x)
    return s * (1 - s)  # guilty: complement cancellation


def clipped(x, y):
    p = jnp.clip(jax.nn.softmax(x), 1e-6, 1 - 1e-6)  # guilty: clipped clipping
    return -jnp.log(p[y])


def threshold(x):
    return jnp.where(x > 5, x, jnp.log1p(jnp.exp(x)))  # guilty: threshold threshold


def onehot_times_log(x, y):
    p = jax.nn.softmax(x)
    onehot = jax.nn.one_hot(y, len(x), dtype=x.dtype)
    return -jnp.sum(onehot * jnp.log(p))  # guilty: onehot_times_log zero-times-inf


def product(x):
    e = jnp.exp(x)  # guilty: product overflow
    return jnp.log(jnp.dot(e, jnp.ones_like(e)))
