"""The board for people: the panels of the rich board, and keys and mouse that act on the cluster."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator, Callable, Container
from contextlib import suppress
from typing import ClassVar

from textual.app import App, ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal
from textual.css.scalar import Scalar
from textual.events import Click, Resize
from textual.strip import StripRenderable

from balancer.policies import POLICIES
from scenarios.boards.app import signals
from scenarios.boards.app.choose import Choose
from scenarios.boards.app.keys import KEYS, VIEWS, Help, action_at, keys_line
from scenarios.boards.app.orders import CARRY, Orders, store_words
from scenarios.boards.app.panel import Panel
from scenarios.boards.chart import chart
from scenarios.boards.choice import too_small
from scenarios.boards.feed import fold_all
from scenarios.boards.lines import UNICODE, Glyphs, Line, clean, phrase
from scenarios.boards.panels import cards, lists
from scenarios.boards.panels.followed import followed
from scenarios.boards.panels.heading import heading, rate_now
from scenarios.boards.panels.known import known
from scenarios.boards.panels.latency import latency
from scenarios.boards.panels.logbooks import Book, logbooks
from scenarios.cluster.attached import AttachedCluster
from scenarios.errors import LabError
from scenarios.events import Event
from scenarios.folds.fold import Fold
from scenarios.folds.following import Following
from servers.stores import STORES

FRAMES = 3  # a second
CALM = ("chart", "known", "logbooks", "latency")  # panels that need one a second, as wide as the chart's buckets are
PAINT_EVERY = 5.0  # seconds after which all is written to the terminal again
LOOK_EVERY = 2.0  # seconds between looks into the logbooks
ENTRIES = 40  # of each logbook


class BoardApp(App[None]):
    """Shows `events`, folded into `fold`, until they end or somebody quits; `reading` then holds
    what the feed raised."""

    CSS_PATH = "board.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [*KEYS]
    ENABLE_COMMAND_PALETTE = False
    ALLOW_SELECT = False
    HORIZONTAL_BREAKPOINTS = [(0, "-small"), (80, "-narrow"), (120, "-wide")]  # noqa: RUF012 - App has it so
    VERTICAL_BREAKPOINTS = [(0, "-short"), (36, "-tall")]  # noqa: RUF012

    def __init__(
        self,
        cluster: AttachedCluster,
        events: AsyncIterator[Event],
        fold: Fold,
        *,
        title: str,
        clock: Callable[[], float],
        glyphs: Glyphs = UNICODE,
    ) -> None:
        super().__init__(ansi_color=True)
        self.theme = "ansi-dark"
        self.cluster = cluster
        self.fold = fold
        self.books: list[Book] = []
        self.chosen: str | None = None
        self.view = "followed" if fold.following else "all"
        self._events = events
        self._title = title
        self._clock = clock
        self._glyphs = glyphs
        self._said: Line = [("arrow keys choose a server, Tab shows more", "quiet")]
        self._frames = 0
        self._panels: dict[str | None, Panel] = {}
        self._other_view = asyncio.Event()
        self._orders = Orders(cluster, self.say)

    def compose(self) -> ComposeResult:
        fold, glyphs = self.fold, self._glyphs
        yield Panel(self._heading, id="heading")
        yield Panel(lambda w, h: chart(fold, w, h - h % 2, glyphs), id="chart")
        with Horizontal(id="upper", classes="row"):
            yield Panel(lambda w, h: cards.cards(fold, w, h, glyphs, self.chosen, self._held()), id="servers")
            yield Panel(lambda w, h: lists.told(fold, w, h, glyphs), id="told")
        with Horizontal(id="lower", classes="row"):
            yield Panel(lambda w, h: known(fold, w, h, glyphs, self.chosen), id="known")
            yield Panel(lambda w, h: logbooks(self.books, w, h, glyphs, self.chosen), id="logbooks")
            yield Panel(lambda w, h: latency(fold, w, h, glyphs), id="latency")
            yield Panel(lambda w, h: lists.told(fold, w, h, glyphs), id="all-told")
            yield Panel(lambda w, h: followed(fold, w, h, glyphs), id="followed")
        yield Panel(lambda w, h: [[(phrase(text, w, glyphs), style) for text, style in self._said]], id="said")
        yield Panel(lambda w, h: keys_line(w, glyphs), id="keys")

    def _heading(self, width: int, height: int) -> list[Line]:
        return [heading(self.fold, self._title, width, self._glyphs), *rate_now(self.fold, width, self._glyphs)]

    def _held(self) -> dict[str, int]:
        """Sessions in each server's own logbook."""
        return {book["name"]: book["sessions"] for book in self.books if book["sessions"] is not None}

    def on_resize(self, resize: Resize) -> None:
        if why := too_small(resize.size.width, resize.size.height):
            self.say(why, "moment")

    def on_mount(self) -> None:
        # Kept, and not looked up: a frame may come when the screen has been taken down already.
        self._board, self._upper = self.screen, self.query_one("#upper")
        self._panels = {panel.id: panel for panel in self.query(Panel)}
        signals.handle_in_the_loop()
        self.action_show(self.view)
        self.set_interval(1 / FRAMES, self.frame)
        self.set_interval(PAINT_EVERY, self._paint_all)
        self.app_resume_signal.subscribe(self, self._paint_all)
        self.reading = asyncio.ensure_future(fold_all(self._events, self.fold))
        self.reading.add_done_callback(lambda _: self.exit())
        self._looking = asyncio.ensure_future(self._look_into_logbooks())

    async def _look_into_logbooks(self) -> None:
        while True:
            self._other_view.clear()
            if any(self._panels[name].region.area for name in ("logbooks", "servers")):
                with suppress(LabError):  # shown as they were; what ails the lab the feed will say
                    self.books = (await self.cluster.logbooks(ENTRIES))["logbooks"]
            with suppress(TimeoutError):
                async with asyncio.timeout(LOOK_EVERY):
                    await self._other_view.wait()

    def frame(self) -> None:
        """Time has passed: bring everything up to date."""
        self.fold.advance(self._clock())
        self._make_room_for_cards()
        self._frames += 1
        self.redraw(() if self._frames % FRAMES == 0 else CALM)

    def _make_room_for_cards(self) -> None:
        width = self._panels["servers"].size.width
        tall = self._board.has_class("-tall")
        height = cards.room_for(len(self.fold.servers), width) if tall else cards.FEWEST
        if self._upper.styles.height != Scalar.parse(str(height)):
            self._upper.styles.height = height

    def _paint_all(self, _: object = None) -> None:
        """Something else may have written to the terminal: the shell after Ctrl-Z, a message of the system."""
        self._board.refresh()

    def redraw(self, but: Container[str | None] = ()) -> None:
        """Bring every panel up to date, but those of these names."""
        for name, panel in self._panels.items():
            if name not in but:
                panel.redraw()

    def say(self, words: str, style: str = "") -> None:
        """The line under the board."""
        self._said = [(clean(words, self._glyphs), style)]
        self.redraw()

    def shown(self) -> StripRenderable:
        """What stands on the screen, for pictures and tests."""
        return StripRenderable(self.screen._compositor.render_strips(), self.size.width)

    def action_choose(self, step: int) -> None:
        if names := list(self.fold.servers):
            at = names.index(self.chosen) + step if self.chosen in names else min(0, step)
            self.chosen = names[at % len(names)]
            self.redraw()

    def action_one(self, what: str, undo: str = "", health: str = "") -> None:
        """Do it to the chosen server, or `undo` to one whose `health` it is already."""
        server = self.fold.servers.get(self.chosen or "")
        if server is None:
            self.say("choose a server first: arrow keys, or a click on it", "moment")
        else:
            self._orders.one(undo if server.health == health else what, server.name)

    def action_scale(self, change: int) -> None:
        self._orders.scale(change)

    def action_interrupt(self) -> None:
        """Ctrl-C ends the command as it does anywhere else; here the terminal has made a key of it."""
        signal.raise_signal(signal.SIGINT)

    def action_users(self, change: int) -> None:
        self._orders.users(change)

    def action_store(self) -> None:
        words, first = store_words(list(STORES)), CARRY.format(store="redis")
        self._ask("Where sessions live", words, first, self._orders.store)

    def action_policy(self) -> None:
        self._ask("How the balancer picks a server", list(POLICIES), self.fold.policy, self._orders.policy)

    def action_follow(self) -> None:
        users = sorted(self.fold.matrix.rows)
        if not users:
            self.say("nobody has shown a wristband yet", "moment")
        else:
            self._ask("Whom to follow", users, users[0], self._follow)

    def _follow(self, user: str) -> None:
        self.fold.following = Following(user)
        self.action_show("followed")

    def _ask(self, question: str, words: list[str], now: str, then: Callable[[str], None]) -> None:
        self.push_screen(Choose(question, words, now), lambda answer: None if answer is None else then(answer))

    def action_show(self, view: str) -> None:
        screen = self._board
        screen.remove_class(*(f"view-{name}" for name in VIEWS))
        screen.add_class(f"view-{view}")
        self.view = view
        self.call_after_refresh(self._seen_anew)

    def _seen_anew(self) -> None:
        self._other_view.set()
        self.redraw()

    def action_view(self, step: int) -> None:
        views = list(VIEWS)
        self.action_show(views[(views.index(self.view) + step) % len(views)])

    def action_help(self) -> None:
        self.push_screen(Help())

    async def on_click(self, click: Click) -> None:
        panel = click.widget
        if panel is None or self.screen is not self._board:
            return
        if panel.id == "servers":
            names, (width, height) = list(self.fold.servers), panel.size
            at = cards.server_at(names, self.chosen, width, height, click.x, click.y)
            self.chosen = at or self.chosen
            self.redraw()
        elif panel.id == "keys" and (action := action_at(click.x)):
            await self.run_action(action)

    async def on_unmount(self) -> None:
        """Orders that are under way go on in the cluster; nobody waits for their answers."""
        tasks = [self.reading, self._looking, *self._orders.running]
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
        signals.handle_no_more()
