"""What is said of a name that is none."""

import pytest

from scenarios.nearest import hint

TEN = [f"server-{number}" for number in range(1, 11)]


@pytest.mark.parametrize(
    ("word", "known", "said"),
    [
        ("rdis", ["memory", "redis"], "did you mean redis?"),
        ("nope", ["memory", "redis"], "choose one of: memory, redis"),
        ("sevrer-4", TEN, "did you mean server-4?"),
        ("server-x", TEN, "choose server-1 to server-10"),
        ("server-11", TEN, "choose server-1 to server-10"),
        ("99", TEN, "choose server-1 to server-10"),
        ("server-3", ["server-1", "server-2", "server-4"], "choose one of: server-1, server-2, server-4"),
        ("server-3", ["server-1", "server-2"], "choose one of: server-1, server-2"),
        ("x", [], "choose one of: "),
    ],
)
def test_the_nearest_name_or_all_there_are(word: str, known: list[str], said: str) -> None:
    assert hint(word, known) == said
