"""The keys of the board: what they are bound to, and what the help says of them."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Static

from scenarios.boards.lines import Glyphs, Line, whole

VIEWS = {"all": "everything", "known": "who is known where", "logbooks": "the logbooks", "told": "tickets and what was "
         "done", "latency": "latency", "followed": "one user's clicks"}  # fmt: skip
"""What the lower half shows, by the keys 1, 2, ..."""

KEYS = (  # those that are shown: in the order in which a narrow board has room for them
    Binding("question_mark,h,f1", "help", "help", key_display="?"),
    Binding("q", "quit", "quit"),
    Binding("k", "one('kill')", "kill"),
    Binding("p", "one('pause', 'resume', 'paused')", "pause"),
    Binding("n", "one('partition', 'reconnect', 'partitioned')", "cut"),
    Binding("r", "one('restart')", "restart"),
    Binding("s", "store", "store"),
    Binding("o", "policy", "policy"),
    Binding("plus,equals_sign", "scale(1)", "add", key_display="+"),
    Binding("minus", "scale(-1)", "less", key_display="-"),
    Binding("d", "one('drain', 'undrain', 'draining')", "drain"),
    Binding("f", "follow", "follow"),
    Binding("u", "users(5)", "users"),
    Binding("U,shift+u", "users(-5)", "fewer users", show=False),
    Binding("up,left", "choose(-1)", "server before", show=False),
    Binding("down,right", "choose(1)", "next server", show=False),
    Binding("tab", "view(1)", "next view", show=False, priority=True),
    Binding("shift+tab", "view(-1)", "view before", show=False, priority=True),
    *(Binding(str(n), f"show('{name}')", what, show=False) for n, (name, what) in enumerate(VIEWS.items(), 1)),
    Binding("ctrl+q", "quit", "quit", show=False, priority=True),
    Binding("ctrl+c", "interrupt", "quit", show=False, priority=True),
)


def shown_keys() -> list[tuple[str, str, str]]:
    """(key, word, action) of the keys that the last line of the board names."""
    return [(key.key_display or key.key, key.description, key.action) for key in KEYS if key.show]


def keys_line(width: int, glyphs: Glyphs) -> list[Line]:
    """As many of them as fit."""
    return [whole([[(key, "strong"), (f" {word}  ", "quiet")] for key, word, _ in shown_keys()], width, glyphs)]


def action_at(x: int) -> str | None:
    """What a click on this column of that line does."""
    end = 0
    for key, word, action in shown_keys():
        end += len(key) + len(word) + 3
        if x < end:
            return action
    return None


HELP = """\
The large number is the logout rate: of the requests that showed a
wristband (a session ID) in the last 5 s, how many were answered as if to
a stranger. The chart is the same over time; dashes are what theory says,
each letter is a thing that was done.

 arrows, click   choose a server, then:
 k kill    p pause or resume    d drain    r restart
 n cut its network, or connect it again
 s store   o policy             + - servers
 u U       five users more, five fewer
 f         follow one user, click by click
 Tab       what the lower half shows, also by number:
{views}
 ? help    q quit
"""


class Help(ModalScreen[None]):
    """What the board shows and which keys it knows; any of its keys leads back."""

    BINDINGS: ClassVar[list[BindingType]] = [("escape,q,h,question_mark,enter,space", "dismiss", "Back")]

    def compose(self) -> ComposeResult:
        views = [f"{number} {what}" for number, what in enumerate(VIEWS.values(), 1)]
        half = (len(views) + 1) // 2
        rows = [f"   {left:<28}{right}" for left, right in zip(views[:half], views[half:], strict=True)]
        with Vertical(classes="box"):
            yield Static(HELP.format(views="\n".join(rows)), markup=False)

    def on_click(self) -> None:
        self.dismiss()
