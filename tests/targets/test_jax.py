"""Targets that work on arrays of JAX."""

import numpy as np
import pytest

from stabcheck import formats
from stabcheck.targets.backends.choose import make

jax = pytest.importorskip("jax", reason="tests of the JAX backend need jax")
jnp = jax.numpy

FORMATS = ["float64", "float32", "bfloat16", "float16"]
ROWS = [[0.0, 1.0, 3.0], [5.0, 5.0, -5.0]]


def stable(x):
    e = jnp.exp(x - x.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def through_helper(x):
    return stable(x)


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize(
    "target",
    [
        "jax.nn:softmax",
        jax.jit(jax.nn.softmax),
        jax.jit(stable),
        stable,
        through_helper,
        lambda x: jnp.exp(x) / jnp.exp(x).sum(-1, keepdims=True),
    ],
    ids=["by name", "jitted library", "jitted", "eager", "helper", "lambda"],
)
def test_targets_get_jax_arrays_and_answer_in_the_format(ready, block, softmax_of, target, format):
    """Jitted or eager, by name or by object: arrays of the cell's format in and out, 64 bits included."""
    inputs = block(ROWS, format)
    runner = ready(target, format=format)
    answer = runner(inputs)
    assert runner.backend.name == "jax"
    assert runner.batch
    assert (answer.faults, answer.wider) == ((), "")
    np.testing.assert_allclose(
        answer.values, softmax_of(inputs["x"].astype(float)), rtol=16 * formats.get(format).u
    )


def test_64_bits_are_switched_on_for_the_cell_only(ready, block):
    """The note says that the setting was off; afterwards it is off again."""
    runner = ready(stable)
    runner(block(ROWS))
    assert "jax_enable_x64 is off; it was switched on for float64" in runner.notes
    assert jnp.ones(1).dtype == jnp.float32
    assert not any("x64" in note for note in ready(stable, format="float32").notes)


def test_setting_of_the_user_needs_no_note(ready):
    """With jax_enable_x64 on there is nothing to say."""
    jax.config.update("jax_enable_x64", True)
    try:
        assert not any("x64" in note for note in ready(stable).notes)
    finally:
        jax.config.update("jax_enable_x64", False)


@pytest.mark.parametrize("format", FORMATS)
def test_arrays_come_and_go_bit_by_bit(format):
    """Loading and reading back keeps every bit pattern, subnormals included."""
    form = formats.get(format)
    backend = make("jax")
    values = form.from_ordinal(np.array([0, 1, 5, form.max_ordinal, form.max_ordinal + 1, -1, -7]))
    with backend.session(form):
        back = backend.dump(backend.load(values))
    np.testing.assert_array_equal(back.view(f"i{values.itemsize}"), values.view(f"i{values.itemsize}"))


def test_flushing_is_what_the_arithmetic_does(ready):
    """The cell says that subnormals are lost exactly where a product of JAX loses them."""
    runner = ready(stable, format="float32")
    tiny = jnp.float32(2.0**-126) * jnp.float32(0.5)
    assert runner.flushes == (float(tiny) == 0.0)


def test_arrays_of_jax_have_no_layout(ready):
    """Only one layout is offered."""
    assert ready(stable).layouts == ("C",)


def test_one_number_at_a_time(ready, block):
    """A Python branch on the value needs concrete numbers: eager JAX, one at a time."""

    def scalar(x):
        return 1 / (1 + jnp.exp(-x)) if x > 0 else jnp.exp(x) / (1 + jnp.exp(x))

    runner = ready(scalar, "sigmoid", "float32")
    assert runner.call_form == "scalar(x)  one number at a time"
    assert runner(block([[0.0]], "float32")).values.tolist() == [[0.5]]


def test_losses_of_optax_by_name(ready):
    """optax is recognised as a library of JAX."""
    pytest.importorskip("optax", reason="needs optax")
    name = "optax.losses:softmax_cross_entropy_with_integer_labels"
    runner = ready(name, "cross_entropy", "float32")
    answer = runner({"x": np.zeros((2, 4), dtype=np.float32), "target": np.zeros(2, dtype=np.int64)})
    assert runner.backend.name == "jax"
    np.testing.assert_allclose(answer.values, np.log(4.0), rtol=1e-6)


@pytest.mark.parametrize("format", ["float64", "bfloat16"])
@pytest.mark.parametrize(
    ("target", "op", "gradient"),
    [
        ("jax.nn:softmax", "softmax", "softmax_vjp"),
        (jax.jit(stable), "softmax", "softmax_vjp"),
        ("jax.scipy.special:logsumexp", "logsumexp", "logsumexp_grad"),
        ("jax.nn:sigmoid", "sigmoid", "sigmoid_grad"),
    ],
    ids=["softmax", "jitted", "logsumexp", "sigmoid"],
)
def test_gradients_by_autograd(ready, format, target, op, gradient):
    """Right on benign inputs in one call for a whole batch."""
    runner = ready(target, op, format, gradient=gradient)
    assert runner.batch
    assert runner.call_form.startswith("gradient by jax in x of ")


def test_nan_gradient_under_a_fine_value(ready, block):
    """The untaken branch of `where` overflows: a fine value with a NaN gradient."""

    def double_where(x):
        return jnp.where(x > 0, 1 / (1 + jnp.exp(-x)), jnp.exp(x) / (1 + jnp.exp(x)))

    inputs = block([[200.0, 1.0]], "float32")
    assert np.isfinite(ready(double_where, "sigmoid", "float32")(inputs).values).all()
    gradient = ready(double_where, "sigmoid", "float32", gradient="sigmoid_grad")(inputs)
    assert np.isnan(gradient.values).tolist() == [[True, False]]


def test_batches_are_padded_so_that_few_shapes_are_compiled(ready, block, softmax_of):
    """The target sees few different numbers of rows, the answer has the rows of the block."""
    shapes = set()

    def seen(x):
        shapes.add(x.shape)
        return stable(x)

    runner = ready(seen, format="float32")
    shapes.clear()
    for rows in (1, 2, 31, 32, 33):
        inputs = block([[0.0, float(i)] for i in range(rows)], "float32")
        np.testing.assert_allclose(runner(inputs).values, softmax_of(inputs["x"]), rtol=1e-6)
    assert shapes == {(32, 2), (64, 2)}
    assert runner.call_form == "seen(x)  on batches (rows, classes), padded to 32 rows or more"
    assert runner({"x": np.zeros((0, 2), dtype=np.float32)}).values.shape == (0, 2)


def test_guilty_row_of_a_padded_batch(ready, block):
    """Only the row that raises is guilty, copies or not."""

    def raises(x):
        if (x > 100).any():
            raise ValueError("too large")
        return stable(x)

    answer = ready(raises, format="float32")(block([[0.0, 1.0], [0.0, 200.0]], "float32"))
    assert [(fault.code, fault.row) for fault in answer.faults] == [("SC401", 1)]
    assert answer.usable.tolist() == [True, False]


def test_a_padded_batch_that_is_too_large(ready):
    """The rows that are told are those of the call, copies included."""

    def few_at_a_time(x):
        if len(x) > 32:
            raise ValueError("too many")
        return stable(x)

    answer = ready(few_at_a_time, format="float32")({"x": np.zeros((40, 2), dtype=np.float32)})
    assert [(fault.code, fault.row) for fault in answer.faults] == [("SC401", -1)]
    assert "on 64 rows together" in answer.faults[0].text
    assert answer.usable.all()


def test_examples_with_subnormals_are_not_judged_where_they_are_flushed(ready, block):
    """JAX on a CPU reads a subnormal number as zero: its answer is one to another question."""
    runner = ready("jax.nn:softmax", "softmax", "float32")
    answer = runner(block([[1.0, 2.0], [1e-40, 1.0]], "float32"))
    assert runner.flushes
    assert [True, False] == answer.usable.tolist()


def hunts_nan(x):
    jax.config.update("jax_debug_nans", True)
    return stable(x)


def test_what_a_target_sets_in_the_configuration_is_put_back(ready, block):
    """The next target is not checked under it."""
    assert ready(hunts_nan)(block(ROWS)).faults == ()
    assert not jax.config.jax_debug_nans
