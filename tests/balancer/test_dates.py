"""When an answer was made: said by the balancer where nobody else has (RFC 9110 section 6.6.1)."""

from email.utils import formatdate

import pytest

from balancer.dates import Dates
from tests.balancer.conftest import Start
from tests.balancer.rig import DATE, OUR_DATE, Line, Server, get, ok

UNDATED = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


@pytest.mark.parametrize("second", [0, 784111777, 951782399, 951782400, 1_798_761_599, 4_102_444_800])
def test_a_date_as_http_writes_it(second: int) -> None:
    assert Dates(lambda: second + 0.999).line() == f"Date: {formatdate(second, usegmt=True)}\r\n".encode()


def test_it_goes_with_the_time_also_when_that_is_set_back() -> None:
    now = 784111777.0
    dates = Dates(lambda: now)
    seen = []
    for now in (784111777.0, 784111777.9, 784111778.0, 784111776.0):  # noqa: B007 - `dates` reads it
        seen.append(dates.line()[23:31])
    assert seen == [b"08:49:37", b"08:49:37", b"08:49:38", b"08:49:36"]


async def test_an_answer_without_a_date_gets_one_and_a_dated_one_keeps_its_own(start: Start) -> None:
    server = Server()
    rig = await start(server)
    line = await rig.connect()
    for raw, expected in ((UNDATED, OUR_DATE), (ok(), DATE), (UNDATED, OUR_DATE), (UNDATED, OUR_DATE), (ok(), DATE)):
        server.reply = lambda message, raw=raw: raw  # type: ignore[misc]
        answer = await line.ask(get())
        assert f"Date: {answer['date']}" == expected
        assert answer.body == b"ok"
        await rig.settled()
    assert len(server.lines) == 1  # the connection serves on, either way


async def test_beside_what_else_is_changed_in_a_head(start: Start) -> None:
    server = Server()
    server.reply = lambda message: UNDATED.replace(b"OK\r\n", b"OK\r\nServed-By: x\r\nSession-Outcome: hit\r\n")
    rig = await start(server, strip_session_headers=True, policy="sticky_cookie")
    answer = await rig.ask(get("/", "Connection: close"))
    assert [name.lower() for name, _ in answer.fields] == ["content-length", "date", "set-cookie", "connection"]


async def test_our_own_answers_have_one(start: Start) -> None:
    rig = await start()
    asked = {
        get(): 503,
        get(method="TRACE"): 405,
        get("*", "Max-Forwards: 0", method="OPTIONS"): 200,
        b"GET / HTTP/1.1\r\n\r\n": 400,
    }
    for request, status in asked.items():
        answer = await rig.ask(request)
        assert (answer.status, f"Date: {answer['date']}") == (status, OUR_DATE)


async def test_1xx_are_left_alone(start: Start) -> None:
    async def hint(line: Line) -> None:
        await line.message()
        line.send(b"HTTP/1.1 103 Early Hints\r\n\r\n" + UNDATED)
        await line.rest()

    rig = await start(Server(hint))
    line = await rig.connect()
    line.send(get())
    assert (await line.answer(bodyless=True)).raw == b"HTTP/1.1 103 Early Hints\r\n\r\n"
    assert f"Date: {(await line.answer())['date']}" == OUR_DATE
