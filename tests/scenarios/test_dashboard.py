"""compose/grafana/logouts.json: it asks for metrics that a real balancer has, by labels that these really carry."""

import itertools
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import aiohttp

from scenarios.crowd import Crowd
from tests.balancer.exposition import Family, read
from tests.scenarios.conftest import StartCluster

FILE = Path(__file__).resolve().parents[2] / "compose" / "grafana" / "logouts.json"
DASHBOARD: dict[str, Any] = json.loads(FILE.read_text())
PANELS: list[dict[str, Any]] = DASHBOARD["panels"]
OF_THE_SCRAPE = {"instance", "job"}
"""Labels that Prometheus itself puts on everything."""
SELECTOR = re.compile(r"\b(balancer_\w+)(?:\{([^}]*)\})?(\[\$__rate_interval\])?")


def asked() -> Iterator[str]:
    """Every expression in it."""
    for panel in PANELS:
        yield from (target["expr"] for target in panel["targets"])
    yield from (annotation["expr"] for annotation in DASHBOARD["annotations"]["list"])
    variables = DASHBOARD["templating"]["list"]
    yield from (variable["query"]["query"] for variable in variables if variable["type"] == "query")


async def scrape(start_cluster: StartCluster) -> dict[str, Family]:
    """From a balancer that has served users, whom it has logged out and moved."""
    cluster = await start_cluster(servers=3, policy="sticky_cookie", balancer_options={"admin": "127.0.0.1:0"})
    crowd = Crowd(cluster.url, users=10, seed=1, think=0.01)
    crowd.start()
    try:
        await crowd.shop(100)
        await cluster.kill("server-2")
        await crowd.shop(200)
    finally:
        await crowd.close()
    assert cluster.metrics is not None
    async with aiohttp.ClientSession() as http, http.get(cluster.metrics) as answer:
        assert answer.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
        metrics = read(await answer.text())
    state = await cluster.state()
    for metric, key in (("requests", "requests"), ("sessions", "with_session"), ("logouts", "logged_out")):
        assert metrics[f"balancer_{metric}_total"].samples[()] == state[key] > 0
    moved = metrics["balancer_moved_total"].samples
    assert moved[(("reason", "failed"),)] + moved[(("reason", "down"),)] > 0
    return metrics


async def test_it_asks_for_what_there_is(start_cluster: StartCluster) -> None:
    metrics = await scrape(start_cluster)
    for expression in asked():
        found = SELECTOR.findall(expression)
        assert found, expression
        assert expression.count("(") == expression.count(")")
        for name, matchers, span in found:
            assert bool(span) is (metrics[name].kind == "counter" and "label_values" not in expression), expression
            for matcher in filter(None, re.split(r", ", matchers)):
                label, value = re.fullmatch(r'(\w+)=~?"([^"]*)"', matcher).groups()  # type: ignore[union-attr]
                told = {dict(labels).get(label) for labels in metrics[name].samples}
                assert label in OF_THE_SCRAPE or value in told, matcher
        for grouped in re.findall(r"by \((\w+)\)", expression):
            assert all(grouped in metrics[name].labels for name, _, _ in found), expression


def test_legends_name_what_is_grouped_by() -> None:
    for panel in PANELS:
        for target in panel["targets"]:
            shown = set(re.findall(r"\{\{(\w+)\}\}", target["legendFormat"]))
            assert shown == set(re.findall(r"by \((\w+)\)", target["expr"])), panel["title"]


def test_everything_comes_from_the_data_source_that_people_choose() -> None:
    variables = {variable["name"]: variable for variable in DASHBOARD["templating"]["list"]}
    assert variables["datasource"]["type"] == "datasource"
    sources = re.findall(r'"uid": "([^"]*)"', FILE.read_text())
    assert set(sources) == {"${datasource}", DASHBOARD["uid"]}


def test_the_logout_rate_has_its_threshold() -> None:
    rates = [panel for panel in PANELS if "logouts_total" in panel["targets"][0]["expr"]]
    assert len(rates) == 3
    for panel in rates:
        defaults = panel["fieldConfig"]["defaults"]
        assert defaults["unit"] == "percentunit"
        assert [step["value"] for step in defaults["thresholds"]["steps"]] == [None, 0.01]


def test_panels_say_what_they_show_and_do_not_overlap() -> None:
    for panel in PANELS:
        assert panel["title"]
        assert panel["description"].endswith(".")
        assert panel["fieldConfig"]["defaults"]["unit"]
    for one, other in itertools.combinations([panel["gridPos"] for panel in PANELS], 2):
        beside = one["x"] + one["w"] <= other["x"] or other["x"] + other["w"] <= one["x"]
        below = one["y"] + one["h"] <= other["y"] or other["y"] + other["h"] <= one["y"]
        assert beside or below
    assert len({panel["id"] for panel in PANELS}) == len(PANELS)
