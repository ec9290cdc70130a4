"""Messages between a run and the process of an isolated target: plain data, nothing that is executed.

A message is a header in JSON (with NaN and infinities) and the bytes of arrays: the length of the header
and its text, then the arrays one after the other as the header describes them.
"""

from __future__ import annotations

import json
import math
import os
import select
import struct
import time
from collections.abc import Mapping
from typing import Any

import ml_dtypes  # noqa: F401  (registers bfloat16 and float8 under their names)
import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
Message = tuple[dict[str, Any], dict[str, Array]]

_LENGTH = struct.Struct("<Q")

#: A header longer than this is no message of ours.
_LONGEST_HEADER = 1 << 26


class LostError(OSError):
    """The other end closed the pipe, or what came is no message."""


class TooLateError(TimeoutError):
    """Nothing came (or nothing was taken) in time."""


def pack(header: Mapping[str, Any], arrays: Mapping[str, Array]) -> bytes:
    """The bytes of a message; TypeError for a header that is not plain data."""
    shapes = [[name, a.dtype.name, list(a.shape)] for name, a in arrays.items()]
    text = json.dumps({**header, "arrays": shapes}).encode()
    return b"".join([_LENGTH.pack(len(text)), text, *(a.tobytes() for a in arrays.values())])


def send(fd: int, message: bytes, seconds: float | None = None) -> None:
    """Write it all; TooLateError when the other end does not take it, LostError when it is gone."""
    left = memoryview(message)
    while left:
        if not select.select([], [fd], [], seconds)[1]:
            raise TooLateError
        try:
            # A pipe that is ready takes a page; more could block.
            left = left[os.write(fd, left[: select.PIPE_BUF]) :]
        except OSError as error:
            raise LostError(*error.args) from error


def receive(fd: int, seconds: float | None = None) -> Message:
    """The next message; TooLateError when it is not complete within so many seconds."""
    end = None if seconds is None else time.monotonic() + seconds
    (length,) = _LENGTH.unpack(_read(fd, _LENGTH.size, end))
    if length > _LONGEST_HEADER:
        raise LostError("no message")
    try:
        header = json.loads(_read(fd, length, end))
        shapes = [_described(*entry) for entry in header.pop("arrays")]
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise LostError("no message") from error
    arrays = {}
    for name, dtype, shape in shapes:
        data = bytearray(_read(fd, math.prod(shape) * dtype.itemsize, end))
        arrays[name] = np.frombuffer(data, dtype=dtype).reshape(shape)
    return header, arrays


def _described(name: str, dtype: str, shape: list[int]) -> tuple[str, np.dtype[Any], tuple[int, ...]]:
    kind: np.dtype[Any] = np.dtype(dtype)
    if kind.hasobject or any(not isinstance(n, int) or n < 0 for n in shape):
        raise ValueError("no array of numbers")
    return name, kind, tuple(shape)


def _read(fd: int, size: int, end: float | None) -> bytes:
    parts = []
    while size:
        left = None if end is None else max(0.0, end - time.monotonic())
        if not select.select([fd], [], [], left)[0]:
            raise TooLateError
        part = os.read(fd, min(size, 1 << 20))
        if not part:
            raise LostError("closed")
        parts.append(part)
        size -= len(part)
    return b"".join(parts)
