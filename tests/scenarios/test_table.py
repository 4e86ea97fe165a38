"""Cells in columns."""

from scenarios.boards.table import table


def test_no_line_ends_in_blanks() -> None:
    rows = [[("sticky", ""), ("12", "")], [("", ""), ("", "")], [("hash", ""), ("", "")]]
    lines = ["".join(text for text, _ in line) for line in table(("policy", "moved"), rows, {"policy"}, 2)]
    assert lines == ["  policy  moved", "  sticky     12", "", "  hash"]
