"""Softmax and log-sum-exp as kernels are written: one pass, blocks, running accumulators, reductions."""

import functools

import numpy as np


def online_pass(x, skip):
    """Running maximum and sum over the columns of a batch; rescaling is skipped for jumps up to `skip`."""
    m = np.full(x.shape[0], -np.inf)
    total = np.zeros(x.shape[0])
    for column in x.T.astype(np.float64):
        new = np.maximum(m, column)
        base = np.where(np.isneginf(new), 0.0, new)
        rescale = np.where(new - np.where(np.isneginf(m), base, m) > skip, np.exp(m - base), 1.0)
        total = total * np.where(np.isneginf(m), 0.0, rescale) + np.exp(column - base)
        m = new
    return m[:, None], total[:, None]


def flash_softmax_lazy(x):
    """Broken: a maximum that hardly moves is taken without rescaling what was summed before."""
    m, total = online_pass(x, skip=0.01)
    return (np.exp(x.astype(np.float64) - m) / total).astype(x.dtype)


def flash_softmax(x):
    """Every move of the maximum rescales the sum."""
    m, total = online_pass(x, skip=0.0)
    return (np.exp(x.astype(np.float64) - m) / total).astype(x.dtype)


def softmax_running_sum(x):
    """Broken in 16 bits: the row's sum is the end of a cumulative sum in the row's own format."""
    e = np.exp(x - np.max(x, axis=-1, keepdims=True))
    return e / np.cumsum(e, axis=-1)[..., -1:]


def softmax_wide_running_sum(x):
    """The cumulative sum is carried in at least float32."""
    e = np.exp(x - np.max(x, axis=-1, keepdims=True))
    return (e / np.cumsum(e, axis=-1, dtype=np.result_type(x, np.float32))[..., -1:]).astype(x.dtype)


def block_maximum(x, rest):
    """The largest number of each row, by blocks of 64; behind them the rest."""
    whole = x.shape[-1] // 64 * 64
    top = x[..., :whole].max(axis=-1, keepdims=True) if whole else x.max(axis=-1, keepdims=True)
    return np.maximum(top, x[..., whole:].max(axis=-1, keepdims=True, initial=-np.inf)) if rest else top


def softmax_blocks_only(x):
    """Broken: the maximum forgets what is left over behind whole blocks."""
    wide = x.astype(np.result_type(x, np.float32))
    e = np.exp(wide - block_maximum(wide, rest=False))
    return (e / e.sum(axis=-1, keepdims=True)).astype(x.dtype)


def softmax_blocks_and_rest(x):
    """The maximum of whole blocks and of the rest."""
    wide = x.astype(np.result_type(x, np.float32))
    e = np.exp(wide - block_maximum(wide, rest=True))
    return (e / e.sum(axis=-1, keepdims=True)).astype(x.dtype)


class DivisionFree:
    """Softmax as exp(x - lse), the log-sum-exp kept for the backward pass."""

    def __init__(self, shift_first):
        self.shift_first = shift_first

    def __call__(self, x):
        top = x.max(axis=-1, keepdims=True)
        wide = np.result_type(x, np.float32)
        log_total = np.log(np.exp(x - top).sum(axis=-1, keepdims=True, dtype=wide))
        if self.shift_first:
            return np.exp((x - top) - log_total).astype(x.dtype)
        lse = (top + log_total).astype(x.dtype)
        return np.exp(x - lse)


#: Broken: log-sum-exp is rounded to the format at the size of the logits.
division_free_softmax = DivisionFree(shift_first=False)
division_free_after_shift = DivisionFree(shift_first=True)


def lse_pairwise_fold(x):
    """Broken: a left fold with logaddexp rounds at the size of the logits in every step and stalls."""
    return functools.reduce(np.logaddexp, np.moveaxis(x, -1, 0))


def lse_fold_of_shifted(x):
    """The fold adds exponentials of shifted logits, in at least float32."""
    m = np.max(x, axis=-1)
    wide = np.exp((x - m[..., None]).astype(np.result_type(x, np.float32)))
    return (m + np.log(functools.reduce(np.add, np.moveaxis(wide, -1, 0)))).astype(x.dtype)


def lse_tiny_start(x):
    """Broken: the maximum starts at the smallest positive number, as numeric_limits<float>::min()."""
    start = np.asarray(np.finfo(np.float32).tiny, x.dtype)
    m = np.maximum.reduce(x, axis=-1, keepdims=True, initial=start)
    total = np.add.reduce(np.exp(x - m), axis=-1, dtype=np.result_type(x, np.float32))
    return (np.log(total) + m[..., 0]).astype(x.dtype)


def lse_lowest_start(x):
    """The maximum starts at -inf."""
    m = np.maximum.reduce(x, axis=-1, keepdims=True, initial=x.dtype.type(-np.inf))
    total = np.add.reduce(np.exp(x - m), axis=-1, dtype=np.result_type(x, np.float32))
    return (np.log(total) + m[..., 0]).astype(x.dtype)
