"""Helper functions of the broken targets, in a file of their own: the guilty line may lie here."""

import numpy as np
from numpy import exp


def powers(values):
    return exp(values)  # guilty: naive_through_helper overflow


def normaliser(values):
    top = values.max()
    return top + np.log(np.exp(values - top).sum())  # guilty: offset_through_helper absorption


def one_plus(value):
    return 1 + value  # guilty: softplus_through_helper absorption


def limited(p, eps=1e-6):
    return np.clip(p, eps, 1 - eps)  # guilty: clip_through_helper clipping


def complement(p):
    return 1 - p  # guilty: complement_through_helper cancellation
