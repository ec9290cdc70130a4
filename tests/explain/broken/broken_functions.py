"""Broken targets in many styles. A comment `guilty: NAME KIND` marks the line that `diagnose` must find."""

import functools
import math
from math import exp as e_to_the
from math import log

import broken_helpers as helpers
import numpy as np
from broken_helpers import normaliser

# -- overflow --------------------------------------------------------------------------------------


def naive_softmax(x):
    e = np.exp(x)  # guilty: naive_softmax overflow
    return e / e.sum()


def naive_other_names(scores):
    numerators = np.exp(scores)  # guilty: naive_other_names overflow
    denominator = np.sum(numerators)
    return np.divide(numerators, denominator)


naive_lambda = lambda x: np.exp(x) / np.exp(x).sum()  # noqa: E731  # guilty: naive_lambda overflow


def naive_in_place(x):
    work = np.array(x)
    np.exp(work, out=work)  # guilty: naive_in_place overflow
    work /= work.sum()
    return work


def naive_loop(x):
    out = np.zeros(len(x), dtype=x.dtype)
    total = x.dtype.type(0)
    for i in range(len(x)):
        out[i] = np.exp(x[i])  # guilty: naive_loop overflow
        total = total + out[i]
    for i in range(len(x)):
        out[i] = out[i] / total
    return out


def naive_through_helper(x):
    e = helpers.powers(x)
    return e / e.sum()


class Softmax:
    def __init__(self, axis=-1):
        self.axis = axis

    def __call__(self, x):
        e = self.weights(x)
        return e / e.sum(axis=self.axis, keepdims=True)

    def weights(self, x):
        return np.exp(x)  # guilty: naive_object overflow

    def method(self, x):
        e = np.exp(x)  # guilty: naive_method overflow
        return e / np.sum(e)


naive_object = Softmax()
naive_method = Softmax().method


def _scaled(x, base):
    return np.power(base, x) / np.power(base, x).sum()  # guilty: naive_partial overflow


naive_partial = functools.partial(_scaled, base=np.float32(np.e))


def naive_power(x):
    e = np.e**x  # guilty: naive_power overflow
    return e / e.sum()


def naive_logsumexp(x):
    return np.log(np.sum(np.exp(x)))  # guilty: naive_logsumexp overflow


def naive_logsumexp_steps(x):
    exponentials = np.exp(x)  # guilty: naive_logsumexp_steps overflow
    total = exponentials.sum()
    return np.log(total)


def naive_logsumexp_reduce(x):
    return np.log(np.add.reduce(np.exp(x)))  # guilty: naive_logsumexp_reduce overflow


def naive_logsumexp_einsum(x):
    e = np.exp(x)  # guilty: naive_logsumexp_einsum overflow
    return np.log(np.einsum("i->", e))


def naive_logsumexp_matmul(x):
    e = np.exp(x)  # guilty: naive_logsumexp_matmul overflow
    return np.log(e @ np.ones_like(e))


def naive_sigmoid(x):
    return 1 / (1 + np.exp(-x))  # guilty: naive_sigmoid overflow


def naive_sigmoid_growing(x):
    e = np.exp(x)  # guilty: naive_sigmoid_growing overflow
    return e / (1 + e)


def naive_tanh(x):
    a, b = np.exp(x), np.exp(-x)  # guilty: naive_tanh overflow
    return (a - b) / (a + b)


def naive_softplus(x):
    return np.log(1 + np.exp(x))  # guilty: naive_softplus overflow


def naive_softplus_base_two(x):
    return np.log2(1 + np.exp(x)) * np.log(2.0)  # guilty: naive_softplus_base_two overflow


def float16_sum(x):
    e = np.exp(x - x.max())
    return e / np.sum(e)  # guilty: float16_sum overflow


def float16_square_mean(x):
    return np.sqrt(np.mean(x * x))  # guilty: float16_square_mean overflow


def math_loop(x):
    total = 0.0
    for v in x:
        total += math.exp(v)  # guilty: math_loop raises
    return np.log(total)


def product_first(x):
    e = np.exp(x)
    return x * e / (1 + e)  # guilty: product_first overflow


def quotient(p, q):
    return np.sum(p * np.log(p / q))  # guilty: quotient overflow


# -- underflow -------------------------------------------------------------------------------------


def softmax_without_shift(x):
    e = np.exp(x)  # guilty: softmax_without_shift underflow
    return e / e.sum()


def constant_shift(x):
    e = np.exp(x - 100)  # guilty: constant_shift underflow
    return e / e.sum()


def shift_from_zero(x):
    top = 0.0
    for v in x:
        top = max(top, v)
    e = np.exp(x - top)  # guilty: shift_from_zero underflow
    return e / e.sum()


def batch_maximum(x):
    e = np.exp(x - x.max())  # guilty: batch_maximum underflow
    return e / e.sum(axis=-1, keepdims=True)


def log_of_softmax(x):
    e = np.exp(x - x.max())  # guilty: log_of_softmax underflow
    p = e / e.sum()
    return np.log(p)


def log_of_softmax_row_by_row(x):
    out = np.empty_like(x)
    for i, row in enumerate(x):
        p = np.exp(row - np.max(row))  # guilty: log_of_softmax_row_by_row underflow
        p /= np.sum(p)
        out[i] = np.log(p)
    return out


def log_sigmoid(x):
    return np.log(1 / (1 + np.exp(-x)))  # guilty: log_sigmoid overflow


def nll(x, y):
    p = np.exp(x - x.max())  # guilty: nll underflow
    p = p / p.sum()
    return -np.log(p[y])


def product_of_probabilities(p):
    return np.log(np.prod(p))  # guilty: product_of_probabilities underflow


# -- absorption ------------------------------------------------------------------------------------


def softplus(x):
    return np.log(1 + np.exp(x))  # guilty: softplus absorption


def softplus_steps(x):
    e = np.exp(x)
    s = 1 + e  # guilty: softplus_steps absorption
    return np.log(s)


def softplus_in_place(x):
    work = np.exp(x)
    work += 1  # guilty: softplus_in_place absorption
    np.log(work, out=work)
    return work


def softplus_math(x):
    return np.array([log(1 + e_to_the(v)) for v in x], dtype=x.dtype)  # guilty: softplus_math absorption


def softplus_floats(x):
    out = []
    for v in x.tolist():
        small = math.exp(v)
        whole = 1.0 + small  # guilty: softplus_floats absorption
        out.append(math.log(whole))
    return np.array(out, dtype=x.dtype)


def softplus_through_helper(x):
    return np.log(helpers.one_plus(np.exp(x)))


def logsumexp(x):
    m = x.max()
    s = np.sum(np.exp(x - m))  # guilty: logsumexp absorption
    return m + np.log(s)


def top_log_probability(x):
    e = np.exp(x - x.max())
    total = e.sum()  # guilty: top_log_probability absorption
    p = e / total
    return np.log(p)


def offset(x):
    m = x.max()
    lse = m + np.log(np.sum(np.exp(x - m)))  # guilty: offset absorption
    return x - lse


def offset_in_place(x):
    m = x.max()
    lse = np.log(np.sum(np.exp(x - m)))
    lse += m  # guilty: offset_in_place absorption
    y = x.copy()
    y -= lse
    return y


def offset_through_helper(x):
    return x - normaliser(x)


def offset_softmax(x):
    m = x.max()
    lse = m + np.log(np.sum(np.exp(x - m)))  # guilty: offset_softmax absorption
    return np.exp(x - lse)


def bce_one_branch(x, z):
    return np.maximum(x, 0) - x * z + np.log(1 + np.exp(-np.abs(x)))  # guilty: bce_one_branch absorption


# -- cancellation ----------------------------------------------------------------------------------


def complement(x):
    s = 1 / (1 + np.exp(-x))
    return s * (1 - s)  # guilty: complement cancellation


def complement_steps(x):
    e = np.exp(-x)
    s = 1 / (1 + e)
    rest = 1 - s  # guilty: complement_steps cancellation
    return s * rest


def complement_square(x):
    s = 1 / (1 + np.exp(-x))
    return s - s * s  # guilty: complement_square cancellation


def complement_through_helper(x):
    s = 1 / (1 + np.exp(-x))
    return s * helpers.complement(s)


def minus_one(x, y):
    e = np.exp(x - x.max())
    p = e / e.sum()
    p[y] -= 1  # guilty: minus_one cancellation
    return p


def minus_onehot(x, y):
    e = np.exp(x - x.max())
    p = e / e.sum()
    onehot = np.zeros_like(x)
    onehot[y] = 1
    return p - onehot  # guilty: minus_onehot cancellation


def bce_of_probabilities(x, z):
    p = 1 / (1 + np.exp(-x))
    return -(z * np.log(p) + (1 - z) * np.log(1 - p))  # guilty: bce_of_probabilities cancellation


def exp_minus_one(x):
    return np.exp(x) - 1  # guilty: exp_minus_one cancellation


def mirrored(x):
    return (1 + np.tanh(x / 2)) / 2  # guilty: mirrored cancellation


def from_saved(x):
    y = np.log1p(np.exp(x))
    return 1 - np.exp(-y)  # guilty: from_saved cancellation


def log1mexp(x):
    return np.log1p(-np.exp(-x))  # guilty: log1mexp amplification


def hinge_minus_product(x, z):
    tail = np.log1p(np.exp(-np.abs(x)))
    softplus = np.maximum(x, 0) + tail  # guilty: hinge_minus_product absorption
    return softplus - x * z


# -- stalled sums ----------------------------------------------------------------------------------


def stalled_loop(x):
    total = x.dtype.type(0)
    for v in np.exp(x - x.max()):
        total += v  # guilty: stalled_loop stalled-accumulation
    return x.max() + np.log(total)


def stalled_bfloat16(x):
    e = np.exp(x - x.max())
    return e / e.sum()  # guilty: stalled_bfloat16 stalled-accumulation


def stalled_cumsum(x):
    e = np.exp(x - x.max())
    total = np.cumsum(e)[-1]  # guilty: stalled_cumsum stalled-accumulation
    return e / total


def stalled_columns(x):
    e = np.exp(x - x.max(axis=0))
    return e / np.sum(e, axis=0)  # guilty: stalled_columns stalled-accumulation


# -- clips, epsilons, thresholds -------------------------------------------------------------------


def clipped(x, y):
    e = np.exp(x - x.max())
    p = np.clip(e / e.sum(), 1e-6, 1 - 1e-6)  # guilty: clipped clipping
    return -np.log(p[y])


def clipped_by_maximum(x, y):
    e = np.exp(x - x.max())
    p = e / e.sum()
    p = np.maximum(p, 1e-12)  # guilty: clipped_by_maximum clipping
    return -np.log(p)[y]


def clip_through_helper(x, y):
    e = np.exp(x - x.max())
    return -np.log(helpers.limited(e / e.sum()))[y]


def epsilon(x, y):
    e = np.exp(x - x.max())
    p = e / e.sum()
    return -np.log(p[y] + 1e-9)  # guilty: epsilon clipping


def clipped_logits(x):
    x = np.clip(x, -20, 20)  # guilty: clipped_logits clipping
    return np.log1p(np.exp(x))


def threshold_where(x):
    return np.where(x > 5, x, np.log1p(np.exp(x)))  # guilty: threshold_where threshold


def threshold_if(x):
    out = np.empty_like(x)
    for i, v in enumerate(x):
        if v > 5:  # guilty: threshold_if threshold
            out[i] = v
        else:
            out[i] = np.log1p(np.exp(v))
    return out


def threshold_mask(x):
    y = x.copy()
    small = x < 5  # guilty: threshold_mask threshold
    y[small] = np.log1p(np.exp(x[small]))
    return y


def saturated(x):
    y = 1 / (1 + np.exp(-x))
    return np.select([x > 6, x < -6], [np.ones_like(y), np.zeros_like(y)], y)  # guilty: saturated threshold


def sentinel(x):
    x = np.where(np.isneginf(x), -1e4, x)  # guilty: sentinel clipping
    e = np.exp(x - x.max())
    return e / e.sum()


def epsilon_in_denominator(x):
    e = np.exp(x - x.max())
    return e / (e.sum() + 1e-5)  # guilty: epsilon_in_denominator clipping


def clipped_certain(p, t):
    q = np.minimum(np.maximum(p, 1e-6), 1 - 1e-6)  # guilty: clipped_certain clipping
    return -(t * np.log(q) + (1 - t) * np.log(1 - q))


# -- no value --------------------------------------------------------------------------------------


def onehot_times_log(x, y):
    e = np.exp(x - x.max())
    p = e / e.sum()
    onehot = np.zeros_like(x)
    onehot[y] = 1
    return -np.sum(onehot * np.log(p))  # guilty: onehot_times_log zero-times-inf


def onehot_dot_log(x, y):
    e = np.exp(x - x.max())
    p = e / e.sum()
    onehot = np.eye(len(x), dtype=x.dtype)[y]
    return -np.dot(onehot, np.log(p))  # guilty: onehot_dot_log zero-times-inf


def entropy(p):
    return -np.sum(p * np.log(p))  # guilty: entropy zero-times-inf


def masked_plus(x):
    e = np.exp(x - x.min())  # guilty: masked_plus inf-minus-inf
    return e / e.sum()


# -- other formats ---------------------------------------------------------------------------------


def through_float16(x):
    small = x.astype(np.float16)  # guilty: through_float16 format-too-small
    e = np.exp(small - small.max())
    return (e / e.sum()).astype(x.dtype)
