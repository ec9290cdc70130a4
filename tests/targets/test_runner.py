"""Answers of a target that behaves badly: faults on the guilty rows, the rest as it should be."""

import numpy as np
import pytest

from stabcheck.targets.answer import Fault
from stabcheck.targets.runner import OVERWRITTEN


def stable(x):
    e = np.exp(x - x.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def codes(answer):
    return [(fault.code, fault.row) for fault in answer.faults]


ROWS = [[0.0, 1.0, 2.0], [200.0, 1.0, 2.0], [3.0, 4.0, 5.0], [1.0, 500.0, 2.0], [0.0, 0.0, 0.0]]
GUILTY = [1, 3]


# -- SC401 -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (ValueError("too large"), "ValueError: too large"),
        (SystemExit(1), "SystemExit: 1"),
        (MemoryError("none left"), "MemoryError: none left"),
        (GeneratorExit(), "GeneratorExit"),
    ],
)
@pytest.mark.parametrize("rows", [None, True], ids=["batch", "rows"])
def test_only_rows_that_raise_are_guilty(ready, block, softmax_of, error, text, rows):
    """One bad row in a batch: it gets SC401 with the exception's text, the others their answers."""

    def raises(x):
        if (x > 100).any():
            raise error
        return stable(x)

    inputs = block(ROWS)
    answer = ready(raises, rows=rows)(inputs)
    good = [0, 2, 4]
    assert answer.faults == tuple(Fault("SC401", row, text) for row in GUILTY)
    assert answer.usable.tolist() == [True, False, True, False, True]
    np.testing.assert_allclose(answer.values[good], softmax_of(inputs["x"])[good])
    assert np.isnan(answer.values[GUILTY]).all()


def test_rows_that_raise_only_together_are_a_fault_of_the_block(ready, block, softmax_of):
    """A batch that raises although its halves do not: they are judged, and the exception is told."""

    def few_at_a_time(x):
        if len(x) > 2:
            raise ValueError("too many")
        return stable(x)

    inputs = block(ROWS)
    answer = ready(few_at_a_time)(inputs)
    assert answer.faults == (
        Fault("SC401", -1, "ValueError: too many (on 3 rows together; not on each half)"),
    )
    assert answer.usable.all()
    np.testing.assert_allclose(answer.values, softmax_of(inputs["x"]))


def test_rows_are_asked_again_with_their_own_numbers(ready, block, softmax_of):
    """A target that writes to its input and then raises does not spoil the rows that are asked again."""

    def spoils(x):
        if (x > 100).any():
            x[...] = 7.0
            raise ValueError("too large")
        return stable(x)

    inputs = block(ROWS)
    answer = ready(spoils)(inputs)
    good = [0, 2, 4]
    np.testing.assert_allclose(answer.values[good], softmax_of(inputs["x"])[good])
    assert codes(answer) == [("SC401", 1), ("SC401", 3), ("SC404", 1), ("SC404", 3)]


def test_interrupt_reaches_the_run(ready, block):
    """Ctrl-C while the target runs is not a fault of the target."""

    def interrupted(x):
        if (x > 100).any():
            raise KeyboardInterrupt
        return stable(x)

    runner = ready(interrupted)
    with pytest.raises(KeyboardInterrupt):
        runner(block(ROWS))


# -- SC402, SC403 ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("result", "code", "text"),
    [
        (lambda x: None, "SC403", "returned None"),
        (lambda x: [stable(x), 1], "SC403", "returned a list, not an array"),
        (lambda x: [[0.5, 0.25, 0.25], [1.0]], "SC403", "returned a list, not an array"),
        (lambda x: [], "SC403", "returned a list, not an array"),
        (lambda x: (v for v in x), "SC403", "returned a generator, not an array"),
        (lambda x: (stable(x), 1), "SC403", "returned a tuple, not an array"),
        (lambda x: "softmax", "SC403", "returned 'softmax'"),
        (lambda x: 1, "SC403", "returned dtype int64, expected float64"),
        (lambda x: x > 0, "SC403", "returned dtype bool, expected float64"),
        (lambda x: stable(x).astype(object), "SC403", "returned dtype object, expected float64"),
        (lambda x: stable(x).astype(complex), "SC403", "returned dtype complex128, expected float64"),
        (
            lambda x: stable(x).astype(np.float32),
            "SC403",
            "returned dtype float32, which does not hold float64",
        ),
        (lambda x: stable(x)[:, :-1], "SC402", "returned shape (2, 2), expected (2, 3)"),
        (lambda x: stable(x).T, "SC402", "returned shape (3, 2), expected (2, 3)"),
        (lambda x: 0.5, "SC402", "returned shape (), expected (2, 3)"),
    ],
    ids=[
        "None",
        "list",
        "ragged list",
        "empty list",
        "generator",
        "tuple",
        "text",
        "int",
        "bool",
        "object",
        "complex",
        "narrower",
        "short",
        "transposed",
        "number",
    ],
)
def test_results_that_are_no_answer(ready, block, result, code, text):
    """A target that returns such things on benign inputs is called, and faulted each time."""
    answer = ready(result, rows=False)(block([[0.0, 1.0, 2.0], [3.0, 4.0, 5.0]]))
    assert answer.faults == (Fault(code, -1, text),)
    assert not answer.usable.any()


@pytest.mark.parametrize("rows", [False, True])
def test_lists_of_floats_are_answers(ready, block, rows):
    """As plain Python makes them, with one bracket or two."""
    given = block([[0.0, 1.0, 2.0], [3.0, 4.0, 5.0]])
    answer = ready(lambda x: stable(x).tolist(), rows=rows)(given)
    assert not answer.faults
    assert np.array_equal(answer.values, stable(given["x"]))


def test_wrong_results_row_by_row_are_faults_of_their_rows(ready, block):
    """In calls row by row every row has its own fault."""

    def sometimes(x):
        return None if x.max() > 100 else stable(x)

    assert codes(ready(sometimes, rows=True)(block(ROWS))) == [("SC403", 1), ("SC403", 3)]


def test_absurdly_large_results_are_not_copied(ready, block):
    """A result of a wrong shape costs nothing, however large it claims to be."""
    answer = ready(lambda x: np.broadcast_to(0.5, (10**6, 10**6, 10**6)))(block([[0.0, 1.0]]))
    assert [fault.code for fault in answer.faults] == ["SC402"]


def test_numbers_of_several_kinds_are_put_together(ready, block):
    """One by one, a NumPy float here and a Python float there are both floats; an int is a fault."""

    def mixed(x):
        if x > 1:
            return np.float64(0.5)
        return 0.5 if x > -1 else 0

    runner = ready(mixed, "sigmoid", rows=True)
    answer = runner(block([[0.0, 2.0], [2.0, -2.0]]))
    assert answer.values[0].tolist() == [0.5, 0.5]
    assert answer.faults == (Fault("SC403", 1, "returned dtype int64, expected float64"),)


def test_unreadable_result(ready, block):
    """An object whose conversion to an array fails is a fault, not a traceback."""

    class Odd:
        def __array__(self, dtype=None, copy=None):
            raise RuntimeError("not today")

    answer = ready(lambda x: Odd(), rows=False)(block([[0.0, 1.0]]))
    assert answer.faults == (Fault("SC403", 0, "unreadable result, RuntimeError: not today"),)


@pytest.mark.parametrize(
    ("format", "dtype"), [("bfloat16", np.float16), ("float16", "bfloat16"), ("float32", np.float16)]
)
def test_neither_of_the_16_bit_formats_holds_the_other(ready, block, format, dtype):
    """float16 lacks the range of bfloat16, bfloat16 the digits of float16."""
    import ml_dtypes

    kind = ml_dtypes.bfloat16 if dtype == "bfloat16" else dtype
    answer = ready(lambda x: stable(x).astype(kind), format=format)(block([[0.0, 1.0]], format))
    assert [fault.code for fault in answer.faults] == ["SC403"]


# -- wider results -----------------------------------------------------------------------------------


def test_wider_result_is_rounded_once(ready, block):
    """float64 for a bfloat16 cell: each value rounded once (never through float32), and said so."""
    value = 1 + 2.0**-8 + 2.0**-40  # just above a tie of bfloat16; float32 would make it a tie
    answer = ready(lambda x: np.full(x.shape, value), format="bfloat16")(block([[0.0, 1.0]], "bfloat16"))
    assert answer.wider == "float64"
    assert (answer.values == 1 + 2.0**-7).all()


def test_long_double_is_wider(ready, block):
    """Long double results are rounded to the cell's format."""
    answer = ready(lambda x: stable(x).astype(np.longdouble))(block([[0.0, 0.0]]))
    assert (answer.values == 0.5).all()
    assert (answer.wider == "") == (np.longdouble == np.float64)


def test_python_float_is_a_float64(ready, block):
    """A Python float is the format itself for float64 and wider for the others."""

    def total(x):
        return float(np.log(np.exp(x).sum()))

    assert ready(total, "logsumexp")(block([[0.0, 1.0]])).wider == ""
    assert ready(total, "logsumexp", "float16")(block([[0.0, 1.0]], "float16")).wider == "float64"


# -- SC404 -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rows", [None, True], ids=["batch", "rows"])
def test_writing_to_the_input_is_seen_and_our_block_stays(ready, block, rows):
    """The rows whose input changed are guilty; the block that we hold does not change."""

    def in_place(x):
        x[x > 100] = 100
        return stable(x)

    inputs = block(ROWS)
    before = inputs["x"].copy()
    answer = ready(in_place, rows=rows)(inputs)
    assert codes(answer) == [("SC404", 1), ("SC404", 3)]
    assert answer.faults[0].text == "writes to its input x"
    assert answer.usable.all()
    np.testing.assert_array_equal(inputs["x"], before)


@pytest.mark.parametrize("format", ["float64", "bfloat16"])
def test_a_changed_sign_of_zero_is_writing(ready, block, format):
    """Bits are compared, not values; NaN equals itself."""

    def signs(x):
        result = stable(np.nan_to_num(x))
        x[x == 0] = -0.0
        return result

    assert codes(ready(signs, format=format)(block([[0.0, 1.0], [np.nan, 1.0]], format))) == [("SC404", 0)]


def test_buffer_that_is_used_again_is_seen(ready, block, softmax_of):
    """Results that a later call overwrites are faulted from the first block on; values are right."""
    buffers = {}

    def shared(x):
        buffer = buffers.setdefault(x.shape, np.empty_like(x))
        buffer[...] = stable(x)
        return buffer

    inputs = block([[0.0, 1.0, 2.0], [3.0, 5.0, 4.0]])
    answer = ready(shared)(inputs)
    assert answer.faults == (Fault("SC404", -1, OVERWRITTEN),)
    np.testing.assert_allclose(answer.values, softmax_of(inputs["x"]))


def test_result_that_is_a_view_of_the_input_is_no_fault(ready, block):
    """A view of the input is copied at once: nothing of ours depends on it."""
    inputs = block([[0.0, 1.0, 2.0]])
    answer = ready(lambda x: x[:, ::1])(inputs)
    assert answer.faults == ()
    np.testing.assert_array_equal(answer.values, inputs["x"])


# -- signals and surroundings ------------------------------------------------------------------------


def test_signals_of_a_block(ready, block):
    """IEEE signals on the way are reported with the answer."""
    answer = ready(lambda x: np.exp(x) / np.exp(x).sum(axis=-1, keepdims=True))(block([[1000.0, 0.0]]))
    assert answer.signals == {"overflow", "invalid"}
    assert ready(stable)(block([[1000.0, 0.0]])).signals == frozenset()


def test_noise_and_seeds_stay_inside(ready, block, capfd):
    """A target that prints and seeds leaves no trace."""

    def noisy(x):
        print("working")
        np.random.seed(0)
        np.seterr(all="raise")
        return stable(x)

    np.random.seed(3)
    expected = np.random.random()
    np.random.seed(3)
    ready(noisy)(block(ROWS))
    assert np.random.random() == expected
    assert np.geterr()["over"] == "warn"
    assert capfd.readouterr() == ("", "")


def test_empty_block(ready):
    """No examples, or rows without classes: shapes are kept."""
    runner = ready(lambda x: np.zeros_like(x))
    assert runner({"x": np.zeros((0, 3))}).values.shape == (0, 3)
    assert runner({"x": np.zeros((2, 0))}).values.shape == (2, 0)
