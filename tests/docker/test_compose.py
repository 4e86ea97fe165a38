"""compose.yaml on a real engine: each profile does what it says, and nothing is left open."""

import json
import threading
from urllib.parse import urlencode
from urllib.request import urlopen

import yaml

from tests.docker.conftest import CHECKOUT, PROFILES, Compose, until
from tests.docker.visitors import clicks


def test_nothing_is_published_beyond_this_machine_and_nobody_has_more_rights_than_needed(compose: Compose) -> None:
    compose.profiles = PROFILES
    compose.do("up", "--no-start", "--no-build")
    containers = compose.containers()
    assert len(containers) == 14
    for container in containers:
        name, host = container["Name"], container["HostConfig"]
        assert host["ReadonlyRootfs"], name
        assert host["CapDrop"] == ["ALL"], name
        assert not host["CapAdd"], name
        assert not host["Privileged"], name
        assert any(option.startswith("no-new-privileges") for option in host["SecurityOpt"]), name
        assert not [mount for mount in container["Mounts"] if mount["Type"] == "bind" and mount["RW"]], name
        assert ("docker.sock" in json.dumps(container["Mounts"])) == ("traefik" in name), name
        bindings = [binding for ports in (host["PortBindings"] or {}).values() for binding in ports]
        assert {binding["HostIp"] for binding in bindings} <= {"127.0.0.1"}, name
        words = json.dumps(container["Config"]["Env"]).lower()
        assert "password" not in words, name
        assert "secret" not in words, name


def test_either_compose_reads_every_command() -> None:
    """Version 2 reads a command in one line as a shell would, and refuses the whole file for a backtick."""
    services = yaml.safe_load((CHECKOUT / "compose" / "compose.yaml").read_text())["services"]
    lines = {name: service["command"] for name, service in services.items() if isinstance(service.get("command"), str)}
    assert len(lines) > 5
    assert {name for name, line in lines.items() if set(line) & set("`;&|<>()")} == set()


def test_memory_logs_people_out_and_redis_does_not(compose: Compose) -> None:
    compose.up("memory", server_memory=4)
    compose.ready(4)
    outcomes, servers = clicks(compose.url("balancer"), 40)
    assert outcomes == {"hit": 10, "unknown": 30}, "strict turns: one click in four comes home"
    assert len(servers) == 4
    assert servers.keys() <= {container["Config"]["Hostname"] for container in compose.containers()}
    compose.do("down", "--volumes", "--timeout", "5")
    compose.up("redis", server=3)
    compose.ready(3)
    outcomes, servers = clicks(compose.url("balancer"), 30)
    assert (outcomes, len(servers)) == ({"hit": 30}, 3)


def test_servers_come_and_go_with_scale_and_no_request_fails(compose: Compose) -> None:
    """From 2 to 10 and to 3 servers, while somebody clicks all the time: nobody is logged out, no answer is missing."""
    compose.up("redis", server=2)
    compose.ready(2)
    url = compose.url("balancer")
    over, seen = threading.Event(), []

    def click() -> None:
        while not over.is_set():
            seen.append(clicks(url, 20)[0])

    clicking = threading.Thread(target=click)
    clicking.start()
    try:
        compose.up("redis", server=10)
        compose.ready(10)
        assert len(clicks(url, 40)[1]) == 10
        compose.up("redis", server=3)
        compose.ready(3)
        assert len(clicks(url, 40)[1]) == 3
    finally:
        over.set()
        clicking.join()
    assert len(seen) > 3
    assert all(outcomes == {"hit": 20} for outcomes in seen)


def test_other_proxies_stand_in_the_balancers_place(compose: Compose) -> None:
    compose.up("sticky", server_memory=3)
    compose.ready(3, "balancer-sticky")
    compose.up("sticky", "nginx", "haproxy", "traefik", server_memory=3)  # nginx looks servers up when it starts
    assert clicks(compose.url("balancer-sticky"), 20)[0] == {"hit": 20}
    for proxy in ("nginx", "haproxy", "traefik"):
        turns, sticky = compose.url(proxy, 8081), compose.url(proxy, 8082)
        until(f"{proxy} does not find three servers", lambda url=turns: len(clicks(url, 12)[1]) == 3)
        assert clicks(turns, 30)[0] == {"hit": 10, "unknown": 20}, proxy
        for _ in range(3):
            outcomes, servers = clicks(sticky, 20)
            assert (outcomes, len(servers)) == ({"hit": 20}, 1), proxy


def test_locusts_users_beside_a_database(compose: Compose) -> None:
    compose.up("postgres", "load", server_postgres=2, load_worker=2)
    compose.ready(2)
    assert clicks(compose.url("balancer"), 10)[0] == {"hit": 10}
    locust = compose.url("load-master")

    def asked(path: str, form: dict[str, int] | None = None) -> dict[str, object]:
        answer: dict[str, object] = json.load(urlopen(f"{locust}{path}", form and urlencode(form).encode(), timeout=10))
        return answer

    until("two workers", lambda: len(asked("/stats/requests")["workers"]) == 2)  # type: ignore[arg-type]
    asked("/swarm", {"user_count": 8, "spawn_rate": 8})
    stats = until("locust's users do not click", lambda: clicked(asked("/stats/requests")["stats"]))
    urlopen(f"{locust}/stop", b"", timeout=10).read()
    assert not [row for row in stats if row["method"] == "LOGOUT"]
    assert [row["num_failures"] for row in stats if row["name"] == "/account"] == [0]


def clicked(stats: object) -> list[dict[str, object]]:
    """The rows, once there are a hundred requests."""
    assert isinstance(stats, list)
    return stats if stats and stats[-1]["num_requests"] >= 100 else []
