"""What is wrong with a setting, said so that people know what to do. Pure."""

from collections.abc import Collection, Sequence
from difflib import get_close_matches
from typing import NamedTuple


class Problem(NamedTuple):
    """A setting that cannot work. `said`: what is wrong and what to do; `item`: which one of a list."""

    field: str
    said: str
    item: int | None = None


class ConfigError(Exception):
    """A setting that cannot work; the message says in one line what to do next.

    `problems`: everything that is wrong, if it is a whole BalancerConfig that cannot be.
    """

    def __init__(self, said: str, problems: Sequence[Problem] = ()) -> None:
        super().__init__(said)
        self.problems = problems


def meant(said: str, known: Collection[str]) -> str:
    """What to do about a word that nobody knows."""
    close = get_close_matches(said, known, 1, 0.7)
    if close:
        return f"did you mean {close[0]}?"
    return f"choose one of {', '.join(known)}" if len(known) <= 12 else "--help shows them all"
