"""The report of a run: its numbers are the journal's, its bytes depend on nothing else, no name in it is trusted."""

import math
import re
import subprocess
import sys
import xml.dom.minidom
from html.parser import HTMLParser
from pathlib import Path

import pytest

from scenarios.errors import LabError
from scenarios.journal import JournalWriter, header
from scenarios.reports import page, tables
from scenarios.reports.numbers import Numbers, read
from scenarios.reports.plots import PLOTS
from tests.scenarios.feeds import CHECKS, START, Event, act, act_end, clicks, record, request, servers, story, ticket

HERE = Path(__file__).resolve().parents[2]
HEAD = header(
    session_lab="0.1.0", python="3.11", platform="linux", seed=7, settings={"scenario": "story", "servers": 10},
    started=START,
)  # fmt: skip
VOID = {"meta", "link", "br", "img", "hr", "input"}


def journal(path: Path, events: list[Event]) -> str:
    with JournalWriter(str(path), HEAD) as writer:
        for event in events:
            writer.write(event)
    return str(path)


class Tree(HTMLParser):
    """Holds that every element is closed in its turn; keeps what is needed of the tags."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))


def tree(text: str) -> Tree:
    parser = Tree()
    parser.feed(text)
    parser.close()
    assert parser.open == []
    return parser


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> str:
    return page.render(read(journal(tmp_path_factory.mktemp("report") / "j", story())))


def test_the_numbers_are_those_of_the_journal(tmp_path: Path) -> None:
    numbers = read(journal(tmp_path / "j", story()))
    assert (numbers.fold.totals.requests, numbers.fold.totals.logged_out) == (340, 100)
    assert [act.name for act in numbers.chapters.acts] == ["one-server", "ten-servers", "shared-store"]
    assert numbers.survival.strata["ten-servers"].sessions == 20
    assert sum(numbers.survival.strata["ten-servers"].lost.values()) == 10
    assert {store: one.total for store, one in numbers.stores.items()} == {"memory": 240, "redis": 100}
    assert numbers.words["I keep getting logged out!"] == 1
    assert tables.verdict(numbers) == "2 of 3 acts passed."
    assert [row[1:] for row in tables.moments(numbers)][:3] == [
        ("0:00", "scale to 1"), ("0:00", "act one-server"), ("0:09", "scale from 1 to 10"),
    ]  # fmt: skip


def test_the_page_is_well_formed_whole_and_needs_nothing_else(told: str) -> None:
    found = tree(told)
    named = [attributes["id"] for _, attributes in found.tags if "id" in attributes]
    assert len(named) == len(set(named)), "every ID once, those of the plots too"
    links = [attributes["href"] or "" for tag, attributes in found.tags if tag == "a"]
    assert links
    assert {link.removeprefix("#") for link in links} <= set(named)
    used = re.findall(r'(?:xlink:href="|url\()#([^")]+)', told)
    assert used
    assert set(used) <= set(named)
    outside = [value for _, attributes in found.tags for name, value in attributes.items() if name in ("src", "href")]
    assert not [value for value in outside if value and not value.startswith("#")]
    assert "script" not in {tag for tag, _ in found.tags}
    assert not re.search(r"@import|https?://(?!www\.w3\.org/)", told)


def test_every_plot_is_a_document_with_a_name_and_a_description(told: str) -> None:
    drawings = re.findall(r"<svg.*?</svg>", told, re.DOTALL)
    assert len(drawings) == len(PLOTS)
    for drawing in drawings:
        document = xml.dom.minidom.parseString(drawing)
        title, description = (document.getElementsByTagName(tag)[0] for tag in ("title", "desc"))
        root = document.documentElement
        assert root.getAttribute("aria-labelledby") == title.getAttribute("id")
        assert root.getAttribute("aria-describedby") == description.getAttribute("id")
        assert len(description.firstChild.data) > 40
        assert len(document.getElementsByTagName("path")) > 3
    assert "10 of 20" not in told  # sessions are told in a table:
    assert re.search(r'ten-servers</th><td class="number">20</td><td class="number">10</td>', told)


def test_what_theory_says_stands_beside_what_was_measured(told: str) -> None:
    assert "ten-servers: 90.0\N{NO-BREAK SPACE}%, theory 90.0\N{NO-BREAK SPACE}%" in told
    row = re.search(r"<th scope=\"row\">carts lost</th>(.*?)</tr>", told)
    assert row
    assert re.findall(r">([^<>]+)<", row[1]) == ["12", "0", "fail"]
    assert '<td class="number">nothing</td>' in told


def test_the_same_journal_gives_the_same_bytes(tmp_path: Path, told: str) -> None:
    """Also in another process, with other hash seeds and another time zone."""
    path = journal(tmp_path / "j", story())
    code = f"from scenarios.reports import page, numbers; print(page.render(numbers.read({path!r})), end='')"
    environ = {"PYTHONPATH": str(HERE), "PYTHONHASHSEED": "5", "TZ": "Asia/Tokyo", "PATH": "/usr/bin"}
    done = subprocess.run([sys.executable, "-c", code], env=environ, capture_output=True, text=True, timeout=100)
    assert done.stderr == ""
    assert done.stdout == told
    assert "14 November 2023, 22:13 UTC" in told


HOSTILE = "</title><script>alert(1)</script>\"'&$x_1$\x1b[31m\u202e日本"


def test_no_name_in_a_journal_is_trusted(tmp_path: Path, recwarn: pytest.WarningsRecorder) -> None:
    events = [
        act(0, HOSTILE, text=HOSTILE),
        request(0.5, HOSTILE, "new", None, received="a", store=HOSTILE),
        *clicks(1, 3),
        ticket(4, HOSTILE, HOSTILE),
        {"kind": "mark", "time": START + 4.5, "what": HOSTILE, "detail": HOSTILE},
        act_end(5, record(HOSTILE, store=HOSTILE, checks=CHECKS, notes=[HOSTILE], words=[HOSTILE], tickets=1)),
    ]
    found = tree(page.render(read(journal(tmp_path / "j", events))))
    assert "script" not in {tag for tag, _ in found.tags}
    assert not [warning for warning in recwarn.list if "Glyph" in str(warning.message)]


THIN = {
    "one request and nothing known of it": [{"kind": "request", "time": START}],
    "no act": clicks(0, 3),
    "an act that did not end": [act(0, "one"), *clicks(0, 3)],
    "an act in which nothing was measured": [act(0, "one"), request(1, sent=None), act_end(2, record("one", None))],
    "one moment": [servers(0, 3), *[request(0) for _ in range(3)]],
    "a day": [request(hour * 3600, outcome="unknown") for hour in range(25)],
    "a clock that went back": [request(100), request(1), request(50)],
    "a hundred servers": [request(number / 100, f"server-{number}") for number in range(150)],
}


@pytest.mark.parametrize("events", THIN.values(), ids=THIN.keys())
def test_a_thin_or_strange_journal_has_a_report_too(tmp_path: Path, events: list[Event]) -> None:
    tree(page.render(read(journal(tmp_path / "j", events))))


def test_a_cut_journal_is_reported_as_far_as_it_goes(tmp_path: Path) -> None:
    path = tmp_path / "j"
    journal(path, story())
    path.write_bytes(path.read_bytes()[:-200])
    numbers = read(str(path))
    assert numbers.cut
    assert "cut off in the middle" in numbers.cut
    assert "This is not the whole run." in page.render(numbers)


def test_a_long_journal_says_how_far_it_has_been_read(tmp_path: Path) -> None:
    shares: list[float] = []
    read(journal(tmp_path / "j", [request(number / 1000) for number in range(30_001)]), shares.append)
    assert [round(share, 2) for share in shares] == [0.0, 0.33, 0.67, 1.0]


def test_a_journal_without_a_request_has_none(tmp_path: Path) -> None:
    with pytest.raises(LabError, match="holds no request: there is nothing to report"):
        read(journal(tmp_path / "j", [servers(0, 3)]))
    (tmp_path / "cut").write_bytes((tmp_path / "j").read_bytes()[:-5])
    with pytest.raises(LabError, match="cut off in the middle"):
        read(str(tmp_path / "cut"))


def test_only_a_report_is_replaced(tmp_path: Path, told: str) -> None:
    path = tmp_path / "report.html"
    page.write(told, path)
    page.write(told, path)
    assert path.read_text() == told
    assert list(tmp_path.iterdir()) == [path]
    path.write_text("<!doctype html><title>my page</title>")
    with pytest.raises(LabError, match="is no report, so it was left alone"):
        page.write(told, path)
    assert "my page" in path.read_text()
    with pytest.raises(LabError, match=r"cannot write .*nowhere"):
        page.write(told, tmp_path / "nowhere" / "report.html")


FULL = """
import resource, sys
from pathlib import Path
from scenarios.errors import LabError
from scenarios.reports import page
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
try:
    page.write("x" * 5000, Path(sys.argv[1]))
except LabError as error:
    print(error)
"""


def test_a_full_disk_costs_no_earlier_report(tmp_path: Path, told: str) -> None:
    """The kernel's own file size limit stands for the full disk."""
    path = tmp_path / "report.html"
    page.write(told, path)
    code = [sys.executable, "-c", FULL, str(path)]
    environ = {"PYTHONPATH": str(HERE), "PATH": "/usr/bin"}
    done = subprocess.run(code, env=environ, capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == f"cannot write {path}: File too large; name a file you may write with -o\n"
    assert path.read_text() == told
    assert list(tmp_path.iterdir()) == [path]


def test_numbers_take_constant_memory() -> None:
    """Per event nothing is kept: ten times the events, a thousand times the time, and hardly more memory."""
    import tracemalloc

    def fed(numbers: Numbers, seconds: int) -> None:
        for number in range(seconds):
            numbers.feed(request(number, f"server-{number % 10 + 1}", duration=0.001 * (1 + math.sin(number))))

    few, many = Numbers({}), Numbers({})
    sizes = []
    for numbers, seconds in ((few, 2000), (many, 20_000)):
        tracemalloc.start()
        fed(numbers, seconds)
        sizes.append(tracemalloc.get_traced_memory()[0])
        tracemalloc.stop()
    assert sizes[1] < 2 * sizes[0] + 500_000
