"""How the way to somebody's own store is replaced by a detour."""

from pathlib import Path

import pytest

from scenarios.cluster.relay import plan
from scenarios.errors import LabError

FOLDER = Path("/run/lab")


@pytest.mark.parametrize(
    ("url", "target", "through"),
    [
        (
            "redis://127.0.0.1:7000/3",
            {"listen": "/run/lab/relay.sock", "host": "127.0.0.1", "port": 7000},
            "unix:///run/lab/relay.sock?db=3",
        ),
        (
            "redis://u:p%40ss@example.test",
            {"listen": "/run/lab/relay.sock", "host": "example.test", "port": 6379},
            "unix://u:p%40ss@/run/lab/relay.sock?db=0",
        ),
        (
            "unix:///tmp/redis.sock?db=1",
            {"listen": "/run/lab/relay.sock", "path": "/tmp/redis.sock"},
            "unix:///run/lab/relay.sock?db=1",
        ),
        (
            "postgresql://u:p@example.test:5433/shop",
            {"listen": "/run/lab/.s.PGSQL.5432", "host": "example.test", "port": 5433},
            "postgresql://u:p@/shop?host=/run/lab&port=5432&sslmode=disable",
        ),
        (
            "postgresql://u@/shop?host=/tmp/pg",
            {"listen": "/run/lab/.s.PGSQL.5432", "path": "/tmp/pg/.s.PGSQL.5432"},
            "postgresql://u@/shop?host=/run/lab&port=5432&sslmode=disable",
        ),
    ],
)
def test_plan(url: str, target: dict[str, object], through: str) -> None:
    assert plan(url, FOLDER) == (target, through)


@pytest.mark.parametrize("url", ["rediss://127.0.0.1", "postgresql://u@127.0.0.1/shop?sslmode=require"])
def test_a_store_over_tls_has_no_detour(url: str) -> None:
    with pytest.raises(LabError, match="not possible over TLS"):
        plan(url, FOLDER)
