"""A player on the terminal: the board, its keys in the last line."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from rich.console import Console

from scenarios.boards.board import Board
from scenarios.boards.lines import Frame, Line, fit, glyphs_for, whole
from scenarios.boards.painter import Painter
from scenarios.boards.plain import closing_lines
from scenarios.boards.terminal import screen, typed_keys
from scenarios.player import HINTS, KEYS, Player

FRAMES = 8.0  # a second
QUIT = "q"


async def play(player: Player, console: Console, name: str, clock: Callable[[], float], keys: bool = True) -> None:
    """Show the player until the run has been played to its end or somebody quits; the last frame and the final numbers
    stay. `clock` is in seconds, such as `time.monotonic`. Without `keys`, nobody can type, and no key is named."""
    glyphs = glyphs_for(console.encoding)
    board = Board(glyphs)
    typed: asyncio.Queue[str] = asyncio.Queue()

    def draw(width: int, height: int) -> Frame:
        board.title = f"{name} {state(player)}"
        hints: Line = whole([[(f"{hint}  ", "quiet")] for hint in HINTS], width, glyphs)
        if not keys:
            return board.render(player.fold, width, height)
        frame = board.render(player.fold, width, height - 1)
        return Frame([*frame.lines, fit(hints, width)], width)

    live = Painter(console, draw)
    try:
        with screen(live), typed_keys(typed.put_nowait):
            await until_over(player, typed, clock, live.refresh)
    finally:
        player.close()
        if player.fold.now is not None:
            board.title = name
            console.print(board.render(player.fold, console.width, console.height - 2))
            console.print("\n".join(closing_lines(player.fold, glyphs)), markup=False)


async def until_over(
    player: Player, typed: asyncio.Queue[str], clock: Callable[[], float], refresh: Callable[[], None]
) -> None:
    """Let time go on and keys do what they do."""
    before = clock()
    while True:
        there = player.read()
        refresh()
        if there and player.over and not player.paused:
            return
        key = await next_key(typed, 1 / FRAMES if there else 0.0)
        now = clock()
        if there:
            player.advance(now - before)
        before = now
        if key == QUIT:
            return
        if key in KEYS:
            KEYS[key](player)


async def next_key(typed: asyncio.Queue[str], seconds: float) -> str | None:
    """What is typed within so many seconds."""
    try:
        async with asyncio.timeout(seconds):
            return await typed.get()
    except TimeoutError:
        return None


def state(player: Player) -> str:
    """`2x 43 %`, `stopped 43 %`."""
    how = "stopped" if player.paused else f"{player.speed:g}x"
    return f"({how}, {player.share:.0%} read)"
