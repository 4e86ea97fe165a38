"""Stock locust with the lab's users: logouts are rows of their own, totals are those of requests, and the exit code."""

import csv
from pathlib import Path

import pytest

from scenarios import theory
from scenarios.intervals import wilson
from tests.scenarios.conftest import StartCluster
from tests.scenarios.load.swarm import swarm

Z = 3.9


async def test_logouts_are_rows_and_totals_are_requests(start_cluster: StartCluster, tmp_path: Path) -> None:
    cluster = await start_cluster(servers=4, policy="random")
    done = await swarm(cluster.url, tmp_path, "--csv", "run", "--html", "run.html")
    assert done.code == 1, done.log  # locust's own: there were failures
    assert "Traceback" not in done.log
    logged_out, with_session = done.total("logged_out"), done.total("with_session")
    low, high = wilson(logged_out, with_session, Z)
    assert low <= theory.keep_law(4) <= high
    assert f"({logged_out} of {with_session} requests with a session ID" in done.log
    assert done.row("LOGOUT") == logged_out
    assert done.row("LOST CART") == done.total("carts_gone") > 0
    assert done.row("SOMEBODY ELSE") == done.total("somebody_else") == 0
    assert done.last["requests"] == done.total("requests") == done.row("GET") + done.row("POST")
    assert done.last["failures"] == logged_out + done.total("carts_gone") + done.total("orders_lost")

    rows = {(row["Type"], row["Name"]): row for row in read_csv(tmp_path / "run_stats.csv")}
    assert rows["LOGOUT", "view order"]["Failure Count"] == rows["LOGOUT", "view order"]["Request Count"] != "0"
    assert rows["", "Aggregated"]["Request Count"] == str(done.last["requests"])
    failures = read_csv(tmp_path / "run_failures.csv")
    assert {row["Error"] for row in failures if row["Method"] == "LOGOUT"} == {
        "showed a session ID and was treated as a stranger (unknown)"
    }
    assert '"method": "LOGOUT"' in (tmp_path / "run.html").read_text()


def read_csv(path: Path) -> list[dict[str, str]]:
    with path.open() as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize(("store", "code"), [("memory", 1), pytest.param("redis", 0, marks=pytest.mark.slow)])
async def test_max_logout_rate_is_the_exit_code(
    start_cluster: StartCluster, tmp_path: Path, store: str, code: int
) -> None:
    cluster = await start_cluster(servers=3, store=store)
    done = await swarm(cluster.url, tmp_path, "--max-logout-rate", "0.01", seconds=2)
    assert done.code == code, done.log
    assert (done.total("logged_out") > 0) is (store == "memory")


@pytest.mark.slow
async def test_many_browsers_of_one_member_are_nobody_else(start_cluster: StartCluster, tmp_path: Path) -> None:
    cluster = await start_cluster(servers=1)
    done = await swarm(cluster.url, tmp_path, users=150, seconds=2)  # the shop has 60 members
    assert done.code == 0, done.log
    assert done.total("with_session") > 30
    for never in ("somebody_else", "logged_out", "carts_gone", "orders_lost", "failed"):
        assert done.total(never) == 0, never


@pytest.mark.slow
async def test_nobody_there(tmp_path: Path) -> None:
    done = await swarm("http://127.0.0.1:9", tmp_path, "--max-logout-rate", "0.5", users=2, seconds=1)
    assert done.code == 1
    assert "nothing was measured, because no request carried a session ID" in done.log
    assert done.total("failed") == done.last["requests"] == done.last["failures"] > 0


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--max-logout-rate", "2"), "'2' is no share; choose 0 to 1"),
        (("--shape", "square"), "invalid choice: 'square'"),
    ],
)
async def test_options_that_make_no_sense(tmp_path: Path, words: tuple[str, ...], said: str) -> None:
    done = await swarm("http://127.0.0.1:9", tmp_path, *words)
    assert done.code == 2
    assert said in done.log


@pytest.mark.slow
@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"], ids=["source address", "X-Forwarded-For"])
async def test_a_commuter_changes_servers_where_the_address_decides(
    start_cluster: StartCluster, tmp_path: Path, host: str
) -> None:
    trusted = {"trusted_forwarders": "127.0.0.0/8"}
    cluster = await start_cluster(servers=4, policy="ip_hash", balancer_options=trusted)
    url = cluster.url.replace("127.0.0.1", host)
    shoppers = await swarm(url, tmp_path, "Shopper", seconds=2)
    assert (shoppers.code, shoppers.total("logged_out")) == (0, 0), shoppers.log
    commuters = await swarm(url, tmp_path, "Commuter", seconds=3)
    assert commuters.total("logged_out") > 0, commuters.log
    assert commuters.total("failed") == commuters.total("somebody_else") == 0


@pytest.mark.slow
async def test_two_tabs_of_one_session_lose_nothing_in_a_shared_store(
    start_cluster: StartCluster, tmp_path: Path
) -> None:
    cluster = await start_cluster(servers=2, store="redis")
    done = await swarm(cluster.url, tmp_path, "TwoTabs", seconds=2)
    assert done.code == 0, done.log
    looks, adds = (done.last["tally"]["doing"][doing]["requests"] for doing in ("view order", "add to cart"))
    assert looks == adds > 20
