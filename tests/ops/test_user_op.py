"""`@stabcheck.op`: a formula of one line gets the same judging as the catalogue, with gates of its own."""

import math
import subprocess
import sys

import numpy as np
import pytest

import stabcheck
from stabcheck import ops
from stabcheck.errors import UsageError
from stabcheck.findings import Grade

ALL = ("float64", "float32", "bfloat16", "float16")


@pytest.fixture(autouse=True)
def registry(monkeypatch):
    """Ops declared here are forgotten afterwards."""
    ops.names()
    monkeypatch.setattr(ops, "_OPS", dict(ops._OPS))


def declared(**how):
    return stabcheck.op(**how)


def codes(target, op, **settings):
    """Codes that were asked for, per format."""
    settings = {"dtypes": ALL, "max_examples": 150, "max_classes": 33, **settings}
    report = stabcheck.check(target, op, name="target", **settings)
    assert [c.state for c in report.cells] == ["judged"] * len(report.cells)
    return {c.dtype: {f.code for f in c.findings if f.asked} for c in report.cells}


SILENT = {dtype: set() for dtype in ALL}


def squash():
    """x / (1 + |x|), as written."""

    @declared(name="squash", kind="elementwise")
    def squash(m, x):
        return x / (1 + m.abs(x))

    return squash, lambda x: x / (1 + np.abs(x)), lambda x: np.sign(x) - np.sign(x) / (1 + np.abs(x))


def root_mean_square():
    """A row op with one number per row, of condition 1; the squares overflow."""

    @declared(name="rms", kind="row", output="number")
    def rms(m, x):
        return m.sqrt(m.sum(x * x) / m.shape(x)[-1])

    def good(x):
        wide = x.astype(np.promote_types(x.dtype, np.float32))
        top = np.abs(wide).max(axis=-1, keepdims=True)
        scaled = wide / np.where(top > 0, top, 1)
        return (top[..., 0] * np.sqrt(np.mean(scaled * scaled, axis=-1))).astype(x.dtype)

    return rms, good, lambda x: np.sqrt(np.mean(x * x, axis=-1))


def centred_softmax():
    """Softmax with a temperature, invariant under shifts."""

    @declared(name="sharp", kind="row", invariance="shift", domain=(-1e4, 1e4))
    def sharp(m, x):
        e = m.exp(2 * x)
        return e / m.sum(e)

    def good(x):
        e = np.exp(2 * (x - x.max(axis=-1, keepdims=True)).astype(np.promote_types(x.dtype, np.float32)))
        return (e / e.sum(axis=-1, keepdims=True)).astype(x.dtype)

    def bad(x):
        e = np.exp(2 * x)
        return e / e.sum(axis=-1, keepdims=True)

    return sharp, good, bad


CASES = [squash, root_mean_square, centred_softmax]


@pytest.mark.parametrize("case", CASES)
def test_the_correct_implementation_is_silent(case):
    """In all formats, with gates from conditioning."""
    op, good, _ = case()
    assert SILENT == codes(good, op, max_examples=90, max_classes=33)


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES)
def test_the_correct_implementation_stays_silent(case):
    """Over five seeds, at the default effort."""
    op, good, _ = case()
    for seed in range(5):
        assert SILENT == codes(good, op, seed=seed, max_examples=1000, max_classes=4096)


@pytest.mark.parametrize(
    ("case", "expected"),
    [(squash, {"SC103", "SC201"}), (root_mean_square, {"SC102"}), (centred_softmax, {"SC101"})],
)
def test_a_broken_implementation_is_found(case, expected):
    """The textbook's trouble in every format, and one number is enough to show it."""
    op, _, bad = case()
    report = stabcheck.check(bad, op, dtypes=ALL, max_examples=60, max_classes=17, name="target")
    found = [(f.dtype, f.code, f.minimal.inputs["x"].size) for f in report.findings if f.code in expected]
    assert {(dtype, code, 1) for dtype in ALL for code in expected} == set(found)


def test_a_common_offset_excuses_nothing_where_it_is_declared_so():
    """x - logsumexp(x) loses its digits under an offset: found, whatever the offset."""

    @declared(name="mine", kind="row", invariance="shift")
    def formula(m, x):
        return x - m.log(m.sum(m.exp(x)))

    def target(x):
        m = x.max(axis=-1, keepdims=True)
        return x - (m + np.log(np.exp(x - m).sum(axis=-1, keepdims=True)))

    found = codes(target, formula, dtypes=("float32",), regimes=("offset",))
    assert "SC201" in found["float32"]


def test_specials_are_asked_for():
    """Masked logits are drawn only where they have a meaning."""

    def target(x):
        assert not np.isinf(x).any()
        return x.max(axis=-1)

    def declare(**more):
        @declared(name="largest", kind="row", output="number", **more)
        def largest(m, x):
            return m.max(x)

        return largest

    assert {"float32": set()} == codes(target, declare(), dtypes=("float32",))
    assert {"float32": {"SC401"}} == codes(target, declare(specials=True), dtypes=("float32",))


def test_what_a_nan_feeds_can_be_said():
    """In a row op every output of its row, unless the op says otherwise."""

    def declare(**more):
        @declared(name="exponentials", kind="row", **more)
        def exponentials(m, x):
            return m.exp(x)

        return exponentials

    kinds = {"dtypes": ("float32",), "regimes": ("nan",)}
    assert {"float32": {"SC105"}} == codes(np.exp, declare(), **kinds)
    assert {"float32": set()} == codes(np.exp, declare(feeds=np.isnan), **kinds)


def test_conventions_are_not_judged():
    """A function in `specials` names what is a matter of taste."""

    @declared(
        name="reciprocal",
        specials=lambda x: {"one over zero": x == 0},
        kind="elementwise",
        arguments={"x": "real"},
    )
    def reciprocal(m, x):
        return 1 / x

    def target(x):
        with np.errstate(divide="ignore"):
            return np.where(x == 0, x.dtype.type(7), 1 / x)

    report = stabcheck.check(target, reciprocal, dtypes="float32", max_examples=300, name="target")
    assert [] == [f.code for f in report.findings if f.asked]
    assert ("one over zero: not judged, the target answers numbers",) == report.cells[0].notes


def test_two_arguments_with_kinds_and_domains():
    """Each has its own bounds, and the target takes them in its order."""

    @declared(
        name="power", kind="elementwise", arguments={"base": "real", "exponent": "real"},
        domain={"base": (0.5, 4.0), "exponent": (-8.0, 8.0)},
    )  # fmt: skip
    def power(m, base, exponent):
        return m.exp(exponent * m.log(base))

    seen = {}

    def target(exponent, base):
        for name, values in (("base", base), ("exponent", exponent)):
            low, high = seen.get(name, (math.inf, -math.inf))
            clean = values[np.isfinite(values)].astype(np.float64)
            seen[name] = min(low, clean.min(initial=low)), max(high, clean.max(initial=high))
        return np.power(base, exponent)

    found = codes(target, power, dtypes=("float32", "float64"), arguments=("exponent", "base"))
    assert {"float32": set(), "float64": set()} == found
    assert {"base": (0.5, 4.0), "exponent": (-8.0, 8.0)} == seen


def test_a_formula_that_cannot_be_differentiated_is_judged_for_robust_only():
    """No digits are judged, NaN and infinities are; the grade goes no higher and the report says why."""

    @declared(name="swapped", kind="row", specials=False)
    def swapped(m, x):
        e = m.exp(m.transpose(m.transpose(x)))
        return e / m.sum(e)

    def sloppy(x):
        e = np.exp(x - x.max(axis=-1, keepdims=True))
        return e / e.sum(axis=-1, keepdims=True) * x.dtype.type(0.99)

    def naive(x):
        return np.exp(x) / np.exp(x).sum(axis=-1, keepdims=True)

    report = stabcheck.check(sloppy, swapped, max_examples=100, name="sloppy")
    assert [Grade.ROBUST] * 2 == [c.grade for c in report.cells]
    assert not report.findings
    assert {("the formula cannot be differentiated: judged for robust only",)} == {
        c.notes for c in report.cells
    }
    assert [0.0, 0.0] == [c.max_ratio for c in report.cells]
    assert "judged for robust only" in " ".join(str(report).split())
    broken = stabcheck.check(naive, swapped, max_examples=100, name="naive")
    assert [Grade.UNSTABLE] * 2 == [c.grade for c in broken.cells]
    assert {"SC101"} == {f.code for f in broken.findings if f.asked}


@pytest.mark.parametrize(
    "declare",
    [
        lambda: declared(name="x", kind="reducing")(lambda m, x: x),
        lambda: declared(name="x")(lambda m: 1),
        lambda: declared(name="x", arguments={"x": "logit"})(lambda m, x: x),
    ],
)
def test_bad_declarations_are_named(declare):
    """UsageError for an unknown kind, no argument, an unknown kind of argument."""
    with pytest.raises(UsageError):
        declare()


def test_the_name_of_an_op_of_ones_own_works_like_any_other():
    """It is registered, and its docstring is its formula's text."""

    @declared(name="triple", kind="elementwise")
    def triple(m, x):
        """3 x"""
        return 3 * x

    assert ("triple", "3 x") == (ops.get("triple").name, triple.text)
    assert stabcheck.check(lambda x: 3 * x, "triple", dtypes="float16", max_examples=50, name="t").ok


def test_a_factor_that_underflowed_may_be_multiplied():
    """x times a sigmoid, rounded to float16 in between: half a subnormal step is lost and multiplied by 10.
    The same loss at 1e-3 is seen."""

    @declared(name="quick_gelu", kind="elementwise")
    def quick_gelu(m, x):
        return x / (1 + m.exp(-1.702 * x))

    def gate(x):
        wide = x.astype(np.float32)
        s = np.exp(np.minimum(1.702 * wide, 0)) / (1 + np.exp(-np.abs(1.702 * wide)))
        return x * s.astype(x.dtype)

    def coarse(x):
        return np.where(np.abs(x) > 4, (np.rint(gate(x) * 256) / 256).astype(x.dtype), gate(x))

    how = {"dtypes": "float16", "max_examples": 200}
    assert stabcheck.check(gate, "quick_gelu", **how, name="gate").ok
    assert "SC103" in {f.code for f in stabcheck.check(coarse, "quick_gelu", **how, name="c").findings}


@pytest.mark.parametrize(
    "at_zero",
    [lambda x: x == 0, lambda x: (x <= 0) & (x >= 0), lambda x: ~((x < 0) | (x > 0)), lambda x: ~(x != 0)],
    ids=["==", "&", "|", "!="],
)
def test_a_formula_may_ask_for_equality(at_zero):
    """The value of x / x at 0 is what the formula says, not 0 / 0."""

    @declared(name="one", kind="elementwise")
    def one(m, x):
        return m.where(at_zero(x), 2, x / x)

    right = {"range": (-1e4, 1e4), "specials": "finite", "max_examples": 60}
    assert SILENT == codes(
        lambda x: np.where(x == 0, x.dtype.type(2), x * 0 + 1).astype(x.dtype), one, **right
    )
    assert {dtype: {"SC201"} for dtype in ALL} == codes(lambda x: x * 0 + 1, one, **right)


def test_inexact_numbers_are_equal_where_nothing_else_is_possible():
    """exp(x) - exp(x) may be 0: both branches count, and a formula that gives the same in both is certain."""

    @declared(name="thrice", kind="elementwise")
    def thrice(m, x):
        return m.where(m.exp(x) == m.exp(x) * 1, 3 * x, 2 * x + x)

    assert SILENT == codes(lambda x: 3 * x, thrice, range=(-1e3, 1e3), max_examples=60)


@pytest.mark.parametrize(
    ("formula", "said"),
    [
        (lambda m, x: m.sinh(x), "sinh"),
        (lambda m, x: m.exp(x) ** 0.5, "TypeError"),
        (lambda m, x: 1 if x == 0 else x, "ambiguous"),
        (lambda m, x: np.exp(x), "TypeError"),
    ],
    ids=["no such function", "a broken power", "if", "NumPy"],
)
def test_mistakes_in_a_formula_are_told_as_such(formula, said):
    """UsageError names the op, what was raised, and what a formula may use."""
    op = declared(name="mistaken", kind="elementwise")(formula)
    with pytest.raises(UsageError, match="the formula of op 'mistaken' raised") as caught:
        stabcheck.check(np.exp, op, max_examples=20)
    assert said in str(caught.value)
    assert "m.where instead of `if`" in str(caught.value)


@pytest.mark.parametrize(
    ("formula", "how", "said"),
    [
        (lambda m, x: m.sum(x), {"kind": "row"}, "output='number'"),
        (lambda m, x: m.sum(x), {}, "kind='row'"),
        (lambda m, x: x - m.max(x), {"kind": "row", "output": "number"}, "returned shape"),
        (lambda m, x: None, {}, "returned None"),
        (lambda m, x: 1.5, {}, "returned 1.5"),
        (lambda m, x: (x, x), {}, "one value made of its arguments"),
    ],
    ids=["number", "elementwise", "row", "None", "constant", "tuple"],
)
def test_results_of_a_formula_that_fit_no_declaration(formula, how, said):
    """UsageError says what to declare."""
    op = declared(name="unfitting", **how)(formula)
    with pytest.raises(UsageError, match="the formula of op 'unfitting' ") as caught:
        stabcheck.check(np.exp, op, max_examples=20)
    assert said in str(caught.value)


def test_powers_and_absolute_values_as_python_writes_them():
    """x ** 2.0 is a whole power, abs(x) is m.abs(x)."""
    op = declared(name="as_written", kind="elementwise")(lambda m, x: abs(x) + x**2.0 * 0)
    assert SILENT == codes(np.abs, op, max_examples=60, range=(-1e4, 1e4))


def test_nothing_is_no_answer_in_the_tail_of_bfloat16():
    """The condition number of exp times u is beyond 1 at -36, and exp(-36) is still a normal number."""
    op = declared(name="plain_exp", kind="elementwise")(lambda m, x: m.exp(x))
    found = codes(lambda x: np.where(x < -35, 0, np.exp(x)).astype(x.dtype), op, dtypes=("bfloat16",))
    assert "SC103" in found["bfloat16"]
    assert {"bfloat16": set()} == codes(np.exp, op, dtypes=("bfloat16",))


def test_a_domain_beyond_the_format():
    """Its ends are not drawn."""
    op = declared(name="far", kind="elementwise", arguments={"x": "real"}, domain=(-1e15, 1e15))(
        lambda m, x: x * 1
    )
    assert {"float16": set()} == codes(lambda x: x, op, dtypes=("float16",), max_examples=60)


def test_a_threshold_next_to_one():
    """log(x) / (x - 1) is replaced by 1 too early."""
    at_one = declared(name="log_ratio", kind="elementwise", arguments={"x": "real"}, domain=(0.0, 1e9))(
        lambda m, x: m.where(x == 1, 1, m.log(x) / m.where(x == 1, 1, x - 1))
    )

    def early(x):
        with np.errstate(all="ignore"):
            return np.where(np.abs(x - 1) < 1e-5, 1.0, np.log(x) / (x - 1)).astype(x.dtype)

    assert all("SC201" in codes(early, at_one, dtypes=("float64",), seed=s)["float64"] for s in range(3))


def test_a_threshold_next_to_the_other_argument():
    """(exp(a) - exp(b)) / (a - b) is replaced by exp(a) too early."""
    quotient = declared(name="exp_quotient", kind="elementwise", domain=(-20.0, 20.0))(
        lambda m, a, b: m.where(a == b, m.exp(a), (m.exp(a) - m.exp(b)) / m.where(a == b, 1, a - b))
    )

    def early(a, b, near=1e-5):
        d = b - a
        with np.errstate(all="ignore"):
            return np.exp(a) * np.where(np.abs(d) <= near, 1.0, np.expm1(d) / d)

    assert all("SC201" in codes(early, quotient, dtypes=("float64",), seed=s)["float64"] for s in range(3))
    assert {"float64": set()} == codes(lambda a, b: early(a, b, 0), quotient, dtypes=("float64",))


def test_an_op_is_itself_whatever_has_been_declared_under_its_name_since():
    """In Python the op that is given judges, not its namesake."""
    first = declared(name="namesake", kind="elementwise")(lambda m, x: m.exp(x))
    declared(name="namesake", kind="elementwise")(lambda m, x: 2 * m.exp(x))
    assert SILENT == codes(np.exp, first, max_examples=60)
    assert all(codes(np.exp, "namesake", max_examples=60).values())


def test_nothing_is_judged_at_a_pole():
    """1 / 0 has no value: a convention, not an open question."""

    @declared(name="harmonic", kind="row", output="number", arguments={"x": "real"}, domain=(0, 100))
    def harmonic(m, x):
        return 1 / m.sum(1 / x)

    def right(x):
        wide = x.astype(np.result_type(x, np.float32))
        return (1 / (1 / wide).sum(axis=-1)).astype(x.dtype)

    report = stabcheck.check(right, harmonic, max_examples=100, max_classes=9, regimes=["zeros", "moderate"])
    assert [0, 0] == [cell.undecided for cell in report.cells]
    assert all(any("formula has no value" in note for note in cell.notes) for cell in report.cells)
    assert report.ok


def test_the_mean_of_subnormal_numbers_may_be_rounded():
    """(x - mean) / sqrt(var + 2^-16) multiplies half a step of the mean by 256."""

    @declared(name="normalised", kind="row", arguments={"x": "real"})
    def normalised(m, x):
        n = m.shape(x)[-1]
        apart = x - m.sum(x) / n
        return apart / m.sqrt(m.sum(apart**2) / n + 2.0**-16)

    def two_passes(x):
        wide = x.astype(np.result_type(x, np.float32))
        apart = wide - wide.mean(axis=-1, keepdims=True)
        variance = np.mean(apart * apart, axis=-1, keepdims=True)
        return (apart / np.sqrt(variance + wide.dtype.type(2.0**-16))).astype(x.dtype)

    tiny = [{"x": np.array([7e-45, 0.0])}, {"x": np.array([9.92e-319, 0.0])}]
    assert SILENT == codes(
        two_passes, normalised, examples=tiny, range=(-100, 100), regimes=["tiny", "moderate"]
    )


def test_a_script_can_be_named_on_the_command_line(tmp_path):
    """What a script that was run says of reproducing it is a command that runs."""
    script = tmp_path / "mine.py"
    script.write_text(
        "import numpy as np, stabcheck\n"
        "@stabcheck.op(name='hypotenuse', kind='elementwise')\n"
        "def longer(m, x): return m.sqrt(1 + x * x)\n"
        "def plain(x): return np.sqrt(1 + x * x)\n"
        "if __name__ == '__main__':\n"
        "    print(stabcheck.check(plain, longer, dtypes=('float32',), max_examples=60))\n"
    )
    said = subprocess.run(
        [sys.executable, script], capture_output=True, text=True, cwd=tmp_path, check=True
    ).stdout
    command = said.split("Reproduce with:")[1].split("\n\n")[0].split()
    assert "mine.py:longer" in command[command.index("--op") + 1]
    again = subprocess.run(
        [sys.executable, "-m", *command], capture_output=True, text=True, cwd=tmp_path, check=False
    )
    assert again.returncode == 1, again.stderr
    assert "SC102" in again.stdout
