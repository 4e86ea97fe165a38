"""Large digits, three lines high, drawn as the seven segments of a calculator."""

from __future__ import annotations

from scenarios.boards.lines import Glyphs

# Which segments are lit: top, top left, top right, middle, bottom left, bottom right, bottom.
SEGMENTS = {
    "0": "1110111", "1": "0010010", "2": "1011101", "3": "1011011", "4": "0111010", "5": "1101011",
    "6": "1101111", "7": "1010010", "8": "1111111", "9": "1111011", "-": "0001000", " ": "0000000",
}  # fmt: skip

# A corner joins what is lit around it: (up, right, down, left) -> box-drawing character.
CORNERS = {
    "0000": " ", "0001": "╸", "0010": "╻", "0011": "┓", "0100": "╺", "0101": "━", "0110": "┏", "0111": "┳",
    "1000": "╹", "1001": "┛", "1010": "┃", "1011": "┫", "1100": "┗", "1101": "┻", "1110": "┣", "1111": "╋",
}  # fmt: skip


def big(text: str, glyphs: Glyphs) -> list[str]:
    """Three lines showing `text` (digits, `.`, `-`, space). Raises KeyError for anything else."""
    columns = [_glyph(char, glyphs) for char in text]
    return [" ".join(column[row] for column in columns) for row in range(3)]


def _glyph(char: str, glyphs: Glyphs) -> list[str]:
    if char == ".":
        return [" ", " ", "." if not glyphs.unicode else "▪"]
    return _boxes(SEGMENTS[char]) if glyphs.unicode else _ascii(SEGMENTS[char])


def _ascii(lit: str) -> list[str]:
    top, top_left, top_right, middle, low_left, low_right, bottom = (bit == "1" for bit in lit)
    return [
        f" {'_' if top else ' '} ",
        f"{'|' if top_left else ' '}{'_' if middle else ' '}{'|' if top_right else ' '}",
        f"{'|' if low_left else ' '}{'_' if bottom else ' '}{'|' if low_right else ' '}",
    ]


def _boxes(lit: str) -> list[str]:
    top, top_left, top_right, middle, low_left, low_right, bottom = tuple(lit)
    rows = [
        (CORNERS[f"0{top}{top_left}0"], top, CORNERS[f"00{top_right}{top}"]),
        (CORNERS[f"{top_left}{middle}{low_left}0"], middle, CORNERS[f"{top_right}0{low_right}{middle}"]),
        (CORNERS[f"{low_left}{bottom}00"], bottom, CORNERS[f"{low_right}00{bottom}"]),
    ]
    return [left + ("━" if bar == "1" else " ") + right for left, bar, right in rows]
