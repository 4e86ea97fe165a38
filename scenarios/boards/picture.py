"""The board or a report as an SVG: the same bytes for the same content, and nothing fetched from anywhere."""

from __future__ import annotations

import io
import re

from rich.console import Console, RenderableType
from rich.terminal_theme import TerminalTheme

from scenarios.errors import LabError

THEME = TerminalTheme(
    (22, 24, 29),
    (218, 220, 224),
    [
        (40, 43, 50),
        (240, 98, 94),
        (126, 200, 122),
        (226, 182, 92),
        (110, 160, 240),
        (190, 140, 220),
        (94, 190, 200),
        (218, 220, 224),
    ],
)  # calm on dark, and with enough contrast to be read on a small picture

FORMAT = """\
<svg viewBox="0 0 {width} {height}" xmlns="http://www.w3.org/2000/svg" role="img">
<style>
.{unique_id}-matrix {{ font-family: "DejaVu Sans Mono", Menlo, Consolas, "Liberation Mono", monospace; \
font-size: {char_height}px; line-height: {line_height}px; }}
.{unique_id}-title {{ font-size: 18px; font-weight: bold; font-family: Arial, sans-serif; }}
{styles}
</style>
<defs>
<clipPath id="{unique_id}-clip-terminal">
<rect x="0" y="0" width="{terminal_width}" height="{terminal_height}"/>
</clipPath>
</defs>
{chrome}
<g transform="translate({terminal_x}, {terminal_y})" clip-path="url(#{unique_id}-clip-terminal)">
{backgrounds}
<g class="{unique_id}-matrix">
{matrix}
</g>
</g>
</svg>
"""

# rich names a clip path for every line and makes none for the last; textLength keeps the lines in shape without them.
LINE_CLIP = re.compile(r' clip-path="url\(#session-lab-line-\d+\)"')
LINE_END = re.compile(r"<text [^>]*>\n</text>")


def svg(renderable: RenderableType, title: str, width: int) -> str:
    """The picture of a terminal `width` columns wide that shows `renderable`."""
    console = Console(
        record=True,
        width=width,
        height=100,
        file=io.StringIO(),
        force_terminal=True,
        color_system="truecolor",
        no_color=False,
        legacy_windows=False,
        _environ={},  # the picture must not depend on who makes it
    )
    console.print(renderable)
    made = console.export_svg(title=title, theme=THEME, code_format=FORMAT, unique_id="session-lab")
    made = LINE_END.sub("", LINE_CLIP.sub("", made))
    return re.sub(r"[ \t]+$", "", made, flags=re.MULTILINE)


def save_svg(renderable: RenderableType, path: str, title: str, width: int) -> None:
    """Write the picture to `path`. Raises LabError when it cannot be written."""
    try:
        with open(path, "w", encoding="utf-8") as file:
            file.write(svg(renderable, title, width))
    except OSError as error:
        raise LabError(f"cannot write the picture {path}: {error.strerror}; name a file you may write") from None
