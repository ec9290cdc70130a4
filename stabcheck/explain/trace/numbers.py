"""Arrays as lists of floats, lists of nodes as arrays, dtypes as formats."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np
from numpy import asarray, empty  # the originals: np.asarray is replaced while a trace runs

from stabcheck.explain.trace.nodes import Node
from stabcheck.formats import FORMATS, Format

#: An object array whose elements are nodes.
Objects = np.ndarray[Any, Any]


@cache
def format_of(dtype: Any) -> Format | None:
    """The format of that dtype; None for integers, longdouble, complex and objects."""
    return FORMATS.get(np.dtype(dtype).name)


@cache
def is_real_float(dtype: np.dtype[Any]) -> bool:
    return dtype.kind == "f" or dtype.name.startswith(("bfloat", "float8"))


def floats(values: Any) -> list[float]:
    """The elements as Python floats, row by row."""
    if isinstance(values, (np.generic, float, int)):
        return [float(values)]
    with np.errstate(all="ignore"):
        listed: list[float] = asarray(values).astype(np.float64).ravel().tolist()
    return listed


def objects(nodes: Sequence[Node], shape: tuple[int, ...]) -> Objects:
    """An object array of nodes."""
    array = empty(len(nodes), dtype=object)
    array[:] = nodes
    return array.reshape(shape)
