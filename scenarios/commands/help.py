"""How the help is laid out, and by which name it and the errors call the program. Importing this must stay cheap."""

import re
import shutil
import textwrap
from collections.abc import Iterable, Iterator
from itertools import groupby

from scenarios.commands.arguments import PROGRAM

INDENT = "  "


def as_typed(text: str, commands: Iterable[str]) -> str:
    """Texts say `lab COMMAND`; who started ./lab is told what to type."""
    return re.sub(rf"(?<![\w./-])lab (?=(?:{'|'.join(commands)})\b)", lambda _: f"{PROGRAM} ", text)


def columns() -> int:
    """The width that argparse gives the rest of the help."""
    return shutil.get_terminal_size().columns - 2


def laid_out(examples: str, lab: str) -> str:
    """Examples - `{lab} words   what it does` - in two columns, or where those are too wide with what each does below
    it; and the notes between them, wrapped."""
    lines: list[str] = []
    for kind, group in groupby(examples.splitlines(), lambda line: "example" if "{lab}" in line else line and "note"):
        if kind == "example":
            lines += _examples([re.split(r" {2,}", line.format(lab=lab), maxsplit=1) for line in group])
        else:
            lines += textwrap.wrap(" ".join(group), columns() - len(INDENT)) or [""]
    return "\n".join(f"{INDENT}{line}".rstrip() for line in lines)


def _examples(rows: list[list[str]]) -> Iterator[str]:
    width = max((len(words) for words, *what in rows if what), default=0)
    below = any(len(INDENT) + width + 3 + len(what[0]) > columns() for _, *what in rows if what)
    for words, *what in rows:
        if below:
            yield from (words, *(f"    {line}" for line in textwrap.wrap("".join(what), columns() - 6)))
        else:
            yield f"{words:{width}}   {''.join(what)}"
