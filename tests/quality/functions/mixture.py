"""Log-sum-exp and log-softmax as mixture models and classifiers of a scientific library write them."""

import numpy as np


def _shift(a, axis, only_positive):
    """The amount to take out of the exponent, one per row."""
    top = np.max(a, axis=axis, keepdims=True)
    return np.maximum(top, 0) if only_positive else top


def log_evidence_guarded_above(log_prob):
    """Broken: the shift is only taken where the largest term is positive, so unlikely rows give log(0)."""
    shift = _shift(log_prob, 1, only_positive=True)
    total = np.exp(log_prob - shift).sum(axis=1, dtype=np.result_type(log_prob, np.float32))
    return (np.log(total) + shift[:, 0]).astype(log_prob.dtype)


def log_evidence(log_prob):
    """The shift is the largest term, whatever its sign."""
    shift = _shift(log_prob, 1, only_positive=False)
    total = np.exp(log_prob - shift).sum(axis=1, dtype=np.result_type(log_prob, np.float32))
    return (np.log(total) + shift[:, 0]).astype(log_prob.dtype)


class LogProbabilities:
    """predict_log_proba of a linear classifier, from its decision function."""

    def __init__(self, floor=None):
        self.floor = floor

    def from_probabilities(self, decision):
        z = decision - decision.max(axis=1).reshape((-1, 1))
        proba = np.exp(z)
        proba = proba / proba.sum(axis=1, dtype=np.result_type(proba, np.float32)).reshape((-1, 1))
        proba = proba.astype(decision.dtype)
        if self.floor is not None:
            proba = proba + decision.dtype.type(self.floor)
        return np.log(proba)

    def from_scores(self, decision):
        z = decision - decision.max(axis=1).reshape((-1, 1))
        norm = np.exp(z).sum(axis=1, dtype=np.result_type(z, np.float32)).reshape((-1, 1))
        return (z - np.log(norm)).astype(decision.dtype)


#: Broken: the logarithm of a probability that has underflowed.
log_of_probabilities = LogProbabilities().from_probabilities
#: Broken: an eps inside the logarithm instead of a formula that needs none.
log_of_floored_probabilities = LogProbabilities(floor=1e-10).from_probabilities
log_probabilities = LogProbabilities().from_scores


def log_responsibilities(weighted):
    """Broken: log-sum-exp is added up at the size of the logits, then subtracted again."""
    top = weighted.max(axis=-1, keepdims=True)
    norm = np.log(np.exp(weighted - top).sum(axis=-1, keepdims=True, dtype=np.result_type(top, np.float32)))
    log_prob_norm = (norm + top).astype(weighted.dtype)
    with np.errstate(under="ignore"):
        return weighted - log_prob_norm


def log_responsibilities_centred(weighted):
    """The maximum never comes back: both differences are of shifted numbers."""
    centred = weighted - weighted.max(axis=-1, keepdims=True)
    wide = np.result_type(centred, np.float32)
    norm = np.log(np.exp(centred).sum(axis=-1, keepdims=True, dtype=wide))
    with np.errstate(under="ignore"):
        return (centred - norm).astype(weighted.dtype)
