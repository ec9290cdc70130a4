"""The HTML report: whole without network and script, nothing escapes, and a real browser shows it."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections import Counter
from collections.abc import Callable, Mapping
from html.parser import HTMLParser
from pathlib import Path

import pytest

from stabcheck import reports
from stabcheck.findings import Report
from stabcheck.formats import FORMATS
from stabcheck.reports import elements, pictures
from stabcheck.reports.scale import ErrorScale, LogitScale

Samples = Callable[[], Mapping[str, Report]]

BROWSER = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
needs_browser = pytest.mark.skipif(BROWSER is None, reason="no Chromium on this machine")


class Page(HTMLParser):
    """Tags, attributes and the balance of a page."""

    _VOID = frozenset({"meta", "br", "hr", "link", "wbr"})

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: Counter[str] = Counter()
        self.attributes: list[tuple[str, str | None]] = []
        self.open: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags[tag] += 1
        self.attributes += attrs
        if tag not in self._VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_every_sample_is_a_balanced_page_that_loads_nothing(samples: Samples) -> None:
    """One script and one style sheet, both inside; no source, no handler, no link but into the page."""
    for report in samples().values():
        page = Page(reports.render(report, "html"))

        assert page.open == []
        assert page.tags["script"] == 1
        assert page.tags["style"] == 1
        assert page.tags["link"] == page.tags["img"] == page.tags["iframe"] == 0
        names = {name for name, _ in page.attributes}
        assert names.isdisjoint({"src", "srcset", "style", "action", "formaction"})
        assert not any(name.startswith("on") for name in names)
        assert all((value or "").startswith("#") for name, value in page.attributes if name == "href")


def test_hostile_names_are_text(hostile: Report) -> None:
    """A name that is a script shows as such, and no control character is left."""
    text = reports.render(hostile, "html")

    assert "<script>alert" not in text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text
    assert not re.search(r"[\x00-\x08\x0b-\x1f]", text)


def test_every_finding_is_there_once(samples: Samples) -> None:
    """Those that count openly, the others behind a summary that says how many they are."""
    for report in samples().values():
        page = Page(reports.render(report, "html"))

        shown = Counter(value for name, value in page.attributes if name == "data-finding")

        assert shown == Counter(finding.id for finding in report.findings)


def test_every_link_has_its_place(samples: Samples) -> None:
    """The grades of the matrix lead to the pictures of their row."""
    for report in samples().values():
        page = Page(reports.render(report, "html"))

        ids = {value for name, value in page.attributes if name == "id"}

        assert {(v or "")[1:] for n, v in page.attributes if n == "href"} <= ids


def test_the_policy_names_the_script_that_is_there(passing: Report) -> None:
    """The hash in the policy is that of the script's text, or no browser would run it."""
    import base64
    import hashlib

    text = reports.render(passing, "html")
    (script,) = re.findall(r"<script>(.*?)</script>", text, re.DOTALL)

    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()

    assert f"&#x27;sha256-{digest}&#x27;" in text


def test_equal_reports_give_equal_pages(failing: Report) -> None:
    """No date, no random identifier."""
    assert reports.render(failing, "html") == reports.render(failing, "html")


def test_elements_escape_children_and_attributes() -> None:
    """Markup stays, text does not become markup, None is left out."""
    shown = elements.tag("p", "<b>", elements.tag("i", "a & b"), None, title='"<\n', hidden=None)

    assert shown == '<p title="&quot;&lt;\\n">&lt;b&gt;<i>a &amp; b</i></p>'


@pytest.mark.parametrize("dtype", FORMATS)
def test_logits_keep_their_order_on_the_axis(dtype: str) -> None:
    """The axis rises from the lowest to the largest float, through zero in the middle."""
    form = FORMATS[dtype]
    values = [-form.max, -form.log_max, -1.0, -form.tiny, 0.0, form.tiny, 0.5, 1.0, form.log_max, form.max]
    axis = LogitScale.of(form, values)

    places = [axis.place(v) for v in values]

    assert places == sorted(places)
    assert (places[0], axis.place(0.0), places[-1]) == (0.0, 0.5, 1.0)
    assert axis.place(float("inf")) == 1.0
    assert axis.place(form.log_max) - axis.place(1.0) > 0.1  # the part that matters has room


def test_probabilities_have_no_negative_side() -> None:
    """Between 0 and 1 the binades share the axis, and the cliffs of exp are not drawn."""
    axis = LogitScale.of(FORMATS["float32"], [1e-30, 0.25, 1.0])

    assert axis.place(1.0) == 1.0
    assert 0.2 < axis.place(1e-30) < 0.5
    assert axis.ticks()[0] == 0.0


def test_errors_have_lanes_for_zero_and_infinity() -> None:
    """Zero is at the bottom, NaN and infinities on top, everything else between them in order."""
    axis = ErrorScale.of([1e-3, 0.5, 300.0])

    places = [axis.place(v) for v in (0.0, 1e-3, 0.5, 1.0, 300.0, float("inf"))]

    assert places == sorted(set(places))
    assert axis.place(float("nan")) == 1.0


def test_pictures_name_gate_cliffs_and_the_worst_point(failing: Report) -> None:
    """What the picture shows is also said in words, for those who do not see it."""
    cell = next(c for c in failing.cells if c.dtype == "float32")

    picture = pictures.error_picture(cell)

    assert picture is not None
    for words in ("gate: ratio 1", "log max 88.8", "log min normal -87.4", "worst: no finite answer from"):
        assert words in picture
    histogram = pictures.histogram(cell)
    assert histogram is not None
    assert "80,000 ≤ 0.5" in histogram


def browse(page: Path, width: int, tmp_path: Path) -> str:
    """The document after a real browser has loaded it and run its script."""
    assert BROWSER is not None
    options = [
        "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--dump-dom",
        "--disable-background-networking", "--disable-component-update", "--disable-sync",
        f"--user-data-dir={tmp_path / 'profile'}", f"--window-size={width},900", "--hide-scrollbars",
    ]  # fmt: skip
    done = subprocess.run(
        [BROWSER, *options, page.as_uri()], capture_output=True, text=True, timeout=60, check=True
    )
    return done.stdout


@needs_browser
def test_a_browser_runs_our_script_and_no_other(hostile: Report, tmp_path: Path) -> None:
    """Under the page's own policy copy buttons appear, one for each command; nothing else ran."""
    page = tmp_path / "report.html"
    reports.write(hostile, "html", page)

    document = browse(page, 1280, tmp_path)

    assert document.count("<button") == document.count('class="reproduce"') > 0
    assert "alert(1)" in document  # as text


@needs_browser
@pytest.mark.parametrize("width", [390, 1280])
def test_the_page_fits_its_window(failing: Report, hostile: Report, tmp_path: Path, width: int) -> None:
    """Nothing makes a phone or a desk scroll sideways, with all details open and hostile names."""
    report = type(failing)((*failing.cells, *hostile.cells), hostile.meta)
    measure = "<script>document.title = document.documentElement.scrollWidth + ' of ' + innerWidth</script>"
    text = reports.render(report, "html").replace("<details", "<details open")
    text = re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", text)
    page = tmp_path / "report.html"
    page.write_text(text.replace("</body>", f"{measure}</body>"), encoding="utf-8")

    document = browse(page, width, tmp_path)

    match = re.search(r"<title>(\d+) of (\d+)</title>", document)
    assert match is not None
    assert int(match[1]) <= int(match[2])
