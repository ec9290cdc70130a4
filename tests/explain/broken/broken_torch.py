"""Broken targets of PyTorch. A comment `guilty: NAME KIND` marks the line that `diagnose` must find."""

import torch
import torch.nn.functional as F  # noqa: N812


def naive_softmax(x):
    e = torch.exp(x)  # guilty: naive_softmax overflow
    return e / e.sum(dim=-1, keepdim=True)


def naive_in_place(x):
    y = x.clone()
    y.exp_()  # guilty: naive_in_place overflow
    y /= y.sum()
    return y


class Softmax(torch.nn.Module):
    def forward(self, x):
        weights = x.exp()  # guilty: naive_module overflow
        return weights / weights.sum(-1, keepdim=True)


naive_module = Softmax()


def log_of_softmax(x):
    p = F.softmax(x, dim=-1)  # guilty: log_of_softmax underflow
    return torch.log(p)


def softplus(x):
    return torch.log(1 + torch.exp(x))  # guilty: softplus absorption


def offset(x):
    m = x.max(dim=-1, keepdim=True).values
    lse = m + (x - m).exp().sum(-1, keepdim=True).log()  # guilty: offset absorption
    return x - lse


def complement(x):
    s = torch.sigmoid(x)
    return s * (1 - s)  # guilty: complement cancellation


def clipped(x, y):
    p = torch.softmax(x, 0).clamp(1e-6, 1 - 1e-6)  # guilty: clipped clipping
    return -torch.log(p[y])


def threshold(x):
    return torch.where(x > 5, x, torch.log1p(torch.exp(x)))  # guilty: threshold threshold


def onehot_times_log(x, y):
    p = torch.softmax(x, 0)
    onehot = F.one_hot(torch.tensor(y), len(x)).to(x.dtype)
    return -(onehot * p.log()).sum()  # guilty: onehot_times_log zero-times-inf


def loop(x):
    total = torch.zeros((), dtype=x.dtype)
    for v in x:
        total += torch.exp(v)  # guilty: loop overflow
    return total.log()


def matrix(x):
    e = torch.exp(x)  # guilty: matrix overflow
    return torch.log(e @ torch.ones_like(e))
