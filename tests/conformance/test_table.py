"""The table itself: enough rows, each with its source and its own reason."""

import re
from collections import Counter

from tests.conformance.rows import Request, Response
from tests.conformance.table import REQUESTS, RESPONSES

ROWS: list[tuple[str, Request | Response]] = [
    (chapter, row) for table in (REQUESTS, RESPONSES) for chapter, rows in table.items() for row in rows
]
SOURCE = re.compile(
    r"RFC \d{3,4} [A-Z]?[\d.]+|CVE-\d{4}-\d{4,6}|CWE-\d+|HTTP/1\.1 Must Die \(Kettle 2025\)|"
    r"PROXY protocol [\d.]+|FastCGI [\d.]+|Redis protocol \(RESP\)"
)


def test_the_table_is_large_enough() -> None:
    assert len(ROWS) >= 400


def test_every_row_names_its_source() -> None:
    assert [row for _, row in ROWS if not SOURCE.fullmatch(row.source)] == []


def test_every_row_has_a_reason_of_its_own() -> None:
    assert [reason for reason, count in Counter((chapter, row.why) for chapter, row in ROWS).items() if count > 1] == []


def test_no_row_says_twice_what_another_says() -> None:
    said = Counter(row.sent if isinstance(row, Request) else (row.request, row.sent, row.ends) for _, row in ROWS)
    assert [sent for sent, count in said.items() if count > 1] == []
