"""Messages of a sequence diagram: from events and store calls, to text and picture."""

from typing import Any
from xml.etree import ElementTree

import pytest

from scenarios.boards.lines import ASCII, UNICODE, Frame, width_of
from scenarios.trace.drawing import Drawing
from scenarios.trace.picture import svg
from scenarios.trace.story import BALANCER, BROWSER, STORE, Message, story

SVG = "{http://www.w3.org/2000/svg}"


def request(time: float, server: str | None, **more: Any) -> dict[str, Any]:
    return {
        "kind": "request", "time": time, "duration": 0.5, "user": "ravi", "method": "GET", "path": "/orders",
        "sent": None, "received": None, "server": server, "policy": "round_robin", "outcome": None, "status": 200,
        "moved": None, **more,
    }  # fmt: skip


def call(time: float, server: str, do: str, **more: Any) -> dict[str, Any]:
    return {
        "time": time, "server": server, "store": "memory", "do": do, "id": "sess_8f3k…", "hash": "h1", "ended": False,
        **more,
    }  # fmt: skip


LOGIN = request(10.0, "server-1", method="POST", path="/login", received="h1", outcome="new")
LOGIN_CALLS = [call(9.8, "server-1", "commit", new=True, user="ravi")]
KNOWN = request(11.0, "server-1", sent="h1", outcome="hit")
KNOWN_CALLS = [call(10.7, "server-1", "find", found=True, user="ravi")]
STRANGE = request(12.0, "server-3", sent="h1", outcome="unknown", status=401)
STRANGE_CALLS = [
    call(11.7, "server-3", "find", found=False, user=None),
    call(11.8, "server-3", "find", found=False, user=None, ended=True),
]


def test_the_eight_steps() -> None:
    messages = story([KNOWN, LOGIN], [*LOGIN_CALLS, *KNOWN_CALLS])
    assert [message.step for message in messages if message.step] == [1, 2, 3, 4, 5, 6, 7, 8]
    assert messages[0] == Message(BROWSER, BALANCER, "ravi: POST /login with the password, no cookie", 1)
    assert messages[4] == Message("server-1", STORE, "own logbook: write sess_8f3k… = ravi", 4)
    assert messages[5].text == "200, Set-Cookie: session_id=sess_8f3k…"
    assert not any(message.bad for message in messages)


def test_another_server_has_never_heard_of_it() -> None:
    messages = story([STRANGE], [*KNOWN_CALLS, *STRANGE_CALLS])
    assert [(m.source, m.target, m.text) for m in messages[1:]] == [
        (BALANCER, "server-3", "round_robin picks server-3"),
        ("server-3", STORE, "own logbook: who is sess_8f3k…?"),
        (STORE, "server-3", "never heard of sess_8f3k…"),
        ("server-3", STORE, "own logbook: was sess_8f3k… ended on purpose?"),
        (STORE, "server-3", "no"),
        ("server-3", BROWSER, "401, as to a stranger"),
    ]
    assert [m.bad for m in messages if m.source == "server-3"][-1]


@pytest.mark.parametrize(
    "stray",
    [
        call(11.8, "server-2", "find", found=True, user="ravi"),  # another server's
        call(11.4, "server-3", "find", found=True, user="ravi"),  # before it came
        call(12.1, "server-3", "find", found=True, user="ravi"),  # after it was answered
        call(11.8, "server-3", "find", found=True, user="ravi", hash="h2"),  # somebody else's session
    ],
)
def test_a_call_of_another_request_is_not_told_as_this_ones(stray: dict[str, Any]) -> None:
    assert story([STRANGE], [*STRANGE_CALLS, stray]) == story([STRANGE], STRANGE_CALLS)


def test_the_balancers_own_answer() -> None:
    messages = story([request(1.0, None, status=503)], [])
    assert messages[-1] == Message(BALANCER, BROWSER, "503, from the balancer itself")


DRAWN = """\
    browser     balancer     server-1     logbooks
       |            |            |            |
 6     | ravi: GET /orders, Cookie: session_id=sess_8f3k~
       |----------->|            |            |
       |            | round_robin picks server-1
       |            |----------->|            |
 7     |            |        own logbook: who is sess_8f3k~?
       |            |            |----------->|
       |            |            | sess_8f3k~ = ravi
       |            |            |<-----------|
 8     | 200, as to a member     |            |
       |<------------------------|            |"""


def test_the_drawing_at_60_columns_in_ascii() -> None:
    drawing = Drawing(["server-1"], "logbooks", 60, ASCII)
    assert Frame(drawing.head() + drawing.lines(story([KNOWN], KNOWN_CALLS)), 60).text() == DRAWN


@pytest.mark.parametrize("width", [60, 80, 100])
@pytest.mark.parametrize("servers", [1, 3, 5, 40])
def test_no_line_is_wider_than_the_terminal(width: int, servers: int) -> None:
    names = [f"server-{number + 1}" for number in range(servers)]
    drawing = Drawing(names, "logbooks", width, UNICODE)
    long = Message(BROWSER, BALANCER, "x" * 200, 1)
    far = Message(names[-1], STORE, "y" * 90, 7)
    for line in drawing.head() + drawing.lines([long, far, Message(names[0], BROWSER, "200")]):
        assert sum(width_of(text) for text, _ in line) <= width


def test_the_picture_is_xml_that_says_everything_in_words_too() -> None:
    messages = story([LOGIN, STRANGE], [*LOGIN_CALLS, *STRANGE_CALLS])
    picture = ElementTree.fromstring(svg(messages, ["server-1", "server-3"], "logbooks", "five <servers>"))
    description = picture.findtext(f"{SVG}desc") or ""
    drawn = [text.text for text in picture.iter(f"{SVG}text")]
    for message in messages:
        assert message.text in description
        assert message.text in drawn
    assert picture.findtext(f"{SVG}title") == "five <servers>"
    arrows = [line for line in picture.iter(f"{SVG}line") if "arrow" in line.get("class", "")]
    assert len(arrows) == sum(message.source != message.target for message in messages)
