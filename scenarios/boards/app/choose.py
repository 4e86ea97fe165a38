"""One of a few things to choose, over the board."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option


class Choose(ModalScreen[str | None]):
    """Ends with the words chosen, or with None. `now` is where the mark stands first."""

    BINDINGS: ClassVar[list[BindingType]] = [("escape,q", "dismiss(None)", "Leave it")]

    def __init__(self, question: str, words: Sequence[str], now: str) -> None:
        super().__init__()
        self.question = question
        self.words = list(words)
        self.now = now

    def compose(self) -> ComposeResult:
        with Vertical(classes="box"):
            yield Static(self.question, markup=False, classes="question")
            yield OptionList(*(Option(word) for word in self.words), markup=False)
            yield Static("Enter takes it, Esc leaves it", markup=False, classes="hint")

    def on_mount(self) -> None:
        options = self.query_one(OptionList)
        options.highlighted = self.words.index(self.now) if self.now in self.words else 0
        options.focus()

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        self.dismiss(self.words[event.option_index])
