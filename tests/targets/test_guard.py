import os
import random
import sys
import warnings

import numpy as np
import pytest

from stabcheck.targets.guard import TEXT_LIMIT, Raised, attempt, contained, describe


class UnprintableError(Exception):
    def __str__(self):
        raise RuntimeError("no text")


class LeavingError(Exception):
    def __str__(self):
        raise KeyboardInterrupt


def raiser(error):
    def call():
        raise error

    return call


def recursing():
    return recursing()


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (ValueError("bad\nsecond line"), "ValueError: bad"),
        (SystemExit(2), "SystemExit: 2"),
        (GeneratorExit(), "GeneratorExit"),
        (MemoryError(), "MemoryError"),
        (UnprintableError(), "UnprintableError"),
    ],
)
def test_what_is_raised_becomes_one_line(error, text):
    """Exceptions of every kind, SystemExit and unprintable ones too, become data."""
    assert attempt(raiser(error)) == Raised(text, error)


def test_endless_recursion_is_an_exception_like_others():
    """A RecursionError is described, and the interpreter lives on."""
    assert attempt(recursing).text.startswith("RecursionError")


def test_interrupt_passes():
    """Ctrl-C is the user's: it is not swallowed."""
    with pytest.raises(KeyboardInterrupt):
        attempt(raiser(KeyboardInterrupt()))


def test_long_messages_are_cut():
    """An exception with an array in its text does not fill the report."""
    assert len(describe(ValueError("x" * 1000))) == TEXT_LIMIT


def test_an_exception_whose_text_interrupts_is_described():
    """Its `__str__` is the target's code as well."""
    assert "LeavingError" == describe(LeavingError())


def test_output_goes_nowhere_and_input_is_at_its_end(capfd):
    """print, stderr and the binary buffer are swallowed; input() fails instead of waiting."""
    with contained():
        print("out")
        print("err", file=sys.stderr)
        sys.stdout.buffer.write(b"bytes")
        sys.stdout.flush()
        asked = attempt(input)
    assert asked.text.startswith("EOFError")
    assert capfd.readouterr() == ("", "")


def test_surroundings_are_put_back(tmp_path):
    """Streams, random states, environment, directory, recursion limit, error state, warning filters."""
    random.seed(1)
    np.random.seed(1)
    expected = (random.random(), np.random.random())
    random.seed(1)
    np.random.seed(1)

    def state():
        streams = (sys.stdout, sys.stderr, sys.stdin)
        return (
            streams,
            np.geterr(),
            list(warnings.filters),
            dict(os.environ),
            os.getcwd(),
            sys.getrecursionlimit(),
        )

    before = state()
    with contained():
        random.seed(7)
        np.random.seed(7)
        np.seterr(all="raise")
        warnings.simplefilter("error")
        os.environ["STABCHECK_TEST_VARIABLE"] = "1"
        os.environ.pop("PATH", None)
        os.chdir(tmp_path)
        sys.setrecursionlimit(5000)
        sys.stdout = sys.stderr = sys.stdin = None
    assert state() == before
    assert (random.random(), np.random.random()) == expected


def test_signals_are_collected():
    """Overflow, invalid operation and division by zero are noted, underflow is not; no warning gets out."""
    with warnings.catch_warnings(record=True) as seen, contained() as signals:
        np.exp(np.array([1000.0]))
        np.exp(np.array([-1000.0]))
        np.log(np.array([0.0]))
        np.subtract(np.array([np.inf]), np.inf)
    assert signals == {"overflow", "divide", "invalid"}
    assert seen == []


def test_target_may_turn_warnings_into_errors():
    """A target that asks NumPy to raise, or warnings to be errors, gets what it asked for."""

    def strict():
        warnings.simplefilter("error")
        np.exp(np.array([1000.0]))

    with contained():
        result = attempt(strict)
    assert result.text.startswith("RuntimeWarning: overflow")


def test_signals_that_the_target_silences_are_its_own_business():
    """Inside the target's own `np.errstate(over="ignore")` nothing is noted."""
    with contained() as signals, np.errstate(over="ignore"):
        np.exp(np.array([1000.0]))
    assert signals == set()


def test_other_warnings_are_no_signals():
    """A DeprecationWarning of the target is dropped."""
    with contained() as signals:
        warnings.warn("overflow of words", DeprecationWarning, stacklevel=1)
    assert signals == set()


@pytest.mark.parametrize("kept", [0, 1])
def test_the_state_of_numpy_is_put_back_to_the_last_number(kept):
    """Also where a call uses the normal number that the generator keeps for later, and no other."""
    np.random.seed(5)
    np.random.normal(size=kept)
    before = np.random.get_state(legacy=False)
    for _ in range(3):
        with contained():
            np.random.normal()
        with contained():
            np.random.seed(6)
    after = np.random.get_state(legacy=False)
    assert str(before) == str(after)


def test_another_generator_is_put_back_too():
    """np.random may stand on any of NumPy's generators."""
    usual = np.random.get_bit_generator()
    try:
        np.random.set_bit_generator(np.random.PCG64(3))
        before = str(np.random.get_state(legacy=False))
        with contained():
            np.random.random(4)
        assert before == str(np.random.get_state(legacy=False))
        with contained():
            np.random.set_bit_generator(np.random.SFC64(1))
        assert before == str(np.random.get_state(legacy=False))
    finally:
        np.random.set_bit_generator(usual)
