"""What to say of a name that is none. Importing this must stay cheap: it is part of what `lab --help` costs."""

import difflib
import re
from collections.abc import Iterable, Sequence


def hint(word: str, known: Iterable[str]) -> str:
    """The nearest one, or all there are."""
    known = list(known)
    if close := nearest(word, known):
        return f"did you mean {close}?"
    return f"choose {known[0]} to {known[-1]}" if in_a_row(known) else "choose one of: " + ", ".join(known)


def nearest(word: str, known: Sequence[str]) -> str | None:
    """None when none is near. A number is right or wrong, never nearly right."""
    close = difflib.get_close_matches(word, known, n=1)
    return close[0] if close and digits(close[0]) == digits(word) else None


def digits(name: str) -> list[str]:
    return re.findall(r"\d+", name)


def in_a_row(known: Sequence[str]) -> bool:
    """Three or more that are numbered from 1 on, without a gap."""
    first = known[0].removesuffix("1") if known else ""
    return len(known) > 2 and list(known) == [f"{first}{number}" for number in range(1, len(known) + 1)]
