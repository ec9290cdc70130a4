"""The formulas of the ops as plain mpmath text, for tests that must run without stabcheck.

Each text defines `exact`: on lists of mpf numbers for rows (class indices are integers), on single numbers
for elementwise ops. The precision is the caller's; 2 000 bits hold 1 + exp(-745).
"""

from __future__ import annotations

_SIGMOID = """\
def sigmoid(x):
    return 1 / (1 + mp.exp(-x))
"""
_SOFTMAX = """\
def softmax(x):
    e = [mp.exp(v) for v in x]
    return [v / mp.fsum(e) for v in e]
"""
_XLOGY = """\
def xlogy(x, y):
    return x * mp.log(y) if x else mpf(0)
"""

FORMULAS = {
    "softmax": _SOFTMAX + "\n\nexact = softmax\n",
    "logsumexp_grad": _SOFTMAX + "\n\nexact = softmax\n",
    "logsumexp": """\
def exact(x):
    return mp.log(mp.fsum(mp.exp(v) for v in x))
""",
    "log_softmax": """\
def exact(x):
    lse = mp.log(mp.fsum(mp.exp(v) for v in x))
    return [v - lse for v in x]
""",
    "softmax_vjp": _SOFTMAX
    + """

def exact(x, v):
    p = softmax(x)
    inner = mp.fsum(a * b for a, b in zip(p, v, strict=True))
    return [a * (b - inner) for a, b in zip(p, v, strict=True)]
""",
    "log_softmax_vjp": _SOFTMAX
    + """

def exact(x, v):
    return [b - a * mp.fsum(v) for a, b in zip(softmax(x), v, strict=True)]
""",
    "cross_entropy_grad": _SOFTMAX
    + """

def exact(logits, target):
    p = softmax(logits)
    others = mp.fsum(v for i, v in enumerate(p) if i != target)
    return [-others if i == target else v for i, v in enumerate(p)]
""",
    "cross_entropy": """\
def exact(logits, target):
    return mp.log(mp.fsum(mp.exp(v - logits[target]) for v in logits))
""",
    "cross_entropy_from_probabilities": """\
def exact(probabilities, target):
    return -mp.log(probabilities[target])
""",
    "kl_divergence": _XLOGY
    + """

def exact(p, q):
    return mp.fsum(xlogy(a, a) - xlogy(a, b) for a, b in zip(p, q, strict=True))
""",
    "entropy": _XLOGY
    + """

def exact(p):
    return -mp.fsum(xlogy(v, v) for v in p)
""",
    "sigmoid": _SIGMOID + "\n\nexact = sigmoid\n",
    "softplus_grad": _SIGMOID + "\n\nexact = sigmoid\n",
    "log_sigmoid_grad": _SIGMOID + "\n\ndef exact(x):\n    return sigmoid(-x)\n",
    "sigmoid_grad": _SIGMOID + "\n\ndef exact(x):\n    return sigmoid(x) * sigmoid(-x)\n",
    "log_sigmoid": "def exact(x):\n    return -mp.log(1 + mp.exp(-x))\n",
    "softplus": "def exact(x):\n    return mp.log(1 + mp.exp(x))\n",
    "tanh": "def exact(x):\n    return mp.tanh(x)\n",
    "silu": "def exact(x):\n    return x / (1 + mp.exp(-x))\n",
    "logaddexp": "def exact(a, b):\n    return mp.log(mp.exp(a) + mp.exp(b))\n",
    "log1mexp": "def exact(x):\n    return mp.log(1 - mp.exp(-abs(x)))\n",
    "bce_with_logits": """\
def exact(logits, targets):
    hinge = max(logits, mpf(0)) - logits * targets
    return hinge + mp.log(1 + mp.exp(-abs(logits)))
""",
    "bce_with_logits_grad": _SIGMOID
    + """

def exact(logits, targets):
    return sigmoid(logits) - targets
""",
    "binary_cross_entropy": _XLOGY
    + """

def exact(probabilities, targets):
    return -xlogy(targets, probabilities) - xlogy(1 - targets, 1 - probabilities)
""",
}
