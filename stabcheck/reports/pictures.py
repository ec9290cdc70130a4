"""Pictures of a cell as inline SVG: error against input, and how the errors are distributed."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np

from stabcheck import formats
from stabcheck.findings import Cell, Example
from stabcheck.reports import numbers
from stabcheck.reports.elements import Markup, join, tag
from stabcheck.reports.scale import ErrorScale, LogitScale

Place = Callable[[float], float]

_WIDTH, _HEIGHT = 460, 270
_LEFT, _RIGHT, _TOP, _BOTTOM = 44, 14, 40, 34

#: Cliffs that get a name in the picture; the others are lines whose name a pointer shows.
_NAMED = ("log max", "log min normal", "-log u")


def error_picture(cell: Cell) -> Markup | None:
    """Ulps and ratio, both on the same log scale, against the logit; None where there are no points."""
    points = _points(cell)
    if not points or cell.dtype not in formats.FORMATS:
        return None
    form = formats.get(cell.dtype)
    across = LogitScale.of(form, [x for x, _, _ in points])
    up = ErrorScale.of([v for _, ulps, ratio in points for v in (ulps, ratio)])

    def x(value: float) -> float:
        return _LEFT + across.place(value) * (_WIDTH - _LEFT - _RIGHT)

    def y(value: float) -> float:
        return _HEIGHT - _BOTTOM - up.place(value) * (_HEIGHT - _TOP - _BOTTOM)

    parts = [*_grid(across, up, x, y), *_cliffs(form, across, x), _gate(y)]
    worst = _worst_of(points)
    ulps = [(x(logit), y(u)) for logit, u, _ in points if math.isfinite(u)]
    inside = [(x(logit), y(r)) for logit, _, r in points if r <= 1]
    beyond = [(x(logit), y(r)) for logit, _, r in points if not r <= 1]
    parts += [_dots(ulps, "ulps"), _dots(inside, "ratio"), _crosses(beyond), *_worst(worst, x, y)]
    title = f"Error against the largest logit, {cell.dtype}; {_in_words(worst)}"
    return _svg(_WIDTH, _HEIGHT, title, parts)


def _svg(width: int, height: int, title: str, parts: list[Markup]) -> Markup:
    return tag(
        "svg", tag("title", title), *parts, viewBox=f"0 0 {width} {height}", role="img",
        aria_label=title, class_="picture",
    )  # fmt: skip


Point = tuple[float, float, float]  # logit, ulps, ratio


def _points(cell: Cell) -> list[Point]:
    """The profile, and the examples of the findings: a NaN has no error that a profile could hold."""
    points = list(cell.profile)
    for finding in cell.findings:
        if finding.level is not None:
            points += [p for p in map(_point, (finding.minimal, finding.worst)) if p is not None]
    return points


def _point(example: Example) -> Point | None:
    """An example at its largest finite input; without a ratio it is beyond every number."""
    given = [np.asarray(values) for values in example.inputs.values()]
    floats = [formats.Format.widen(values).ravel() for values in given if values.dtype.kind not in "iub"]
    finite = [x for values in floats for x in values[np.isfinite(values)].tolist()]
    if not finite:
        return None
    ratio = math.inf if math.isnan(example.ratio) else example.ratio
    return (max(finite, key=abs), example.ulps, ratio)


def _worst_of(points: Sequence[Point]) -> Point:
    """The point with the largest ratio; of several without a number the one nearest to zero."""
    return max(points, key=lambda p: (p[2] if math.isfinite(p[2]) else math.inf, -abs(p[0])))


def _in_words(worst: Point) -> str:
    logit, ulps, ratio = worst
    if math.isfinite(ratio):
        return f"worst: ratio {numbers.away(ratio)} at {logit:.4g}"
    if math.isfinite(ulps):
        return f"worst: {numbers.away(ulps)} ulps at {logit:.4g}"
    return f"worst: no finite answer from {logit:.4g}"


# -- parts ----------------------------------------------------------------------------------------


def _grid(across: LogitScale, up: ErrorScale, x: Place, y: Place) -> list[Markup]:
    bottom, right = _HEIGHT - _BOTTOM, _WIDTH - _RIGHT
    parts = [_line(_LEFT, bottom, right, bottom, "axis")]
    for exponent in up.ticks():
        level = y(10.0**exponent)
        parts.append(_line(_LEFT, level, right, level, "grid"))
        parts.append(_label(_LEFT - 5, level + 3.5, _power(exponent), "end"))
    parts.append(_label(_LEFT - 5, y(math.inf) + 3.5, "inf", "end"))
    parts.append(_line(_LEFT, y(math.inf), right, y(math.inf), "grid lane"))
    taken: list[tuple[float, float]] = []
    ticks = across.ticks()
    # Zero and the ends first: they are what the others are read against.
    for value in sorted(ticks, key=lambda v: (v != 0, abs(v) != abs(ticks[-1]), abs(abs(v) - 10))):
        words = _tick(value)
        half = _half(words)
        centre = min(x(value), _WIDTH - half)
        if all(abs(centre - other) > half + size + 5 for other, size in taken):
            taken.append((centre, half))
            parts.append(_line(x(value), bottom, x(value), bottom + 4, "axis"))
            parts.append(_label(centre, bottom + 15, words, "middle"))
    parts.append(_label((_LEFT + right) / 2, _HEIGHT - 4, "largest logit of the example", "middle", "name"))
    return parts


def _cliffs(form: formats.Format, across: LogitScale, x: Place) -> list[Markup]:
    """Dashed lines where exp changes its nature; a name goes to the first of two rows that has room."""
    parts = []
    rows: tuple[list[tuple[float, float]], ...] = ([], [])
    for name, value in form.cliffs.items():
        if across.knots[-1][0] <= 1.0 or (value < 0 and not across.signed):
            continue
        place, words = x(value), f"{name} {numbers.onset(value)}"
        line = _line(place, _TOP - 6, place, _HEIGHT - _BOTTOM, "cliff")
        parts.append(tag("g", tag("title", words), line))
        half = _half(words)
        centre = min(max(place, half + 2), _WIDTH - half - 2)
        for number, row in enumerate(rows if name in _NAMED else ()):
            if all(abs(centre - other) > half + size for other, size in row):
                row.append((centre, half))
                parts.append(_label(centre, 12 + 12 * number, words, "middle", "cliff-name"))
                break
    return parts


def _gate(y: Place) -> Markup:
    level = y(1.0)
    right = _WIDTH - _RIGHT
    return join(
        _line(_LEFT, level, right, level, "gate"),
        _label(right, level - 4, "gate: ratio 1", "end", "gate-name"),
    )


def _dots(points: list[tuple[float, float]], kind: str) -> Markup:
    """Zero-length strokes with round caps: a dot costs a few bytes."""
    return tag("path", d="".join(f"M{px:.1f} {py:.1f}h0" for px, py in points), class_=f"dots {kind}")


def _crosses(points: list[tuple[float, float]]) -> Markup:
    """Points beyond the gate have a shape of their own, not only a colour."""
    drawn = "".join(f"M{a - 2.5:.1f} {b - 2.5:.1f}l5 5m0-5l-5 5" for a, b in points)
    return tag("path", d=drawn, class_="beyond")


def _worst(worst: Point, x: Place, y: Place) -> list[Markup]:
    """A ring around the worst point and what it is, on the side that has room."""
    logit, _, ratio = worst
    place, level, words = x(logit), y(ratio), _in_words(worst)
    half = 1.1 * _half(words)  # it is bold
    centre = min(max(place, _LEFT + half), _WIDTH - _RIGHT - half)
    below = level + 16 < _HEIGHT - _BOTTOM - 20
    return [
        tag("circle", cx=place, cy=level, r=5.0, class_="worst"),
        _label(centre, level + 17 if below else level - 9, words, "middle", "worst-name"),
    ]


# -- histogram ------------------------------------------------------------------------------------

_BAR_WIDTH, _BAR_HEIGHT = 460, 150


def histogram(cell: Cell) -> Markup | None:
    """How many elements had which error in ulps; the bars' heights are on a log scale."""
    counts = cell.histogram
    if not any(counts):
        return None
    names = [*(f"≤ {edge:g}" for edge in Cell.HISTOGRAM_BINS), "more"]
    bottom, top = _BAR_HEIGHT - 32, 18
    step = (_BAR_WIDTH - 2 * 8) / len(names)
    tallest = math.log10(1 + max(counts))
    parts = [_line(8, bottom, _BAR_WIDTH - 8, bottom, "axis")]
    for i, (name, count) in enumerate(zip(names, counts, strict=False)):
        centre = 8 + step * (i + 0.5)
        height = (bottom - top) * math.log10(1 + count) / tallest
        if count:
            bar = tag(
                "rect", x=centre - step * 0.36, y=bottom - height, width=step * 0.72, height=height,
                rx=2, class_="bar",
            )  # fmt: skip
            parts.append(tag("g", tag("title", f"{numbers.count(count)} elements {name} ulps"), bar))
            parts.append(_label(centre, bottom - height - 4, _short(count), "middle"))
        parts.append(_label(centre, bottom + 14, name, "middle"))
    parts.append(
        _label(_BAR_WIDTH / 2, _BAR_HEIGHT - 4, "error in ulps (heights on a log scale)", "middle", "name")
    )
    told = ", ".join(f"{numbers.count(c)} {n}" for n, c in zip(names, counts, strict=False) if c)
    return _svg(_BAR_WIDTH, _BAR_HEIGHT, f"Elements by error in ulps: {told}", parts)


def _short(count: int) -> str:
    """At most four digits: 999, 12.3k, 4.56M."""
    if count >= 1_000_000:
        return f"{count / 1e6:.3g}M"
    return f"{count / 1e3:.3g}k" if count >= 10_000 else str(count)


def _line(x1: float, y1: float, x2: float, y2: float, kind: str) -> Markup:
    return tag("line", x1=x1, y1=y1, x2=x2, y2=y2, class_=kind)


def _label(x: float, y: float, words: str, anchor: str, kind: str = "tick") -> Markup:
    return tag("text", words, x=x, y=y, text_anchor=anchor, class_=kind)


def _half(words: str) -> float:
    """Half the width of a label, on the generous side (a phone gets larger letters)."""
    return 3.5 * len(words)


def _power(exponent: int) -> str:
    return {0: "1", 1: "10", 2: "100", -1: "0.1", -2: "0.01"}.get(exponent, f"1e{exponent}")


def _tick(value: float) -> str:
    size = abs(value)
    if size > 1e6:
        return f"{value:.0e}".replace("e+", "e")
    return numbers.number(value)
