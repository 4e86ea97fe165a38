"""How locust's users know whether they were recognised, and how what they saw is added up."""

from dataclasses import asdict

import pytest

from scenarios.felt import Answer
from scenarios.load.eyes import BY_HEADER, BY_PAGE, BY_SIGHT, read_page, recognise
from scenarios.load.tally import Tally


@pytest.mark.parametrize(
    ("page", "outcome", "status", "location", "sent", "seen"),
    [
        ({"logbook": "unknown"}, "hit", 200, "", "id", ("unknown", BY_PAGE)),
        ({}, "Hit ", 200, "", "id", ("hit", BY_HEADER)),
        ({"logbook": None}, "expired", 401, "", "id", ("expired", BY_HEADER)),
        ({}, None, 200, "", "id", ("hit", BY_SIGHT)),
        ({}, None, 401, "", "id", ("unknown", BY_SIGHT)),
        ({}, None, 302, "https://shop.example/accounts/login/?next=/cart", "id", ("unknown", BY_SIGHT)),
        ({}, None, 303, "/cart?from=login", "id", ("hit", BY_SIGHT)),
        ({}, None, 200, "/login", "id", ("hit", BY_SIGHT)),
        ({}, None, 401, "", None, ("none", BY_SIGHT)),
    ],
)
def test_recognised_or_not(
    page: dict[str, object], outcome: str | None, status: int, location: str, sent: str | None, seen: tuple[str, str]
) -> None:
    assert recognise(page, outcome, status, location, sent) == seen


@pytest.mark.parametrize(
    ("body", "kind", "page"),
    [
        (b'{"user": "ravi"}', "application/json; charset=utf-8", {"user": "ravi"}),
        (b'{"user": "ravi"}', "text/html", {}),
        (b'{"user": ', "application/json", {}),
        (b"[1]", "application/json", {}),
        (None, "application/json", {}),
    ],
)
def test_pages_that_are_read(body: bytes | None, kind: str, page: dict[str, object]) -> None:
    assert read_page(body, kind) == page


def answer(via: str | None, logbook: str, user: str | None = None, status: int = 200) -> Answer:
    return Answer(status, {"logbook": logbook, "user": user}, "id", "id", 0.01, via)


def test_reports_of_workers_add_up_to_what_one_process_would_have_counted() -> None:
    seen = [
        (answer("server-1", "hit", "ravi"), "view order"),
        (answer("server-2", "unknown", status=401), "view order"),
        (answer("server-2", "hit", "user07"), "my account"),
        (answer(None, "none", status=503), "checkout"),
    ]
    alone, master, workers = Tally(), Tally(), (Tally(), Tally())
    for number, (one, doing) in enumerate(seen):
        for tally in (alone, workers[number % 2]):
            tally.see(one, BY_PAGE, doing, "ravi", None)
    for tally in (alone, workers[0]):
        tally.lose("cart gone", "my cart", "server-1")
    for worker in workers * 2:  # the second report of each is empty
        master.add(worker.report())
    assert master.copied() == alone.copied()
    assert asdict(master.total) == asdict(alone.total)
    assert (alone.total.requests, alone.total.with_session, alone.total.logged_out) == (4, 3, 1)
    assert (alone.total.somebody_else, alone.total.unavailable, alone.total.carts_gone) == (1, 1, 1)
    assert alone.rate == pytest.approx(1 / 3)
    assert Tally().rate is None
