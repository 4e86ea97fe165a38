"""The board as people see it: frames at two sizes, ASCII, no colours, lines in a pipe, reports and pictures."""

import asyncio
import io
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scenarios.boards import words
from scenarios.boards.board import Board
from scenarios.boards.digits import big
from scenarios.boards.lines import ASCII, UNICODE, Frame, clean, fit, glyphs_for, width_of
from scenarios.boards.live import watch_feed
from scenarios.boards.panels.lists import shares
from scenarios.boards.picture import save_svg, svg
from scenarios.boards.report import act_report, summary
from scenarios.boards.terminal import console_for
from scenarios.errors import LabError
from scenarios.folds.fold import Fold
from tests.scenarios.feeds import START, act, clicks, incident, mark, record, request, servers, ticket

Event = dict[str, Any]

NARROW = """\
Session Lab · ten-servers                                                   0:19
 ┏━┓ ┏━┓              logged out, of the last 5 s   theory 90.0 %
 ┗━┫ ┃ ┃              90.0 % in this act: 90 of 100 with a wristband
 ╺━┛ ┗━┛ %            store memory · round_robin · 10 servers
100 % ┊                  ┊⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀                          ─ 90.0 %
      ┊                  ┊⡇
      ┊                  ┊⡇
 50 % ┊                  ┊⡇
      ┊                  ┊⡇
      ┊                  ┊⡇
  0 % ⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⠇
      b──────────────────cd──────────────────────────────────────────── 0:20

Server    requests  known unknown share state   Tickets 1
server-1        10     10       0  10 % up      user07    “I keep getting logged
server-2        10      0      10  10 % up                out!”
"""


class Stream(io.StringIO):
    """A stream that says what it is."""

    def __init__(self, *, terminal: bool = False, encoding: str = "utf-8") -> None:
        super().__init__()
        self.terminal, self._encoding = terminal, encoding

    @property
    def encoding(self) -> str:  # type: ignore[override]
        return self._encoding

    def isatty(self) -> bool:
        return self.terminal


def folded(events: list[Event]) -> Fold:
    fold = Fold()
    fold.feed_all(events)
    return fold


def until(seconds: float) -> list[Event]:
    return [event for event in incident() if event["time"] < START + seconds]


async def feed(events: list[Event]) -> AsyncIterator[Event]:
    for event in events:
        yield event


def lines(frame: Frame) -> list[str]:
    return frame.text().split("\n")


def test_a_frame_in_the_middle_of_the_incident_at_80x24() -> None:
    shown = lines(Board().render(folded(until(19.935)), 80, 24))
    assert "\n".join(shown[:16]) + "\n" == NARROW
    assert len(shown) == 24


def test_a_frame_at_the_end_of_the_incident_at_160x50() -> None:
    shown = lines(Board().render(folded(incident()), 160, 50))
    text = "\n".join(shown)
    assert len(shown) == 50
    assert shown[0] == "Session Lab · shared-store" + " " * 130 + "0:29"
    assert shown[1] == "Business is good. It was not."
    assert "0.0 % in this act: 0 of 100 with a wristband" in text
    assert "store redis · round_robin · 10 servers" in text
    assert re.search(r"one-server +0\.0 % +0\.0 % pass", text)
    assert re.search(r"ten-servers +90\.0 % +90\.0 % pass", text)
    assert re.search(r"user07 +“I keep getting logged out!”", text)
    assert re.search(r"user21 +“My cart is empty again”", text)
    assert re.search(r"e +0:19 store redis, 60 sessions moved", text)
    assert re.search(r"server-10 +10 +10 +0 +10 % up", text)
    axis = next(line for line in shown if line.startswith("      b"))
    assert axis.endswith(" 0:30")
    assert [char for char in axis if char.isalpha()] == ["b", "c", "d", "e", "f"]


PHONE = """\
Session Lab · ten-servers           0:19
 ┏━┓ ┏━┓              logged out, of…
 ┗━┫ ┃ ┃              90.0 % in this act
 ╺━┛ ┗━┛ %            store memory
100 % ┊        ┊⡤⠤⠤⠤⠤⠤⠤⠤⠤⠤      ─ 90.0 %
      ┊        ┊⡇
 50 % ┊        ┊⡇
      ┊        ┊⡇
  0 % ⣀⣀⣀⣀⣀⣀⣀⣀⣀⣀⠇
      b────────cd────────────── 0:20

Server    requests  known unknown state
server-1        10     10       0 up
server-2        10      0      10 up
"""


def test_a_narrow_board_leaves_out_whole_words_and_columns() -> None:
    shown = lines(Board().render(folded(until(19.935)), 40, 20))
    assert "\n".join(shown[:14]) + "\n" == PHONE
    assert shown[-1] == "… and 3 more servers"


@settings(deadline=None, max_examples=40)
@given(width=st.integers(24, 79), height=st.integers(12, 40))
def test_no_word_is_cut_in_the_middle(width: int, height: int) -> None:
    def words_of(frame: Frame) -> set[str]:
        return set(re.findall(r"[A-Za-z]{3,}(?!\w*…)", frame.text()))

    fold = folded(until(19.935))
    wide = {word for size in ((80, 24), (200, 60)) for word in words_of(Board().render(fold, *size))}
    assert words_of(Board().render(fold, width, height)) <= wide | {"rate", "and", "more"}


def test_the_theory_is_dashed_where_nothing_is_measured_on_it() -> None:
    fold = folded([act(0, "ten", theory=0.9), *clicks(0, 6, known=6)])  # measured 40 %
    rows = [line for line in lines(Board().render(fold, 80, 24)) if line.endswith("─ 90.0 %")]
    assert len(rows) == 1
    assert rows[0].startswith("100 % " + "⣀ " * 12 + " ")


def test_a_server_that_is_down_says_so_in_words() -> None:
    fold = folded([servers(0, 3), *clicks(0, 1, 3), mark(1, "kill", "server-2"), mark(1, "drain", "server-3")])
    text = Board().render(fold, 80, 24).text()
    assert re.search(r"server-2 .* down", text)
    assert re.search(r"server-3 .* drains", text)


def test_servers_that_do_not_fit_are_counted() -> None:
    text = Board().render(folded([servers(0, 100), *clicks(0, 1)]), 80, 24).text()
    shown = len(re.findall(r"^server-\d+", text, re.MULTILINE))
    assert f"… and {100 - shown} more servers" in text


def test_missed_events_are_admitted() -> None:
    fold = folded([*clicks(0, 1), {"kind": "dropped", "count": 1200}])
    assert "1,200 events missed: counts are too low" in Board().render(fold, 80, 24).text()


def test_before_the_first_event_the_board_claims_nothing() -> None:
    text = Board().render(Fold(), 80, 24).text()
    assert "no wristband seen in the last 5 s" in text
    assert "no server has answered yet" in text
    assert "0.0 %" not in text


def test_ascii_is_enough() -> None:
    events = [*until(19.9), ticket(19.91, "Ünïcode — “broken”", "zoë")]
    text = Board(ASCII).render(folded(events), 80, 24).text()
    assert text.isascii()
    assert "*" in text
    assert '"?n?code ? ?broken?"' in text


HOSTILE = "\x1b[2J\x1b]0;pwned\x07 \u202e\u0007 \x9b31m 漢字 \n\t nul\0"


def test_text_from_the_feed_cannot_drive_the_terminal() -> None:
    events = [
        servers(0, 1),
        act(0, HOSTILE, title=HOSTILE, text=HOSTILE),
        request(0.1, HOSTILE, store=HOSTILE, policy=HOSTILE),
        ticket(0.2, HOSTILE, HOSTILE),
        mark(0.3, HOSTILE, HOSTILE),
        mark(0.4, "store", HOSTILE),
        {"kind": "act_end", "time": START + 1, "act": record(HOSTILE, verdict=HOSTILE, store=HOSTILE, policy=HOSTILE)},
    ]
    console = console_for(Stream())
    for end in range(1, len(events) + 1):
        for size in ((80, 24), (160, 50)):
            frame = Board().render(folded(events[:end]), *size)
            assert all(char.isprintable() for char in frame.text().replace("\n", "")), end
    console.print(act_report(events[-1]["act"], HOSTILE), summary([events[-1]["act"]], HOSTILE))
    written = console.file.getvalue()  # type: ignore[attr-defined]
    assert all(char.isprintable() for char in written.replace("\n", ""))
    plain = Stream()
    asyncio.run(watch_feed(feed(events), stream=plain))
    assert all(char.isprintable() for char in plain.getvalue().replace("\n", ""))


@pytest.mark.parametrize("glyphs", [UNICODE, ASCII])
@settings(deadline=None, max_examples=40)
@given(width=st.integers(1, 240), height=st.integers(1, 80), seconds=st.sampled_from([0.0, 0.05, 9.97, 19.95, 31.0]))
def test_a_frame_is_exactly_as_large_as_the_terminal(glyphs: Any, width: int, height: int, seconds: float) -> None:
    frame = Board(glyphs).render(folded(until(seconds)), width, height)
    assert len(frame.lines) == height
    assert {sum(width_of(text) for text, _ in line) for line in frame.lines} == {width}


def test_the_chart_scrolls_when_the_run_is_longer_than_it_is_wide() -> None:
    fold = folded([request(second, outcome="unknown" if second < 300 else "hit") for second in range(500)])
    rows = lines(Board().render(fold, 80, 24))[4:12]
    assert rows[-1].rstrip().endswith("2:10")  # 65 columns of two seconds
    assert "⠉" not in "".join(rows)  # the logouts have left the picture
    assert rows[-2].startswith("  0 % " + "⣀" * 65)


@pytest.mark.parametrize(
    ("rate", "small", "large"),
    [
        (None, "-", "-"),
        (0.0, "0.0 %", "0"),
        (0.00001, "<0.1 %", "0.1"),
        (0.0123, "1.2 %", "1.2"),
        (0.9012, "90.1 %", "90"),
        (0.9996, ">99.9 %", "99"),
        (1.0, "100.0 %", "100"),
    ],
)
def test_rates_in_words_never_claim_none_or_all_that_is_not(rate: float | None, small: str, large: str) -> None:
    assert words.percent(rate) == small
    assert words.big_percent(rate) == large


def test_other_words() -> None:
    assert [words.clock(s) for s in (-1, 0, 65.9, 3725)] == ["0:00", "0:00", "1:05", "1:02:05"]
    assert words.counted(1, "ticket") + ", " + words.counted(2, "ticket") == "1 ticket, 2 tickets"
    assert words.interval([0.888, 0.912]) == "88.8 to 91.2 %"
    assert [words.letter(n) for n in (0, 25, 26)] == ["a", "z", "a"]


def test_digits() -> None:
    assert big("90.1", UNICODE) == ["┏━┓ ┏━┓     ╻", "┗━┫ ┃ ┃     ┃", "╺━┛ ┗━┛ ▪   ╹"]
    assert big("7-", ASCII) == [" _     ", "  |  _ ", "  |    "]


def test_widths_of_wide_characters() -> None:
    assert width_of("".join(text for text, _ in fit([("漢字漢字", "")], 5))) == 5
    assert clean("a\tb\nc\x1bd", UNICODE) == "a b c?d"


@settings(deadline=None)
@given(st.lists(st.integers(1, 40), min_size=1, max_size=4), st.integers(0, 60))
def test_rows_are_shared_out_and_none_is_wasted(wants: list[int], height: int) -> None:
    rows = shares(wants, height)
    assert all(row <= want for row, want in zip(rows, wants, strict=True))
    least = sum(min(want, 2) for want in wants)
    assert sum(rows) == max(least, min(sum(wants), height))


@pytest.mark.parametrize(
    ("encoding", "unicode"), [("utf-8", True), ("UTF8", True), ("ascii", False), ("latin-1", False), (None, False)]
)
def test_glyphs_follow_the_encoding(encoding: str | None, unicode: bool) -> None:
    assert glyphs_for(encoding).unicode is unicode


def coloured(text: str) -> bool:
    """Whether a colour is set: SGR 30-38, 40-48, 90-107."""
    codes = [int(code) for found in re.findall(r"\x1b\[([\d;]*)m", text) for code in found.split(";") if code]
    return any(30 <= code <= 48 or 90 <= code <= 107 for code in codes)


@pytest.mark.parametrize(("environ", "colours"), [({}, True), ({"NO_COLOR": "1"}, False), ({"NO_COLOR": ""}, True)])
def test_no_color(environ: dict[str, str], colours: bool) -> None:
    stream = Stream(terminal=True)
    console = console_for(stream, {"TERM": "xterm-256color", **environ})
    console.print(Board().render(folded(incident()), 80, 24), act_report(record("ten"), "What. Why."))
    assert coloured(stream.getvalue()) is colours
    assert "\x1b[1m" in stream.getvalue() or colours  # bold is no colour


@pytest.mark.parametrize("environ", [{}, {"FORCE_COLOR": "1"}, {"TTY_COMPATIBLE": "1"}, {"TERM": "xterm"}])
async def test_a_pipe_gets_lines_and_never_a_control_code(environ: dict[str, str]) -> None:
    stream = Stream()
    fold = await watch_feed(feed(incident()), stream=stream, environ=environ)
    said = stream.getvalue()
    assert "\x1b" not in said
    told = said.splitlines()
    assert told[:3] == [
        "  0:00  scale to 1",
        "  0:00  act one-server begins: store memory, round_robin, theory 0.0 %",
        "  0:00  0.0 % logged out of the last 1 s; 10 requests, 10 with a wristband, 0 logged out; 0 tickets",
    ]
    assert (
        "  0:19  act ten-servers: pass: 90.0 % logged out (95 % interval 88.0 to 92.0 %), theory 90.0 %; "
        "900 of 1,000 with a wristband" in told
    )
    assert "  0:19  store redis, 60 sessions moved" in told
    assert told[-1] == "In all: 300 requests, 300 with a wristband, 90 logged out (30.0 %); 2 tickets."
    assert len([line for line in told if "logged out of the last" in line]) == 29
    assert len([line for line in told if "of the last 5 s" in line]) > 15
    assert fold.totals.logged_out == 90
    console = console_for(stream, environ)
    console.print(act_report(record("ten"), "What. Why."), summary([record("ten")], "pass"))
    assert "\x1b" not in stream.getvalue()


@pytest.mark.parametrize("term", ["dumb", ""])
async def test_a_dumb_terminal_gets_lines_too(term: str) -> None:
    stream = Stream(terminal=True)
    await watch_feed(feed(incident()), stream=stream, environ={"TERM": term})
    assert "\x1b" not in stream.getvalue()
    assert "In all: 300 requests" in stream.getvalue()


async def test_lines_for_a_stream_that_is_not_utf8() -> None:
    stream = Stream(encoding="ascii")
    await watch_feed(feed([ticket(0), act(1, "zoë—act")]), stream=stream)
    assert stream.getvalue().isascii()
    assert "act zo??act begins" in stream.getvalue()


async def test_a_silent_second_says_nothing() -> None:
    stream = Stream()
    await watch_feed(feed([request(0), request(30), request(60)]), stream=stream, leave=False)
    assert [line[:6].strip() for line in stream.getvalue().splitlines()] == ["0:00", "0:30"]


async def test_events_that_are_none_do_not_end_the_watching() -> None:
    odd: list[Event] = [{"kind": "mark", "time": START}, {"kind": "act_end", "time": START, "act": {}}, {}]
    fold = await watch_feed(feed([*odd, request(1)]), stream=Stream())
    assert fold.totals.requests == 1


async def test_what_the_feed_raises_is_raised_after_the_last_numbers() -> None:
    async def broken() -> AsyncIterator[Event]:
        yield request(0)
        raise LabError("the lab has ended")

    stream = Stream()
    with pytest.raises(LabError, match="the lab has ended"):
        await watch_feed(broken(), stream=stream)
    assert "In all: 1 request, 1 with a wristband, 0 logged out (0.0 %); 0 tickets." in stream.getvalue()


REPORT = """\
ten-servers · 10 servers · store memory · round_robin
  Business is good, so there are ten servers now. Only one logbook in ten knows
  your wristband.

  measured    95 % interval   theory   verdict
    90.0 %   88.0 to 92.0 %   90.0 %   fail
  900 of 1,000 requests with a wristband were logged out
  803 logouts classed: 99% flap 803 logouts classed: 99% flap 803 logouts
    classed: 99% flap
  fail  logout rate: measured 90.0 %, theory 80.0 %
  fail  ghosts: measured 2, must be 0
  pass  carts lost: measured 20, must be more than 0
  pass  killed server: users out: measured 10.0 %, theory 10.0 %
  3 of 5 checks passed

  act          servers  store   measured   95 % interval  theory  verdict
  one-server        10  memory     0.0 %    0.0 to 2.0 %   0.0 %  pass
  ten-servers       10  memory    90.0 %  88.0 to 92.0 %  90.0 %  fail

  Verdict: fail (1 of 2 acts passed)
"""


def test_the_report_of_an_act_and_of_a_run() -> None:
    checks = [
        {"name": "logout rate", "measured": 0.9, "expected": "80.0%", "passed": False},
        {"name": "ghosts", "measured": 2, "expected": "0", "passed": False},
        {"name": "carts lost", "measured": 20, "expected": "more than 0", "passed": True},
        {"name": "pages of somebody else", "measured": 0, "expected": "0", "passed": True, "every_act": True},
        {"name": "killed server: users out", "measured": 0.1, "expected": "10.0%", "passed": True},
    ]
    ten = record("ten-servers", verdict="fail", checks=checks, notes=["803 logouts classed: 99% flap " * 3])
    text = "Business is good, so there are ten servers now.\nOnly one logbook in ten knows your wristband."
    stream = Stream()
    console = console_for(stream, {"COLUMNS": "80"})
    console.print(act_report(ten, text), summary([record("one-server", 0.0, 0.0), ten], "fail"), sep="")
    assert stream.getvalue() == REPORT


def test_a_wide_report_has_the_policy_and_a_narrow_stream_is_ascii() -> None:
    stream = Stream(encoding="ascii")
    console = console_for(stream, {"COLUMNS": "120"})
    console.print(act_report(record("zoë", None), "—"), summary([record("zoë", None)], "fail"))
    said = stream.getvalue()
    assert said.isascii()
    assert re.search(r"zo\? +10 +memory +round_robin +- +- +90\.0 % +pass", said)


def test_pictures_are_the_same_bytes_and_fetch_nothing(tmp_path: Path) -> None:
    frame = Board().render(folded(incident()), 100, 30)
    path = tmp_path / "board.svg"
    save_svg(frame, str(path), "lab watch", 100)
    made = path.read_text(encoding="utf-8")
    assert made == svg(Board().render(folded(incident()), 100, 30), "lab watch", 100)
    assert set(re.findall(r"\w+://[^\s\"']+", made)) == {"http://www.w3.org/2000/svg"}
    assert "@font-face" not in made
    assert "@import" not in made
    assert "<script" not in made
    used = set(re.findall(r"url\(#([^)]+)\)", made))
    assert used <= set(re.findall(r'id="([^"]+)"', made))
    assert "I&#160;keep&#160;getting&#160;logged&#160;out!" in made


def test_pictures_do_not_depend_on_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    made = svg(summary([record("ten")], "pass"), "lab run", 90)
    for name, value in {"NO_COLOR": "1", "TERM": "dumb", "COLUMNS": "20", "FORCE_COLOR": "1"}.items():
        monkeypatch.setenv(name, value)
    assert svg(summary([record("ten")], "pass"), "lab run", 90) == made


def test_a_picture_that_cannot_be_written_is_one_clear_line() -> None:
    with pytest.raises(LabError, match=r"cannot write the picture /nowhere/x\.svg: .*; name a file"):
        save_svg(summary([], "fail"), "/nowhere/x.svg", "x", 80)


async def test_a_user_who_is_followed_in_a_pipe() -> None:
    events = [
        request(0, "server-1", "new", None, received="aaaaaaaaaaaa", method="POST", path="/login"),
        request(1, "server-2", "unknown", "aaaaaaaaaaaa", path="/orders?page=2"),
        request(1.5, "server-2", "hit", "bbbbbbbbbbbb", user="user07"),
        request(2, None, None, "aaaaaaaaaaaa", path="/"),
    ]
    stream = Stream()
    await watch_feed(feed(events), fold=Fold(follow="ravi"), stream=stream, leave=False)
    assert [line for line in stream.getvalue().splitlines() if "of the last 5 s" not in line] == [
        "  0:00  ravi: POST /login: server-1: shows no wristband: a new line written, gets aaaaaa",
        "  0:01  ravi: GET /orders: server-2: shows aaaaaa: never heard of it",
        "  0:02  ravi: GET /: no server: shows aaaaaa: nothing",
    ]


def test_a_user_who_is_followed_on_the_rich_board() -> None:
    fold = Fold(follow="ravi")
    fold.feed_all(until(19.935))
    text = Board().render(fold, 80, 24).text()
    assert re.search(r"0:19  server-10 +012345 +never heard of it +GET /orders", text)
