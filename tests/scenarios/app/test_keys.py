"""What keys and mouse do: orders to the cluster, and one line about what became of each."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from textual.pilot import Pilot

from scenarios.boards.app.app import BoardApp
from scenarios.boards.app.choose import Choose
from scenarios.boards.app.keys import KEYS, VIEWS, Help, action_at, keys_line
from scenarios.boards.lines import UNICODE
from scenarios.errors import LabError
from scenarios.folds.fold import Fold
from tests.scenarios.app.fake_lab import FakeLab, board, text_of
from tests.scenarios.feeds import START, Event, busy, mark


@asynccontextmanager
async def running(
    lab: FakeLab, size: tuple[int, int] = (80, 24), **options: Any
) -> AsyncIterator[tuple[BoardApp, Pilot[None]]]:
    app = board(lab, **options)
    async with app.run_test(size=size) as pilot:
        await pilot.pause()
        yield app, pilot


def said(app: BoardApp) -> str:
    """The line under the board."""
    return text_of(app).splitlines()[-2]


@pytest.mark.parametrize(
    ("keys", "asked", "words"),
    [
        (["down", "k"], ("kill", "server-1"), "server-1: killed"),
        (["down", "down", "d"], ("drain", "server-2"), "server-2: gets no new users"),
        (["right", "right", "left", "r"], ("restart", "server-1"), "server-1: restarted"),
        (["up", "p"], ("pause", "server-10"), "server-10: paused"),
        (["up", "n"], ("partition", "server-10"), "server-10: cut off"),
        (["plus"], ("scale", 11), "servers: 11"),
        (["minus"], ("scale", 9), "servers: 9"),
        (["u"], ("users", 25), "users: 25"),
        (["U"], ("users", 15), "users: 15"),
        (["s", "enter"], ("switch", {"store": "redis", "migrate": True}), "store: redis, 12 sessions carried over"),
        (["s", "down", "enter"], ("switch", {"store": "redis", "migrate": False}), "store: redis"),
        (["o", "down", "enter"], ("switch", {"policy": "least_busy"}), "policy: least_busy"),
    ],
)
async def test_a_key_is_an_order(keys: list[str], asked: tuple[Any, ...], words: str) -> None:
    lab = FakeLab()
    async with running(lab) as (app, pilot):
        await pilot.press(*keys)
        await pilot.pause()
        assert lab.asked == [asked]
        assert said(app) == words


async def test_what_can_be_undone_is_undone_by_the_same_key() -> None:
    lab, more = FakeLab(), asyncio.Queue[Event | None]()
    async with running(lab, more=more) as (_, pilot):
        await pilot.press("down")
        for key, what in (("p", "pause"), ("n", "partition"), ("d", "drain")):
            more.put_nowait(mark(20, what, "server-1"))
            await pilot.pause()
            await pilot.press(key)
            await pilot.pause()
    assert lab.asked == [("resume", "server-1"), ("reconnect", "server-1"), ("undrain", "server-1")]


async def test_without_a_server_chosen_nothing_is_struck() -> None:
    lab = FakeLab()
    async with running(lab) as (app, pilot):
        await pilot.press("k", "p", "d", "r")
        await pilot.pause()
        assert said(app).startswith("choose a server first")
    assert lab.asked == []


@pytest.mark.parametrize("keys", [["down", "k"], ["plus"], ["u"], ["s", "enter"], ["o", "enter"]])
async def test_a_refused_order_is_one_line_and_nothing_breaks(keys: list[str]) -> None:
    lab = FakeLab()
    lab.refuses = "it cannot be done: try it\ntomorrow"
    async with running(lab) as (app, pilot):
        await pilot.press(*keys)
        await pilot.pause()
        assert said(app).endswith("it cannot be done: try it tomorrow")
        lab.refuses = None
        await pilot.press("down", "k")
        await pilot.pause()
        assert said(app).endswith(": killed")


async def test_two_servers_more_are_two_and_a_kill_waits_for_nobody() -> None:
    lab = FakeLab()
    async with running(lab) as (app, pilot):
        lab.gate.clear()
        await pilot.press("plus", "plus", "down", "k")
        await pilot.pause()
        assert lab.asked == [("scale", 11), ("kill", "server-1")]
        assert said(app) == "kill server-1 ..."
        lab.gate.set()
        await pilot.pause()
        await pilot.pause()
        assert lab.asked[2:] == [("scale", 12)]


@pytest.mark.parametrize(("now", "key", "then"), [(58, "u", 60), (3, "U", 0)])
async def test_users_stay_within_the_members(now: int, key: str, then: int) -> None:
    lab = FakeLab()
    lab.users = now
    async with running(lab) as (_, pilot):
        await pilot.press(key)
        await pilot.pause()
    assert lab.asked == [("users", then)]


@pytest.mark.parametrize(("size", "at"), [((80, 24), (3, 3)), ((160, 50), (60, 1))])
async def test_a_click_on_a_server_chooses_it(size: tuple[int, int], at: tuple[int, int]) -> None:
    async with running(FakeLab(), size) as (app, pilot):
        await pilot.click("#servers", offset=at)
        assert app.chosen == "server-3"
        await pilot.click("#servers", offset=(0, 0) if size[0] == 80 else (at[0], 14))  # the heading, an empty place
        assert app.chosen == "server-3"


async def test_a_click_on_a_named_key_is_that_key() -> None:
    async with running(FakeLab()) as (app, pilot):
        (line,) = keys_line(80, UNICODE)
        text = "".join(part for part, _ in line)
        await pilot.click("#keys", offset=(text.index("s store") + 2, 0))
        await pilot.pause()
        assert isinstance(app.screen, Choose)
        await pilot.press("escape")
        await pilot.pause()
        await pilot.click("#keys", offset=(text.index("? help"), 0))
        await pilot.pause()
        assert isinstance(app.screen, Help)
    assert action_at(500) is None


@pytest.mark.slow
async def test_views_by_tab_and_by_number_and_the_whole_screen_at_every_size() -> None:
    async with running(FakeLab()) as (app, pilot):
        for name in [*list(VIEWS)[1:], "all"]:
            await pilot.press("tab")
            assert app.view == name
        await pilot.press("shift+tab")
        assert app.view == "followed"
        for size in ((200, 60), (80, 24), (30, 8), (5, 2), (1, 1), (120, 40)):
            await pilot.resize_terminal(*size)
            for key in "123456":
                await pilot.press(key)
                await pilot.pause()
                assert [len(line) <= size[0] for line in text_of(app).splitlines()] == [True] * size[1]
        assert app.return_code is None


async def test_following_begins_with_the_click_after_it_was_asked_for() -> None:
    more = asyncio.Queue[Event | None]()
    async with running(FakeLab(), more=more) as (app, pilot):
        await pilot.press("f", "down", "enter")
        await pilot.pause()
        assert app.view == "followed"
        assert app.fold.following is not None
        assert app.fold.following.user == "user01"
        more.put_nowait({**busy()[-3], "user": "user01", "path": "/checkout?x=1"})
        await pilot.pause()
        app.redraw()
        await pilot.pause()
        assert "GET /checkout" in text_of(app)


async def test_escape_leaves_a_question_unanswered_and_the_help_goes_by_its_key() -> None:
    lab = FakeLab()
    async with running(lab) as (app, pilot):
        for ask, leave in (("s", "escape"), ("o", "q"), ("f", "escape"), ("h", "h"), ("question_mark", "escape")):
            await pilot.press(ask)
            assert len(app.screen_stack) == 2
            await pilot.press(leave)
            await pilot.pause()
            assert len(app.screen_stack) == 1
    assert lab.asked == []
    assert app.return_code == 0


@pytest.mark.parametrize("key", ["q", "ctrl+q"])
async def test_quitting(key: str) -> None:
    app = board(FakeLab())
    async with app.run_test() as pilot:
        await pilot.press(key)
        await pilot.pause()
        assert not app.is_running
    assert app.screen_stack == []
    app.frame()  # its time had come already when the board ended
    app.say("too late")
    assert app.reading.cancelled()


async def test_the_end_of_the_feed_is_the_end_of_the_board() -> None:
    more = asyncio.Queue[Event | None]()
    app = board(FakeLab(), more=more)
    async with app.run_test() as pilot:
        more.put_nowait(None)
        await pilot.pause()
        await pilot.pause()
        assert not app.is_running
    assert app.reading.result() is None


async def test_what_the_feed_raises_is_kept_for_after_the_terminal_is_given_back() -> None:
    async def broken() -> AsyncIterator[Event]:
        yield busy()[0]
        raise LabError("the lab has ended")

    app = BoardApp(FakeLab(), broken(), Fold(), title="t", clock=lambda: START)  # type: ignore[arg-type]
    async with app.run_test() as pilot:
        await pilot.pause()
        await pilot.pause()
    assert isinstance(app.reading.exception(), LabError)


async def test_no_key_means_two_things() -> None:
    keys = [key for binding in KEYS for key in binding.key.split(",")]
    assert len(keys) == len(set(keys))


async def test_logbooks_that_cannot_be_read_stay_as_they_were() -> None:
    lab = FakeLab()
    async with running(lab, (160, 50)) as (app, pilot):
        await pilot.pause()
        before = app.books
        assert len(before) == 10

        async def refuse(limit: int) -> dict[str, Any]:
            raise LabError("no")

        lab.logbooks = refuse  # type: ignore[method-assign]
        await pilot.press("3")
        await pilot.pause()
        assert app.books is before
        assert app.is_running
