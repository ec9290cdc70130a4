"""The judge against hand-made cases: every code at its exact border, in every format."""

import math
from fractions import Fraction

import numpy as np
import pytest

from stabcheck import formats
from stabcheck.judge import JUDGED, judge, may_show, severity
from stabcheck.oracle.enclosure import Enclosure
from stabcheck.oracle.gates import MPF_MARGIN
from stabcheck.oracle.intervals import IntervalContext
from stabcheck.oracle.scaled import Scaled
from stabcheck.oracle.truth import Kind, Truth, place

ALL = [pytest.param(f, id=f.name) for f in formats.FORMATS.values()]
EXACT = IntervalContext(2400)  # every dyadic number met here fits


def scaled(gates):
    """Fractions as mantissas and exponents."""
    e = EXACT.enclosure(_stack(gates))
    return Scaled.of(e.head, e.exponent)


def _stack(numbers):
    """These fractions as one array of intervals."""
    values = [EXACT.value(n) for n in numbers]
    lo, hi = (
        np.array([getattr(v, end)[()] for v in values] + [None], dtype=object)[:-1] for end in ("lo", "hi")
    )
    return type(values[0])(lo, hi, EXACT.precision)


def truth_of(
    fmt, reals, stable, accurate=None, *, relative=True, kind=Kind.NUMBER, enclosure=None, slack=0.0
):
    """Truths of one element per example. Gates are given in absolute terms and widened by the margin that
    the authority's gates carry, so that an error of exactly the gate is inside it."""
    e = enclosure if enclosure is not None else EXACT.enclosure(_stack(reals))
    with np.errstate(over="ignore"):  # as the ladder does around it
        placed = place(e, fmt)
    shape = placed.head.shape
    margin = 1 + MPF_MARGIN
    return Truth(
        fmt,
        np.full(shape, kind, dtype=np.int8),
        placed.head,
        placed.tail,
        placed.radius,
        placed.unit,
        placed.step,
        scaled(stable).times(margin),
        scaled(accurate if accurate is not None else stable).times(margin),
        np.full(shape, slack),
        np.zeros(shape[0], dtype=np.int8),
        relative=relative,
    )


def verdict_of(fmt, real, got, stable, accurate=None, **more):
    """The verdict on one answer."""
    accurate = stable if accurate is None else accurate
    truth = truth_of(fmt, [Fraction(real)], [Fraction(stable)], [Fraction(accurate)], **more)
    return judge(np.array([float(got)]), truth)


def code_of(*arguments, **more):
    """The code of one answer, "" for none; the verdict must be certain."""
    verdict = verdict_of(*arguments, **more)
    assert not verdict.open[0]
    return JUDGED[verdict.code[0]]


def steps(fmt, value, count):
    """The value `count` places up the number line, exactly."""
    return float(fmt.widen(fmt.neighbour(np.array([value], dtype=fmt.dtype), count))[0])


@pytest.mark.parametrize("fmt", ALL)
def test_gates_are_inside_at_their_exact_border(fmt):
    """Stable gate 4 ulps, accurate gate 2: an error of as much is inside, of one ulp more outside."""
    ulp = Fraction(2) ** (1 - fmt.precision)
    expected = {0: "", 1: "", 2: "", 3: "SC202", 4: "SC202", 5: "SC201", 9: "SC201"}
    assert expected == {n: code_of(fmt, 1, 1 + n * ulp, 4 * ulp, 2 * ulp) for n in expected}
    assert expected == {n: code_of(fmt, -1, -1 - n * ulp, 4 * ulp, 2 * ulp) for n in expected}


@pytest.mark.parametrize("fmt", ALL)
def test_a_trifle_below_the_error_is_beyond_the_gate(fmt):
    """A gate smaller than the error by 10^-9 of it is missed."""
    ulp = Fraction(2) ** (1 - fmt.precision)
    trifle = 1 - Fraction(1, 10**9)
    assert "SC201" == code_of(fmt, 1, 1 + 4 * ulp, 4 * ulp * trifle)
    assert "SC202" == code_of(fmt, 1, 1 + 2 * ulp, 4 * ulp, 2 * ulp * trifle)


@pytest.mark.parametrize("fmt", ALL)
def test_no_error_is_inside_a_gate_of_zero(fmt):
    """The right answer passes any gate; the smallest error misses a gate of zero."""
    assert "" == code_of(fmt, 3, 3, 0)
    assert "SC201" == code_of(fmt, 3, steps(fmt, 3.0, 1), 0)


@pytest.mark.parametrize("fmt", ALL)
def test_an_infinity_is_max_and_one_ulp(fmt):
    """Beside the largest number an infinity is one ulp off; far below it, it is far off."""
    ulp = Fraction(fmt.max) - Fraction(steps(fmt, fmt.max, -1))
    top = Fraction(fmt.max)
    assert "" == code_of(fmt, top, math.inf, ulp)
    assert "SC102" == code_of(fmt, top, math.inf, ulp * Fraction(99, 100))
    assert "" == code_of(fmt, -top, -math.inf, ulp)
    assert "SC102" == code_of(fmt, top, -math.inf, ulp)
    assert "SC102" == code_of(fmt, 1, math.inf, 4 * ulp)
    assert 1.0 == pytest.approx(verdict_of(fmt, top, math.inf, ulp).ulps[0], rel=1e-12)
    assert verdict_of(fmt, 1, math.inf, fmt.u).ulps[0] == pytest.approx(
        math.ldexp(1.0, fmt.emax + fmt.precision) - math.ldexp(1.0, fmt.precision - 1)
        if fmt.emax + fmt.precision < 1024
        else math.inf
    )


@pytest.mark.parametrize("fmt", ALL)
def test_missed_overflow(fmt):
    """A finite answer to a truth that rounds to an infinity, beyond the gate."""
    ulp = Fraction(fmt.max) - Fraction(steps(fmt, fmt.max, -1))
    just = Fraction(fmt.max) + Fraction(3, 4) * ulp
    assert "" == code_of(fmt, just, math.inf, ulp / 2)
    assert "" == code_of(fmt, just, fmt.max, ulp)
    assert "SC104" == code_of(fmt, just, fmt.max, ulp / 2)
    far = Fraction(2) ** (fmt.emax + 50)
    assert "" == code_of(fmt, far, math.inf, 0)
    assert "" == code_of(fmt, far, fmt.max, ulp)
    assert "SC104" == code_of(fmt, far, fmt.max, ulp * Fraction(9, 10))
    assert "SC104" == code_of(fmt, far, 1.0, ulp)
    assert "SC102" == code_of(fmt, far, -math.inf, ulp)


@pytest.mark.parametrize("fmt", ALL)
def test_a_truth_beyond_every_exponent(fmt):
    """exp(1e308) has no exponent, but its infinity is judged like any other."""
    beyond = Enclosure(*(np.array([v]) for v in (0.5, 0.0)), np.array([1 << 60]), np.array([math.inf]),
                       np.array([True]))  # fmt: skip
    ulp = [Fraction(2) ** (fmt.emax - fmt.precision + 1)]
    truth = truth_of(fmt, None, ulp, enclosure=beyond)
    assert [""] == [JUDGED[c] for c in judge(np.array([math.inf]), truth).code]
    assert ["SC104"] == [JUDGED[c] for c in judge(np.array([1.0]), truth).code]


@pytest.mark.parametrize("fmt", ALL)
def test_underflow_loses_all_or_nearly_all_of_a_normal_number(fmt):
    """Where the gate is relative: zero or a subnormal number of at most 1/64 of a truth that is normal."""
    tiny, gate = Fraction(fmt.tiny), Fraction(fmt.tiny) / 16
    assert "SC103" == code_of(fmt, tiny, 0.0, gate)
    assert "SC103" == code_of(fmt, tiny, fmt.tiny / 64, gate)
    assert "SC201" == code_of(fmt, tiny, steps(fmt, fmt.tiny / 64, 1), gate)
    assert "SC201" == code_of(fmt, tiny, -fmt.tiny, gate)
    assert "SC103" == code_of(fmt, 1, 0.0, Fraction(1, 2))
    assert "SC103" == code_of(fmt, 100 * tiny, steps(fmt, fmt.tiny, -1), gate)
    assert "SC201" == code_of(fmt, 100 * tiny, fmt.tiny, gate), "a normal number is not an underflow"


@pytest.mark.parametrize("fmt", ALL)
def test_a_zero_under_an_absolute_gate_is_inaccurate(fmt):
    """log_softmax may be zero by cancellation: no underflow, an error like any other."""
    assert "SC201" == code_of(fmt, 1, 0.0, Fraction(1, 2), relative=False)
    assert "SC201" == code_of(fmt, fmt.tiny, 0.0, fmt.eta, relative=False)


@pytest.mark.parametrize("fmt", ALL)
def test_a_lost_subnormal_breaks_accuracy_only(fmt):
    """Zero for two subnormal steps or more, whichever gate it misses; for one step it is an inaccuracy."""
    eta = Fraction(fmt.eta)
    assert "SC203" == code_of(fmt, 2 * eta, 0.0, eta)
    assert "SC203" == code_of(fmt, 2 * eta, 0.0, 4 * eta, eta)
    assert "" == code_of(fmt, 2 * eta, 0.0, 2 * eta)
    assert "SC201" == code_of(fmt, eta, 0.0, eta / 2)
    largest = Fraction(fmt.tiny) - eta
    assert "SC203" == code_of(fmt, largest, 0.0, eta)
    assert "SC201" == code_of(fmt, largest, fmt.eta, eta), "only zero is lost"
    assert "SC203" == code_of(fmt, largest, fmt.eta, eta, relative=False), "unless terms cancel"
    near = fmt.name == "float16"  # there subnormal numbers are next to ordinary ones
    assert code_of(fmt, Fraction(0), fmt.tiny / 2, eta, relative=False) == ("SC201" if near else "SC203")
    assert "SC201" == code_of(fmt, Fraction(0), fmt.tiny, eta, relative=False)


@pytest.mark.parametrize("fmt", ALL)
def test_a_subnormal_term_that_is_lost_beside_a_normal_one(fmt):
    """sigmoid(x) - z is -z where the sigmoid is subnormal: accuracy only, however small z is."""
    z, lost, gate = 8 * Fraction(fmt.tiny), Fraction(fmt.tiny) / 2, Fraction(fmt.eta)
    expected = "SC201" if fmt.name == "float16" else "SC203"
    assert expected == code_of(fmt, lost - z, -float(z), gate, relative=False)
    assert "SC201" == code_of(fmt, lost - z, -float(z), gate)
    assert "SC201" == code_of(fmt, 2 * lost - z, -float(z), gate, relative=False), "a normal term"


@pytest.mark.parametrize("fmt", ALL)
def test_nan_is_wrong_wherever_the_truth_is_a_number(fmt):
    """SC101, however wide the gate; also where the truth is an exact infinity."""
    assert "SC101" == code_of(fmt, 1, math.nan, 10**6)
    assert "SC101" == code_of(fmt, 0, math.nan, 1, kind=Kind.MINUS_INFINITY)
    verdict = verdict_of(fmt, 1, math.nan, 10**6)
    assert (math.inf, True) == (verdict.ratio[0], math.isnan(verdict.ulps[0]))


@pytest.mark.parametrize("fmt", ALL)
def test_exact_infinities(fmt):
    """A masked logit's log-probability is -inf and nothing else."""
    answers = {-math.inf: "", math.inf: "SC102", -fmt.max: "SC104", 0.0: "SC104", math.nan: "SC101"}
    given = {a: code_of(fmt, 0, a, 1, kind=Kind.MINUS_INFINITY) for a in answers}
    assert answers == given
    assert "" == code_of(fmt, 0, math.inf, 1, kind=Kind.PLUS_INFINITY)
    assert "SC104" == code_of(fmt, 0, fmt.max, 1, kind=Kind.PLUS_INFINITY)


@pytest.mark.parametrize("fmt", ALL)
def test_nan_inputs_and_conventions(fmt):
    """NaN must be handed on; a matter of taste is not judged at all."""
    assert "SC105" == code_of(fmt, 0, 0.0, 1, kind=Kind.NAN)
    assert "SC105" == code_of(fmt, 0, math.inf, 1, kind=Kind.NAN)
    assert "" == code_of(fmt, 0, math.nan, 1, kind=Kind.NAN)
    for answer in (0.0, math.inf, math.nan):
        verdict = verdict_of(fmt, 0, answer, 1, kind=Kind.CONVENTION)
        assert (0, 0.0, 0.0, False, False) == tuple(
            a[0] for a in (verdict.code, verdict.ratio, verdict.ulps, verdict.open, verdict.judged)
        )


def test_answers_that_do_not_exist_are_not_judged():
    """`usable` says per example which answers there are."""
    fmt = formats.get("float32")
    truth = truth_of(fmt, [Fraction(1)] * 2, [Fraction(1, 2)] * 2)
    verdict = judge(np.array([math.nan, math.nan]), truth, np.array([True, False]))
    assert ([True, False], ["SC101", ""]) == (verdict.judged.tolist(), [JUDGED[c] for c in verdict.code])


@pytest.mark.parametrize("fmt", ALL)
def test_an_enclosure_that_straddles_the_gate_is_open(fmt):
    """No verdict is given, at the stable gate and at the accurate one."""
    ulp = 2.0 ** (1 - fmt.precision)
    wide = Enclosure(*(np.array([v]) for v in (0.5, 0.0)), np.array([1]), np.array([ulp / 4]))
    gate = [Fraction(4 * ulp)]

    def verdict(n, accurate=gate):
        return judge(np.array([1 + n * ulp]), truth_of(fmt, None, gate, accurate, enclosure=wide))

    assert [False, True, False] == [bool(verdict(n).open[0]) for n in (3, 4, 5)]
    assert ["", "", "SC201"] == [JUDGED[verdict(n).code[0]] for n in (3, 4, 5)]
    half = [Fraction(2 * ulp)]
    assert [False, True, False] == [bool(verdict(n, half).open[0]) for n in (1, 2, 3)]
    assert ["", "", "SC202"] == [JUDGED[verdict(n, half).code[0]] for n in (1, 2, 3)]


def test_an_uncertain_gate_is_open():
    """A gate known to 1 %: an error within 1 % of it is open; an unknown gate only clears no error at all."""
    fmt = formats.get("float32")
    ulp = Fraction(2) ** -23

    def open_at(error, slack):
        truth = truth_of(fmt, [1 - error], [100 * ulp], slack=slack)
        return bool(judge(np.array([1.0]), truth).open[0])

    assert [False, True, True, False] == [open_at(n * ulp, 0.01) for n in (98, 100, 101, 102)]
    assert [True, True] == [open_at(n * ulp, math.inf) for n in (1, 10**6)]
    assert not open_at(0, math.inf)


def test_an_accurate_gate_known_from_below_only_clears():
    """A negative slack: an error inside that gate is inside, one beyond it is open and not SC202."""
    fmt = formats.get("float32")
    ulp = Fraction(2) ** -23

    def verdict(error):
        truth = truth_of(fmt, [1 - error], [100 * ulp], [2 * ulp], slack=-1e-9)
        found = judge(np.array([1.0]), truth)
        return JUDGED[found.code[0]], bool(found.open[0])

    assert [("", False), ("", True), ("SC201", False)] == [verdict(n * ulp) for n in (1, 5, 101)]


def test_an_unknown_truth_is_open():
    """An infinite radius: NaN too, for the truth may be no number (0 / 0)."""
    fmt = formats.get("float32")
    unknown = Enclosure(*(np.array([v] * 3) for v in (0.0, 0.0)), np.array([0] * 3), np.array([math.inf] * 3))
    truth = truth_of(fmt, None, [Fraction(1)] * 3, enclosure=unknown)
    verdict = judge(np.array([0.0, math.inf, math.nan]), truth)
    assert ([True] * 3, [""] * 3) == (verdict.open.tolist(), [JUDGED[c] for c in verdict.code])


def _parts(real):
    """A dyadic fraction as (mantissa, exponent)."""
    return real.numerator, 1 - real.denominator.bit_length()


def reference(fmt, real, got, stable, accurate):
    """(code, ratio, ulps) by the book, in exact fractions (relative gates)."""
    if math.isnan(got):
        return "SC101", math.inf, math.nan
    ceiling = Fraction(2) ** (fmt.emax + 1)
    rounded = fmt.round_parts(*_parts(real))
    clamped = max(min(real, ceiling), -ceiling)
    scored = Fraction(math.copysign(1, got)) * ceiling if math.isinf(got) else Fraction(got)
    error = abs(scored - clamped)
    ulp = Fraction(2) ** min(fmt.ulp_exponent(*_parts(real)), fmt.emax - fmt.precision + 1)
    ulps = error / ulp
    if error <= min(stable, accurate):
        return "", error / stable, ulps
    if got == 0 and 2 * fmt.eta <= abs(rounded) < fmt.tiny:
        return "SC203", error / accurate, ulps
    if error <= stable:
        return "SC202", error / accurate, ulps
    if math.isinf(got):
        code = "SC102"
    elif math.isinf(rounded):
        code = "SC104"
    elif abs(rounded) >= fmt.tiny and abs(got) < fmt.tiny and 64 * abs(got) <= abs(rounded):
        code = "SC103"
    else:
        code = "SC201"
    return code, error / stable, ulps


@pytest.mark.parametrize("fmt", ALL)
def test_the_judge_agrees_with_exact_fractions(fmt):
    """1 500 random truths, answers and gates, most of them near a border of some kind."""
    rng = np.random.default_rng(20)
    cases = []
    last, normal = fmt.max_ordinal, int(fmt.ordinal(np.array([fmt.tiny]))[0])
    for _ in range(1500):
        near = int(rng.choice([1, last, last // 2, normal, rng.integers(1, last)]))
        base = float(fmt.widen(fmt.from_ordinal(min(max(near + rng.integers(-3, 4), 0), last))))
        ulp = Fraction(2) ** fmt.ulp_exponent(*_parts(Fraction(base)))
        sign = int(rng.choice([-1, 1]))
        real = sign * (Fraction(base) + ulp * Fraction(int(rng.integers(-32, 33)), 16))
        odd = rng.choice([0.0, math.inf, -math.inf, math.nan, fmt.max, fmt.eta, fmt.tiny, -base])
        got = steps(fmt, sign * base, int(rng.integers(-6, 7))) if rng.random() < 0.6 else float(odd)
        gate = ulp * Fraction(int(rng.integers(1, 80)), 16)
        cases.append((real, got, gate, gate * Fraction(int(rng.integers(1, 17)), 16)))
    reals, answers, stable, accurate = zip(*cases, strict=True)
    verdict = judge(np.array(answers), truth_of(fmt, reals, stable, accurate))
    expected = [reference(fmt, *case) for case in cases]
    assert not verdict.open.any()
    assert [e[0] for e in expected] == [JUDGED[c] for c in verdict.code]
    assert {"", "SC101", "SC102", "SC103", "SC104", "SC201", "SC202", "SC203"} == {e[0] for e in expected}
    for code, _, got in zip(verdict.code, cases, answers, strict=True):
        assert not code or may_show(JUDGED[code], np.array([got]), fmt)
    np.testing.assert_allclose(verdict.ratio, [_float(e[1]) for e in expected], rtol=1e-11)
    np.testing.assert_allclose(verdict.ulps, [_float(e[2]) for e in expected], rtol=1e-14)


def _float(x):
    try:
        return float(x)
    except OverflowError:
        return math.inf


def test_severity_orders_by_level_then_number():
    """What breaks robust comes first, notes last."""
    shuffled = ["SC501", "SC203", "SC405", "SC101", "SC201", "SC102"]
    assert ["SC101", "SC102", "SC405", "SC201", "SC203", "SC501"] == sorted(shuffled, key=severity)


def test_no_more_is_on_record_than_is_certain():
    """An error that is inside its gate although the truth is known to a few ulps only."""
    fmt = formats.get("float32")
    ulp = 2.0**-23
    wide = Enclosure(*(np.array([v]) for v in (1.0, 0.0)), np.array([0]), np.array([3 * ulp]))
    truth = truth_of(fmt, None, [Fraction(10 * ulp)], relative=False, enclosure=wide)
    verdict = judge(np.array([1 + 4 * ulp]), truth)
    assert [0] == verdict.code.tolist()
    assert not verdict.open.any()
    assert [1.0] == pytest.approx(verdict.ulps.tolist())
    assert [0.1] == pytest.approx(verdict.ratio.tolist(), rel=1e-6)
