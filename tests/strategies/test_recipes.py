"""Recipes and blocks: exactly as many examples as asked, the same ones every time, where they may live."""

import subprocess
import sys
from dataclasses import replace

import hypothesis
import numpy as np
import pytest

from stabcheck import formats, ops
from stabcheck.errors import UsageError
from stabcheck.ops.op import Argument, Op
from stabcheck.ops.user import op as declare
from stabcheck.strategies.block import BLOCK_ELEMENTS, Block, Recipe
from stabcheck.strategies.recipes import EXAMPLE_ELEMENTS, Draws, blocks

FLOAT32 = formats.get("float32")
ALL = [pytest.param(f, id=f.name) for f in formats.FORMATS.values()]


def draws(op="softmax", fmt=FLOAT32, examples=60, **more):
    record = ops.get(op)
    options = record.parse_options({})
    return Draws(record.under(options), options, fmt, examples, **{"max_classes": 64, **more})


@pytest.fixture
def declared():
    """Ops of the user's own, forgotten afterwards."""
    known = dict(ops._OPS)
    yield lambda formula, **more: declare(name="mine", **{"arguments": {"x": "real"}, **more})(formula)
    ops._OPS.clear()
    ops._OPS.update(known)


def digest(d):
    """What a search looks like, in short."""
    return [(b.recipes, {n: a.tobytes() for n, a in b.inputs.items()}) for b in blocks(d)]


@pytest.mark.parametrize("examples", [1, 2, 59, 1000, 20_000])
@pytest.mark.parametrize("op", ["softmax", "sigmoid", "cross_entropy"])
def test_the_count_is_exact(op, examples):
    """No more and no fewer, from one example to twenty thousand."""
    if op == "cross_entropy" and examples > 1000:
        examples = 2000
    assert examples == sum(b.rows for b in blocks(draws(op, examples=examples, max_classes=8)))


@pytest.mark.parametrize("name", ops.names())
def test_arguments_of_every_op(name):
    """Of the format (class indices int64), in their domains, with axes of the same name agreeing."""
    for fmt in (FLOAT32, formats.get("bfloat16")):
        for block in blocks(draws(name, fmt, 120, max_classes=20)):
            op = draws(name).op
            sizes = {}
            for a in op.arguments:
                x = block.inputs[a.name]
                assert (np.dtype(np.int64) if a.integer else fmt.dtype) == x.dtype
                assert block.rows == x.shape[0]
                if op.kind != "elementwise":
                    for axis, size in zip(a.axes, x.shape[1:], strict=True):
                        assert size == sizes.setdefault(axis, size)
                if not a.integer:
                    wide = fmt.widen(x)
                    finite = wide[np.isfinite(wide)]
                    assert finite.size == 0 or (finite.min() >= a.domain[0] and finite.max() <= a.domain[1])
            op.output_shape({n: a.shape for n, a in block.inputs.items()})


@pytest.mark.parametrize("fmt", ALL)
def test_the_same_inputs_every_time(fmt):
    """For the same seed, op, options and format; others for another of them."""
    same, again, seeded = (digest(draws(fmt=fmt, seed=s)) for s in (0, 0, 1))
    assert same == again
    assert same != seeded
    assert same != digest(draws("logsumexp", fmt))
    other = draws("cross_entropy", fmt)
    assert digest(other) != digest(replace(other, options={**other.options, "reduction": "sum"}))


def test_profiles_and_variables_do_not_matter(monkeypatch):
    """Hypothesis loads another profile under CI; ours is spelt out."""
    before = digest(draws())
    monkeypatch.setenv("CI", "true")
    hypothesis.settings.register_profile("odd", derandomize=True, max_examples=1, database=None)
    old = hypothesis.settings._current_profile
    hypothesis.settings.load_profile("odd")
    try:
        assert before == digest(draws())
    finally:
        hypothesis.settings.load_profile(old)


def test_another_process_draws_the_same():
    """Python's hash of a string does not, but nothing here depends on it."""
    code = (
        "import hashlib; from stabcheck import formats, ops;"
        "from stabcheck.strategies.recipes import Draws, blocks;"
        "d = Draws(ops.get('softmax'), {}, formats.get('float32'), 60, max_classes=64);"
        "drawn = b''.join(a.tobytes() for b in blocks(d) for a in b.inputs.values());"
        "print(hashlib.sha256(drawn).hexdigest())"
    )
    runs = [
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True,
                       env={"PYTHONHASHSEED": s, "PATH": "/usr/bin:/bin"}).stdout
        for s in ("1", "2")
    ]  # fmt: skip
    assert runs[0] == runs[1] != ""


def test_the_range_is_respected():
    """Finite logits stay inside, its ends are reached, masks and NaN are left alone."""
    seen = [b.inputs["x"] for b in blocks(draws(examples=400, range=(-3.0, 5.0)))]
    values = np.concatenate([x.ravel() for x in seen])
    finite = values[np.isfinite(values)]
    assert (-3.0, 5.0) == (finite.min(), finite.max())
    assert ((finite > -2.9) & (finite < 4.9)).mean() > 0.3
    assert np.isneginf(values).any()
    assert np.isnan(values).any()


def test_the_range_is_for_real_numbers_where_there_are_no_logits():
    """An op of numbers only; beside logits they keep their own."""
    x, y = Argument("x", "logits"), Argument("y", "real")
    for arguments, inside in (((y,), "y"), ((x, y), "x")):
        op = Op("mine", "row", arguments, lambda k, *a: a[0])
        seen = list(blocks(Draws(op, {}, FLOAT32, 200, range=(-3.0, 5.0))))
        for name in {a.name for a in arguments}:
            values = np.concatenate([b.inputs[name].ravel() for b in seen])
            values = values[np.isfinite(values)]
            assert (name == inside) == bool(values.min() >= -3 and values.max() <= 5)


@pytest.mark.parametrize("fmt", ALL)
def test_sums_over_a_row_of_ones_own_op_do_not_overflow(fmt):
    """In float32 at least, as sums of narrow formats are carried; a number by itself has the whole range."""
    largest = {}
    for kind in ("row", "elementwise"):
        op = Op("mine", kind, (Argument("x", "real", ("C",) if kind == "row" else ()),), lambda k, x: x)
        for block in blocks(Draws(op, {}, fmt, 300)):
            wide = np.abs(fmt.widen(block.inputs["x"])) / max(fmt.max, FLOAT32.max)
            wide = np.where(np.isfinite(wide), wide, 0.0)
            assert kind == "elementwise" or np.all(wide.sum(axis=-1) <= 1 / 32)
            largest[kind] = max(largest.get(kind, 0.0), float(wide.max()))
    assert largest["elementwise"] == fmt.max / max(fmt.max, FLOAT32.max)


def test_weights_of_a_row():
    """Not negative, sometimes exactly 0, never all of them."""
    op = Op("mine", "row", (Argument("a", "logits"), Argument("b", "weights")), lambda k, a, b: a * b)
    weights = [b.inputs["b"] for b in blocks(Draws(op, {}, FLOAT32, 300))]
    assert all((w >= 0).all() and (w.max(axis=-1) > 0).all() for w in weights)
    assert any((w == 0).any() for w in weights)


def test_a_nan_may_stand_in_either_row_of_probabilities():
    """Alone in the first, alone in the second."""
    block = next(b for b in blocks(draws("kl_divergence", examples=4000)) if "nan" in b.regimes)
    p, q = (np.isnan(block.inputs[name]).any(axis=-1) for name in "pq")
    assert (p & ~q).any()
    assert (q & ~p).any()


def test_ends_of_a_range_that_the_format_does_not_hold():
    """Rounding does not step outside."""
    fmt = formats.get("bfloat16")
    for block in blocks(draws(fmt=fmt, range=(0.1, 0.3), specials="finite")):
        wide = fmt.widen(block.inputs["x"])
        assert ((wide >= 0.1) & (wide <= 0.3)).all()


def test_specials():
    """finite has neither infinities nor NaN, masked has -inf, extended has all."""
    seen = {}
    for specials in ("finite", "masked", "extended"):
        x = np.concatenate([b.inputs["x"].ravel() for b in blocks(draws(examples=1000, specials=specials))])
        seen[specials] = bool(np.isneginf(x).any()), bool(np.isnan(x).any()), bool(np.isposinf(x).any())
    expected = {"finite": (False,) * 3, "masked": (True, True, False), "extended": (True, True, True)}
    assert expected == seen


def test_every_regime_takes_part():
    """About in proportion to its share; named ones alone where they are named."""
    d = draws(examples=2000, max_classes=64)
    counts = {}
    for b in blocks(d):
        for name in b.regimes.tolist():
            counts[name] = counts.get(name, 0) + 1
    assert {r.name for r in d.chosen()} == set(counts)
    assert counts["offset"] > counts["tiny"]
    assert {"gaps", "small"} == {r for b in blocks(draws(regimes=("gaps", "small"))) for r in b.regimes}
    with pytest.raises(UsageError, match="'gaps'"):
        draws(regimes=("gapps",)).chosen()


def test_elementwise_examples_are_of_64():
    """Regimes of rows serve no elementwise op, except by name."""
    for block in blocks(draws("sigmoid", examples=100)):
        assert (block.rows, EXAMPLE_ELEMENTS) == block.inputs["x"].shape
    assert not any(r.rows for r in draws("sigmoid").chosen())


def test_lengths():
    """Up to what was asked: the first long rows are as long as that; one class for `single`."""
    lengths = {}
    for block in blocks(draws(examples=1000, max_classes=4096)):
        for recipe in block.recipes:
            lengths.setdefault(recipe.regime, []).append(recipe.classes)
    assert {1} == set(lengths["single"])
    assert [4096, 4096] == [lengths[name][0] for name in ("long", "long tail")]
    assert all(n > 256 for n in lengths["long"])
    assert all(256 < n <= 4096 and 0 < n % 64 < 32 for n in lengths["long gaps"])
    assert {1, 2, 3} <= {n for drawn in lengths.values() for n in drawn}
    assert {1} == {b.classes for b in blocks(draws(max_classes=1))}


@pytest.mark.parametrize("op", ["softmax", "linear_softmax_grad"])
def test_blocks_are_bounded(op):
    """However many examples are asked for, memory is bounded by the block."""
    limit = 1 << 19 if op != "softmax" else BLOCK_ELEMENTS
    largest = 0
    for number, block in enumerate(blocks(draws(op, examples=60_000, max_classes=4096))):
        largest = max(largest, *(a.size for a in block.inputs.values()))
        if number == 35:  # a round of all regimes
            break
    assert largest <= limit


def test_a_row_is_a_copy():
    """Changing it leaves the block alone."""
    block = Block((Recipe("ties", 2, 2, 0),), {"x": np.zeros((2, 2))})
    block.row(1)["x"][:] = 5
    assert not block.inputs["x"].any()
    assert 2 == block.rows


def test_blocks_join_regimes():
    """Every example says where it came from; a part of them can be taken of each."""
    drawn = list(blocks(draws(examples=600)))
    assert len(drawn) < 45 < sum(len(b.recipes) for b in drawn)
    for block in drawn:
        assert block.rows == len(block.regimes) == sum(r.rows for r in block.recipes)
        few = block.of_each(2)
        assert [min(r.rows, 2) for r in block.recipes] == [r.rows for r in few.recipes]
        assert block.regimes[block.first_rows(2)].tolist() == few.regimes.tolist()
        np.testing.assert_array_equal(few.inputs["x"], block.inputs["x"][block.first_rows(2)])
        ones = block.inputs["x"][block.regimes == "ties"].astype(np.float64)
        assert (ones == ones[:, :1]).all()


@pytest.mark.parametrize("name", ["float64", "float32", "bfloat16", "float16"])
def test_a_sum_over_the_classes_stays_finite_under_label_smoothing(name):
    """The mean of all log-probabilities is its sum first; only in float16 may it overflow: at logits of a
    few thousand that is a fault."""
    op, fmt = ops.get("cross_entropy"), formats.get(name)
    options = op.parse_options({"label_smoothing": 0.1})
    overflows = False
    for block in blocks(Draws(op.under(options), options, fmt, 400, max_classes=64)):
        x = fmt.widen(block.inputs["logits"])
        depth = np.where(np.isfinite(x), x.max(axis=-1, keepdims=True) - x, 0.0)
        with np.errstate(over="ignore"):
            overflows |= bool((depth.sum(axis=(-2, -1)) > fmt.max).any())
    assert overflows == (name == "float16")


@pytest.mark.parametrize("name", ["float64", "float32", "bfloat16", "float16"])
def test_close_to_the_ends_of_a_declared_domain(name, declared):
    """At distances of every size from each end, from the next number on, and most of them elsewhere."""
    fmt = formats.get(name)
    op = declared(lambda m, x: m.log1p(-x * x), domain=(-1.0, 1.0))
    x = np.concatenate([fmt.widen(b.inputs["x"]).ravel() for b in blocks(Draws(op, {}, fmt, 2000))])
    for end in (-1, 1):
        apart = 1 - end * x[np.isfinite(x)]
        assert apart.min() == 0
        for least, most in ((fmt.u, 4 * fmt.u), (4 * fmt.u, fmt.u**0.5), (fmt.u**0.5, 0.5)):
            assert ((apart >= least) & (apart <= most)).sum() > 50
    assert (np.abs(x) < 0.9).mean() > 0.3


def test_a_domain_with_one_end(declared):
    """What lies beyond is reflected: positive numbers of all sizes, and few zeros."""
    fmt = formats.get("float32")
    op = declared(lambda m, x: m.log(x), domain=(0.0, np.inf))
    x = np.concatenate([fmt.widen(b.inputs["x"]).ravel() for b in blocks(Draws(op, {}, fmt, 600))])
    x = x[np.isfinite(x)]
    assert x.min() == 0
    assert (x == 0).mean() < 0.2
    assert min(((x > 0) & (x < 1e-30)).sum(), (x > 1e30).sum(), ((x > 0.1) & (x < 10)).sum()) > 300


def test_the_kind_bounds_the_numbers(declared):
    """Log-probabilities are those of a row; probabilities, targets and weights stay what they are."""
    kinds = {"a": "log_probabilities", "p": "probabilities", "t": "targets", "w": "weights"}
    op = declared(lambda m, a, p, t, w: m.sum(a * p * t * w), kind="row", arguments=kinds, output="number")
    fmt = formats.get("float32")
    for block in blocks(Draws(op, {}, fmt, 300)):
        a, p, t, w = (np.nan_to_num(fmt.widen(block.inputs[name])) for name in kinds)
        assert a.max(initial=0) <= 0
        whole = ~np.isnan(fmt.widen(block.inputs["a"])).any(axis=-1)
        np.testing.assert_allclose(np.exp(a[whole]).sum(axis=-1), 1, rtol=1e-3)
        assert 0 <= min(p.min(), t.min(), w.min())
        assert 1 >= max(p.max(), t.max())
