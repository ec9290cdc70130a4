import json
import os
import struct

import numpy as np
import pytest

from stabcheck import formats
from stabcheck.targets import wire


@pytest.fixture
def pipe():
    """(read end, write end), closed when the test ends."""
    fds = os.pipe()
    yield fds
    for fd in fds:
        try:
            os.close(fd)
        except OSError:
            continue


@pytest.mark.parametrize("format", formats.FORMATS.values(), ids=lambda f: f.name)
def test_messages_arrive_bit_by_bit(pipe, format):
    """Header and arrays come out as they went in, NaN and infinities included."""
    values = format.from_ordinal(np.array([[0, 1, -5], [format.max_ordinal, format.max_ordinal + 1, 7]]))
    arrays = {"x": values, "y": np.array([1, -2]), "empty": np.zeros((0, 3)), "number": np.array(2.5)}
    wire.send(pipe[1], wire.pack({"kind": "run", "limit": float("inf")}, arrays), 1.0)
    header, got = wire.receive(pipe[0], 1.0)
    assert header == {"kind": "run", "limit": float("inf")}
    for name, array in arrays.items():
        assert (got[name].dtype, got[name].shape) == (array.dtype, array.shape)
        assert got[name].tobytes() == array.tobytes()
    assert got["x"].flags.writeable


def test_nothing_comes_in_time(pipe):
    """An incomplete message is as late as none."""
    with pytest.raises(wire.TooLateError):
        wire.receive(pipe[0], 0.01)
    os.write(pipe[1], b"\x05")
    with pytest.raises(wire.TooLateError):
        wire.receive(pipe[0], 0.01)


def test_nobody_takes_the_message(pipe):
    """A full pipe whose other end does not read."""
    with pytest.raises(wire.TooLateError):
        wire.send(pipe[1], bytes(1 << 22), 0.01)


def test_other_end_is_gone(pipe):
    """Reading and writing both notice."""
    os.close(pipe[0])
    with pytest.raises(wire.LostError):
        wire.send(pipe[1], b"hello", 1.0)


def test_closed_while_reading(pipe):
    """End of file in the middle of a message."""
    os.write(pipe[1], b"\x05\x00")
    os.close(pipe[1])
    with pytest.raises(wire.LostError):
        wire.receive(pipe[0], 1.0)


@pytest.mark.parametrize(
    "text",
    [b"not json", b"[]", b"{}", json.dumps({"arrays": [["x", "no dtype", [1]]]}).encode(), b'{"arrays": 3}'],
)
def test_what_is_no_message_is_an_error(pipe, text):
    """Garbage on the pipe is a lost connection, never an exception of another kind."""
    os.write(pipe[1], struct.pack("<Q", len(text)) + text)
    with pytest.raises(wire.LostError):
        wire.receive(pipe[0], 1.0)


def test_absurd_length_is_refused(pipe):
    """A length that no header has does not make us wait for it."""
    os.write(pipe[1], struct.pack("<Q", 1 << 60))
    with pytest.raises(wire.LostError):
        wire.receive(pipe[0], 1.0)


def test_header_must_be_plain_data():
    """Nothing but plain data can be sent."""
    with pytest.raises(TypeError):
        wire.pack({"function": print}, {})


def test_object_arrays_are_refused(pipe):
    """An array of objects cannot come in through the pipe."""
    text = json.dumps({"arrays": [["x", "object", [1]]]}).encode()
    os.write(pipe[1], struct.pack("<Q", len(text)) + text + bytes(8))
    with pytest.raises(wire.LostError):
        wire.receive(pipe[0], 1.0)
