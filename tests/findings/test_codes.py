"""The table of codes, levels and grades, and the choice of codes that count."""

import pytest

from stabcheck.errors import UsageError
from stabcheck.findings import CODES, Grade, Level, code, selected

#: The contract, written out a second time: code, name, what it breaks.
TABLE = """
SC101 nan robust
SC102 overflow robust
SC103 underflow robust
SC104 missed-overflow robust
SC105 hidden-nan robust
SC201 inaccurate stable
SC202 lost-digits accurate
SC203 lost-subnormal accurate
SC304 batch stable
SC401 raises robust
SC402 shape robust
SC403 dtype robust
SC404 mutates robust
SC405 unsteady robust
SC406 timeout robust
SC407 crash robust
SC501 signal note
SC901 flush-to-zero note
SC902 undecided note
SC903 wider note
"""


def test_the_table_is_complete():
    """Codes are stable names: none missing, none renamed, none moved to another level."""
    expected = [tuple(line.split()) for line in TABLE.split("\n") if line]
    got = [(c.code, c.name, "note" if c.breaks is None else str(c.breaks)) for c in CODES.values()]
    assert expected == got


def test_names_are_unique_and_every_code_has_a_meaning():
    """A code is found by number or by name, so neither may be ambiguous."""
    assert len(CODES) == len({c.name for c in CODES.values()})
    assert all(c.meaning for c in CODES.values())


@pytest.mark.parametrize("text", ["SC101", "sc101", "nan", "NaN", " SC101 "])
def test_a_code_is_found_by_number_or_name(text):
    """In any case, blanks stripped."""
    assert code(text) is CODES["SC101"]


@pytest.mark.parametrize(("text", "near"), [("SC110", "SC10"), ("overflwo", "overflow"), ("", "Known")])
def test_an_unknown_code_is_shown_with_its_nearest_match(text, near):
    """The message names the value and something close to it."""
    with pytest.raises(UsageError, match="unknown code") as caught:
        code(text)
    assert near in str(caught.value)


def test_levels_rise_from_robust_to_accurate():
    """robust < stable < accurate, and a grade below robust is unstable."""
    assert Level.ROBUST < Level.STABLE < Level.ACCURATE
    assert [str(g) for g in Grade] == ["unstable", "robust", "stable", "accurate"]
    assert [int(level) for level in Level] == [int(g) for g in Grade][1:]


@pytest.mark.parametrize("text", ["stable", "STABLE", Level.STABLE])
def test_levels_are_parsed_from_their_names(text):
    """In any case; a Level is its own name."""
    assert Level.STABLE is Level.parse(text)


@pytest.mark.parametrize("text", ["stabel", "", None, 2])
def test_an_unknown_level_is_a_usage_error(text):
    """Numbers and None included."""
    with pytest.raises(UsageError, match="unknown level"):
        Level.parse(text)


@pytest.mark.parametrize(
    ("select", "ignore", "expected"),
    [
        (None, None, {"SC101", "SC102", "SC201"}),
        ([], [], {"SC101", "SC102", "SC201"}),
        (["SC1"], None, {"SC101", "SC102"}),
        (["sc102"], None, {"SC102"}),
        (["nan", "SC201"], None, {"SC101", "SC201"}),
        (None, ["SC1"], {"SC201"}),
        (["SC1"], ["overflow"], {"SC101"}),
        (["SC1"], ["SC1"], set()),
        (["over"], None, set()),
    ],
)
def test_select_and_ignore_take_codes_names_and_prefixes(select, ignore, expected):
    """Both empty leave everything in; ignore wins over select; a name is no prefix."""
    among = [CODES[c] for c in ("SC101", "SC102", "SC201")]
    assert expected == {c.code for c in among if selected(c, select, ignore)}
