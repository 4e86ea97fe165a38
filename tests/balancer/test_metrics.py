"""What Prometheus reads at /metrics."""

import pytest

from balancer.control import describe
from balancer.pool import Backend
from balancer.telling.metrics import MOVED, OF_ALL, OF_EACH, exposition
from tests.balancer.exposition import Family, labels_of, read
from tests.balancer.rig import Rig, get, ok


def scrape(rig: Rig) -> dict[str, Family]:
    return read("".join(exposition(describe(rig.balancer, "here"))))


def value(family: Family, **labels: str) -> float:
    return family.samples[tuple(sorted(labels.items()))]


async def test_the_logout_rate_is_two_counters_of_the_whole_balancer(rig: Rig) -> None:
    said = iter(["hit", "unknown", "expired", "revoked", "none"])
    rig.servers["a"].reply = lambda message: ok(b"ok", f"Session-Outcome: {next(said)}")
    for _ in range(4):
        await rig.ask(get("/", "Cookie: session_id=x"))
    await rig.ask(get("/"))
    metrics = scrape(rig)
    assert value(metrics["balancer_sessions_total"]) == 4
    assert value(metrics["balancer_logouts_total"]) == 2
    assert value(metrics["balancer_requests_total"]) == 5
    assert value(metrics["balancer_outcomes_total"], outcome="expired") == 1
    assert value(metrics["balancer_backend_logouts_total"], backend="a") == 2
    assert value(metrics["balancer_backend_outcomes_total"], backend="a", outcome="unknown") == 1
    assert value(metrics["balancer_policy"], policy="round_robin") == 1
    rig.balancer.pool.remove(rig.balancer.pool.backends[0])
    later = scrape(rig)
    assert value(later["balancer_logouts_total"]) == 2, "it is counted still when its server is gone"
    assert later["balancer_backend_logouts_total"].samples == {}


async def test_every_metric_is_announced_and_what_may_be_counted_begins_at_0(rig: Rig) -> None:
    metrics = scrape(rig)
    assert list(metrics) == [*OF_ALL, *OF_EACH]
    for name, metric in (OF_ALL | OF_EACH).items():
        assert (metrics[name].kind, metrics[name].help) == (metric.kind, metric.meaning)
        if metric.known:
            told = {dict(labels)[metric.label] for labels in metrics[name].samples}
            assert told == set(metric.known), name
    rig.balancer.pool.gone.moved["bad_cookie"] = 3  # by a server that has been removed
    moved = scrape(rig)["balancer_moved_total"]
    assert {dict(labels)["reason"]: count for labels, count in moved.samples.items()} == {
        **dict.fromkeys(MOVED, 0),
        "bad_cookie": 3,
    }


async def test_a_name_with_everything_in_it_stays_one_label(rig: Rig) -> None:
    name = 'a"b\\c\nd,e}'
    rig.balancer.pool.add(Backend(name, "127.0.0.1", 1))
    assert value(scrape(rig)["balancer_backend_healthy"], backend=name) == 1


@pytest.mark.parametrize(
    "wrong",
    [
        "a_total 1",
        "# HELP a_total x\n# TYPE a_total counter\na_total 1",
        "# HELP a_total x\n# TYPE a_total gauge\n",
        "# HELP a x\n# TYPE a counter\n",
        "# HELP a x\n# TYPE b gauge\n",
        "# HELP a x\n# TYPE a gauge\na 1\na 2\n",
        "# HELP a x\n# TYPE a gauge\nb 1\n",
        '# HELP a x\n# TYPE a gauge\na{b="c} 1\n',
        "# HELP a x\n# TYPE a gauge\na None\n",
        "# HELP a x\n# TYPE a gauge\n# HELP a x\n# TYPE a gauge\n",
    ],
)
def test_the_reader_is_strict(wrong: str) -> None:
    with pytest.raises(AssertionError):
        read(wrong)


def test_the_reader_undoes_what_is_escaped() -> None:
    assert labels_of(r'a="1\\2\"3\n4",b=""') == {"a": '1\\2"3\n4', "b": ""}
