"""Sigmoid, log-sigmoid and softplus as array libraries and models write them."""

import numpy as np


def _stable_halves(x):
    """exp(-|x|) and whether x is on the right."""
    return np.exp(np.negative(np.abs(x))), x >= 0


def sigmoid_odds(x):
    """Broken: odds / (1 + odds) is inf / inf on the right."""
    odds = np.exp(x)
    return odds / (odds + 1)


def sigmoid_select(x):
    """Odds of the side that cannot overflow."""
    e, right = _stable_halves(x)
    return np.where(right, 1, e) / (e + 1)


def sigmoid_wrong_branch(x):
    """Broken: the branches of the sign split are swapped, each sees the side on which it overflows."""
    result = np.empty_like(x)
    right = x >= 0
    e = np.exp(x[right])
    result[right] = e / (1 + e)
    result[~right] = 1 / (1 + np.exp(-x[~right]))
    return result


def sigmoid_branches(x):
    """Each branch on its own side."""
    result = np.empty_like(x)
    right = x >= 0
    result[right] = 1 / (1 + np.exp(-x[right]))
    e = np.exp(x[~right])
    result[~right] = e / (1 + e)
    return result


def sigmoid_saturated(x, limit=8):
    """Broken: saturates to 0 and 1 beyond a limit, as fixed-point tables do."""
    y = sigmoid_select(x)
    return np.select([x > limit, x < -limit], [np.ones_like(y), np.zeros_like(y)], default=y)


def sigmoid_unsaturated(x):
    """The same without a limit."""
    return sigmoid_saturated(x, limit=np.inf)


def sigmoid_from_tanh(x):
    """Broken: 1 + tanh(x / 2) cancels on the left."""
    return (np.tanh(x / 2) + 1) / 2


def sigmoid_from_half_angle(x):
    """exp(x / 2) / (exp(x / 2) + exp(-x / 2)), divided through by the larger exponential."""
    h = np.exp(-np.abs(x) / 2)
    return np.where(x < 0, h * h, 1) / (1 + h * h)


class LogSigmoid:
    """Log-sigmoid layer; `eps` as in many hand-written losses."""

    def __init__(self, eps):
        self.eps = eps

    def __call__(self, x):
        return np.log(sigmoid_select(x) + x.dtype.type(self.eps))


#: Broken: an eps inside the logarithm.
log_sigmoid_eps = LogSigmoid(1e-8)


def log_sigmoid_one_sided(x):
    """Broken: exp(-x) overflows where the answer is x."""
    return np.negative(np.log1p(np.exp(np.negative(x))))


def log_sigmoid_two_sided(x):
    """min(x, 0) - log1p(exp(-|x|))."""
    e, _ = _stable_halves(x)
    return np.subtract(np.minimum(x, 0), np.log1p(e))


def log_sigmoid_early_exit(x):
    """Broken: takes x itself from -5 down, ten digits too early."""
    e, _ = _stable_halves(x)
    return np.where(x < -5, x, np.minimum(x, 0) - np.log1p(e))


def log_sigmoid_late_exit(x):
    """Takes x itself where exp(x) is below the last digit of x in every format."""
    e, _ = _stable_halves(x)
    return np.where(x < -40, x, np.minimum(x, 0) - np.log1p(e))


def softplus_textbook(x):
    """Broken: log(1 + exp(x)) overflows on the right and is log(1) on the left."""
    return np.log(np.exp(x) + 1)


def softplus_logaddexp(x):
    """logaddexp with 0."""
    return np.logaddexp(x, np.zeros_like(x))


def softplus_threshold(x, beta=1, threshold=7):
    """Broken: the linear part starts where exp(-x) still has weight."""
    scaled = x * beta
    small = np.minimum(scaled, threshold)
    return np.where(scaled > threshold, x, np.log1p(np.exp(small)) / beta)


def softplus_reflected(x, beta=1):
    """x = softplus(x) - softplus(-x) carries the right side over to the left."""
    scaled = x * beta
    tail = np.log1p(np.exp(-np.abs(scaled))) / beta
    return np.where(scaled > 0, x + tail, tail)


def softplus_without_log1p(x):
    """Broken: shifted, but log(1 + tiny) is 0 on the left."""
    peak = np.maximum(x, 0)
    return peak + np.log(np.exp(-peak) + np.exp(x - peak))


def softplus_with_log1p(x):
    """Shifted, with log1p for the term that is not 1."""
    peak = np.maximum(x, 0)
    return peak + np.log1p(np.exp(-np.abs(x)))
