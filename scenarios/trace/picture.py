"""A sequence diagram as an SVG that fetches nothing, with its messages as a description for screen readers."""

from collections.abc import Sequence
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from scenarios.errors import LabError
from scenarios.trace.story import BALANCER, BROWSER, STORE, Message

GAP = 190  # between two lanes; all in the units of the picture
LEFT = 110
TOP = 84
LETTER = 7.2  # a wide guess: no fonts are measured here
ROW = {True: 42, False: 28}  # with an arrow, without one

TEMPLATES = Environment(
    loader=FileSystemLoader(Path(__file__).parent),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def svg(messages: Sequence[Message], servers: Sequence[str], store: str, title: str) -> str:
    """The picture's text: the same for the same messages."""
    lanes = [BROWSER, BALANCER, *servers, STORE]
    places = {lane: LEFT + number * GAP for number, lane in enumerate(lanes)}
    width = LEFT + len(lanes) * GAP
    rows, y = [], TOP
    for message in messages:
        source, target = places[message.source], places[message.target]
        at = min(min(source, target) + 10, width - len(message.text) * LETTER - 10)
        rows.append(
            {
                "source": message.source, "target": message.target, "text": message.text, "step": message.step,
                "bad": message.bad, "from": source, "to": target, "at": round(at), "y": y,
            }
        )  # fmt: skip
        y += ROW[source != target]
    names = [{"x": x, "name": store if lane == STORE else lane} for lane, x in places.items()]
    drawn = TEMPLATES.get_template("diagram.svg")
    return drawn.render(title=title, lanes=names, rows=rows, width=width, height=y + 4)


def save(text: str, path: Path) -> None:
    """Raises LabError when it cannot be written."""
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise LabError(f"cannot write the picture {path}: {error.strerror}; name a file you may write") from None
