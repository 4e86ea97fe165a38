"""The application's screen, as text, compared with the files in `snapshots/`.

A change that is meant: `RENEW=1 ./lab test tests/scenarios/app/test_pictures.py`, then read the difference.
"""

import os
import re
from pathlib import Path

import pytest
from rich.console import Console
from textual.strip import Strip

from scenarios.boards.lines import ASCII
from scenarios.folds.fold import Fold
from tests.scenarios.app.fake_lab import FakeLab, board, strips_of, text_of

SNAPSHOTS = Path(__file__).parent / "snapshots"


def compare(name: str, shown: str) -> None:
    path = SNAPSHOTS / f"{name}.txt"
    if os.environ.get("RENEW"):
        path.write_text(shown, encoding="utf-8")
    assert shown == path.read_text(encoding="utf-8")


async def shown(size: tuple[int, int], *keys: str, fold: Fold | None = None) -> str:
    app = board(FakeLab(), fold=fold)
    async with app.run_test(size=size) as pilot:
        await pilot.pause()
        await pilot.press(*keys)
        await pilot.pause()
        app.frame()  # makes room
        await pilot.pause()
        app.redraw()
        await pilot.pause()
        return text_of(app)


@pytest.mark.parametrize(
    ("name", "size", "keys"),
    [
        ("80x24", (80, 24), []),
        ("120x40", (120, 40), ["down", "down"]),
        ("160x50", (160, 50), ["down", "down"]),
        ("80x24-known", (80, 24), ["2"]),
        ("80x24-logbooks", (80, 24), ["3"]),
        ("80x24-told", (80, 24), ["4"]),
        ("80x24-latency", (80, 24), ["5"]),
        ("80x24-help", (80, 24), ["question_mark"]),
        ("80x24-store", (80, 24), ["s"]),
        ("80x24-follow", (80, 24), ["f"]),
        ("60x20-too-small", (60, 20), []),
    ],
)
async def test_the_screen(name: str, size: tuple[int, int], keys: list[str]) -> None:
    compare(name, await shown(size, *keys))


async def test_a_user_who_is_followed() -> None:
    compare("80x24-followed", await shown((80, 24), fold=Fold(follow="ravi")))


async def test_no_color(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same words without any colour; bold, dim and reverse say the rest."""
    monkeypatch.setenv("NO_COLOR", "1")
    app = board(FakeLab())
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("down")
        await pilot.pause()
        app.redraw()
        await pilot.pause()
        compare("80x24", text_of(app))
        written = codes(strips_of(app))
    assert not re.search(r"\x1b\[(?:[\d;]*;)?(?:3[0-8]|4[0-8]|9[0-7]|10[0-7])(?:;[\d;]*)?m", written)
    assert re.search(r"\x1b\[1;7[;m]", written)  # the chosen server


async def test_colours_are_the_terminals_own() -> None:
    app = board(FakeLab())
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        written = codes(strips_of(app))
    assert re.search(r"\x1b\[(?:[\d;]*;)?31m", written)
    assert not re.search(r"[34]8;2;", written)  # no colour of our own mixing


def codes(strips: list[Strip]) -> str:
    console = Console(color_system="truecolor", force_terminal=True, _environ={})
    return "\n".join(strip.render(console) for strip in strips)


async def test_ascii_is_enough_for_every_view() -> None:
    app = board(FakeLab(), fold=Fold(follow="ravi"), glyphs=ASCII)
    async with app.run_test(size=(160, 50)) as pilot:
        for key in "123456":
            await pilot.press(key)
            await pilot.pause()
            assert text_of(app).isascii(), key
