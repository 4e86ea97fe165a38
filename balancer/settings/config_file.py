"""A file of settings: TOML with the command line's words. Whatever is wrong with it is told with its line.

tomllib judges the text but keeps no lines, so `places` finds them in a text that has been judged valid.
"""

import json
import math
import os
import re
import tomllib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import takewhile
from typing import Any, NamedTuple

from balancer.settings.config import KINDS, WORDS, word
from balancer.settings.problems import Problem, meant

MOST_BYTES = 1024 * 1024
NEEDED = {
    str: "a text in quotes",
    int: "a whole number without quotes",
    float: "a number without quotes",
    bool: "true or false without quotes",
    list: 'a list of texts, such as ["...", "..."]',
}


class Place(NamedTuple):
    """The line of a word, and of each item if its value is a list; the first line is 1."""

    line: int
    items: list[int]


@dataclass
class ConfigFile:
    """What a file says: the fields whose value is of the right type, and what is wrong with the rest."""

    path: str = ""
    values: dict[str, Any] = field(default_factory=dict)
    places: dict[str, Place] = field(default_factory=dict)
    wrong: list[tuple[int, str]] = field(default_factory=list)
    """A line (0: the file as a whole), what is wrong there, and what to do."""

    def report(self, problems: Iterable[Problem]) -> list[str]:
        """`FILE:LINE: what is wrong; what to do`, of these and of what was found in reading, in order of lines."""
        told = [(self._line(problem), f"{word(problem.field)}: {problem.said}") for problem in problems]
        return [
            f"{self.path}{f':{line}' if line else ''}: {said}"
            for line, said in sorted(self.wrong + told, key=lambda each: each[0])
        ]

    def _line(self, problem: Problem) -> int:
        place = self.places[word(problem.field)]
        return place.line if problem.item is None else place.items[problem.item]


def read_config(path: str) -> ConfigFile:
    """Never fails: what is wrong stands in the file's `wrong`."""
    file = ConfigFile(path)
    try:
        with open(path, "rb") as source:
            data = source.read(MOST_BYTES + 1)
    except (OSError, ValueError) as failure:  # ValueError: a path with a NUL
        file.wrong.append((0, f"cannot be read: {reason(failure)}; --config needs a TOML file"))
        return file
    if len(data) > MOST_BYTES:
        file.wrong.append((0, f"has more than {MOST_BYTES} bytes; --config needs a file of settings"))
        return file
    try:
        text = data.decode("utf-8-sig") + "\n"
    except UnicodeDecodeError as failure:
        file.wrong.append((data.count(b"\n", 0, failure.start) + 1, "not UTF-8; save the file as UTF-8"))
        return file
    try:
        table = tomllib.loads(text)
    except RecursionError:
        file.wrong.append((0, "nested too deeply; a line is WORD = VALUE"))
    except tomllib.TOMLDecodeError as failure:
        file.wrong.append(_no_toml(str(failure), text))
    except ValueError:  # Python reads no number of more than 4,300 digits
        file.wrong.append((0, "a number in it has thousands of digits; write a smaller one"))
    else:
        file.places = places(text)
        for key, value in table.items():
            _take(file, key, value)
    return file


def reason(failure: OSError | ValueError) -> str:
    return os.strerror(failure.errno) if isinstance(failure, OSError) and failure.errno else str(failure)


def _no_toml(said: str, text: str) -> tuple[int, str]:
    """tomllib's words, and the place it found out; a word that is there twice has its own."""
    match = re.fullmatch(r"(?s)(.*) \((?:at line (\d+), column (\d+)|at end of document)\)", said)
    assert match is not None
    what, line, column = match.groups()
    if what == "Cannot overwrite a value" and line:
        begun = takewhile(lambda statement: statement[1].line <= int(line), _statements(text))
        *_, (token, place, _) = begun
        return place.line, f"{token} is there already; keep one of the two"
    at = f" (column {column})" if column else " (the end is reached)"
    return int(line or text.rstrip().count("\n") + 1), f"not TOML: {what}{at}; a line is WORD = VALUE, texts in quotes"


def _take(file: ConfigFile, key: str, value: object) -> None:
    """Make it a value, or a problem."""
    line, items = file.places[key]
    if key not in WORDS:
        file.wrong.append((line, f"no setting is called {shown(key)}; {meant(key, WORDS)}"))
        return
    kind = KINDS[WORDS[key]]
    if kind is float and type(value) is int:
        value = float(value) if value < 1e15 else math.inf
    if type(value) is not kind:
        file.wrong.append((line, f"{key}: needs {NEEDED[kind]}, not {shown(value)}"))
        return
    wrong = [(items[i], item) for i, item in enumerate(value) if type(item) is not str] if type(value) is list else []
    file.wrong += [(line, f"{key}: needs {NEEDED[list]}, without {shown(item)}") for line, item in wrong]
    if not wrong:
        file.values[WORDS[key]] = value


def shown(value: object) -> str:
    """A value of a file in one short line, whatever it holds."""
    if isinstance(value, str):
        return json.dumps(value if len(value) <= 60 else value[:57] + "...")
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) or (isinstance(value, int) and abs(value) < 1e15):
        return f"{value}"
    return {int: "a huge number", list: "a list", dict: "a table"}.get(type(value), "a date or time")


# Where a word stands: in a valid text only strings and comments can hold what looks like something else.

_TOKEN = re.compile(
    r'"""(?:\\.|[^\\])*?"""(?!")' r"|'''.*?'''(?!')" r'|"(?:\\.|[^"\\])*"' r"|'[^']*'" r"|#[^\n]*|[\w-]+|.", re.DOTALL
)


def places(text: str) -> dict[str, Place]:
    """Where each top-level word of a valid TOML text stands first, be it a key or a table's name."""
    found: dict[str, Place] = {}
    for token, place, inside in _statements(text):
        if not inside:
            key = next(iter(tomllib.loads(f"{token} = 0")))  # it may be quoted
            found.setdefault(key, place)
    return found


def _statements(text: str) -> Iterator[tuple[str, Place, bool]]:
    """Of each statement: its first word as written, its place, and whether it belongs to a table above it."""
    line, depth = 1, 0
    place: Place | None = None  # of the statement that has begun
    header = inside = value = awaited = False  # a table's head; below one; behind "="; an item comes next
    for token in _TOKEN.findall(text):
        if token == "\n" and not depth:
            place, header, value = None, False, False
        elif token.isspace() or token[0] == "#":
            pass
        elif place is None and token == "[":
            header = True
        elif place is None:
            place = Place(line, [])
            yield token, place, inside and not header
            inside = inside or header
        elif header or not value:
            value = token == "="
        else:
            if awaited and token != "]":
                place.items.append(line)
            awaited = (token == "[" and not depth) or (token == "," and depth == 1)
            depth += (token in ("[", "{")) - (token in ("]", "}"))
        line += token.count("\n")
