"""Every command line of the overlays is one that its program takes, and every probe asks what the program answers."""

import re
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from balancer.settings.addresses import split_address
from balancer.settings.config import BalancerConfig
from balancer.settings.options import parse as parse_balancer
from scenarios.cluster.redis_server import find_redis
from servers.config import ServerConfig
from servers.control import call
from tests.kubernetes.conftest import FOLDER, Objects, Pods, rendered

CHECKOUT = FOLDER.parents[1]
IN_THE_IMAGE = "/opt/lab/app/"
LABS = ("memory", "sticky", "redis")
READY = r"127\.0\.0\.1:\d+$|[Rr]eady to accept connections"
PARSE_LOCUST = "import sys; from locust.argument_parser import parse_options as p; print(vars(p(sys.argv[1:])))"


def server(lab: str) -> tuple[Pods, ServerConfig]:
    pods = rendered(lab).pods()["servers"]
    assert pods.container["command"] == ["python3", "-m", "servers"]
    return pods, ServerConfig.parse(pods.container["args"])


def balancer(lab: str) -> tuple[Pods, BalancerConfig]:
    pods = rendered(lab).pods()["balancer"]
    assert pods.container["command"] == ["python3", "-m", "balancer"]
    return pods, parse_balancer(pods.container["args"]).config


def reached(objects: Objects, host: str, port: int) -> str:
    """Whose pods answer for a Service's name and port."""
    service = objects.of("Service")[host]["spec"]
    (found,) = [each["targetPort"] for each in service["ports"] if each["port"] == port]
    (pods,) = objects.pods(service["selector"]).values()
    if service.get("clusterIP") == "None":  # its name leads to the pods themselves, and there to the same port
        assert pods.ports[found] == port
    return f"{pods.name} {found}"


@contextmanager
def running(*command: str) -> Iterator[str]:
    """A process, and the line by which it says that it is ready."""
    out = subprocess.PIPE
    with subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT, text=True, cwd=CHECKOUT) as process:
        assert process.stdout is not None
        try:
            lines = []
            for line in process.stdout:
                lines.append(line)
                if re.search(READY, line.strip()):
                    yield line.strip()
                    return
            pytest.fail(f"did not start: {lines}")
        finally:
            process.kill()


def answers(address: str, pods: Pods, port: str) -> None:
    """Each probe of this port gets its 200."""
    probes = [probe["httpGet"] for probe in pods.probes.values() if "httpGet" in probe]
    paths = {probe["path"] for probe in probes if probe["port"] == port}
    assert len(probes) == 3
    assert len(paths) == 1
    with urllib.request.urlopen(f"http://{address}{paths.pop()}", timeout=10) as answer:
        assert answer.status == 200


@pytest.mark.parametrize("lab", LABS)
def test_a_server_takes_its_command_line_and_answers_its_probes(lab: str, redis_url: str) -> None:
    pods, config = server(lab)
    assert config.store == {"memory": "memory", "sticky": "memory", "redis": "redis"}[lab]
    assert config.address == ("0.0.0.0", pods.ports["http"])
    if config.store == "redis":
        url = urlsplit(config.store_url)
        assert url.scheme == "redis"
        assert reached(rendered(lab), url.hostname or "", url.port or 0) == "redis redis"
    here = ["--listen=127.0.0.1:0", *([f"--store-url={redis_url}"] if config.store == "redis" else [])]
    with running(sys.executable, "-m", "servers", *pods.container["args"], *here) as line:
        answers(line.split()[-1], pods, "http")


@pytest.mark.parametrize("lab", LABS)
async def test_a_balancer_takes_its_command_line_and_answers_its_probes(lab: str, short_folder: Path) -> None:
    pods, config = balancer(lab)
    assert config.policy == ("sticky_cookie" if lab == "sticky" else "round_robin")
    assert split_address(config.listen) == ("0.0.0.0", pods.ports["http"])
    assert split_address(config.admin) == ("0.0.0.0", pods.ports["admin"])
    (service,) = config.backend_dns
    assert reached(rendered(lab), *split_address(service)) == "servers http"
    assert rendered(lab).of("Service")["servers"]["spec"]["clusterIP"] == "None"
    drain = rendered(lab).pods()["servers"].container["lifecycle"]["preStop"]["sleep"]["seconds"]
    assert drain > config.resolve_interval + config.connect_timeout, "servers end before it has looked again"
    socket = short_folder / "kubernetes.sock"
    args = [arg.replace("servers:", "localhost:") for arg in pods.container["args"]]
    args += ["--listen=127.0.0.1:0", "--admin=127.0.0.1:0", f"--control={socket}"]
    with running(sys.executable, "-m", "balancer", *args):
        answers((await call(str(socket), "state"))["admin"], pods, "admin")


def test_what_servers_are_asked_for_is_the_balancers_health_check_too() -> None:
    pods, _ = server("memory")
    assert {probe["httpGet"]["path"] for probe in pods.probes.values()} == {balancer("memory")[1].health_path}


def test_redis_takes_its_command_line(short_folder: Path) -> None:
    pods = rendered("redis").pods()["redis"]
    assert pods.container["command"] == ["redis-server"]
    here = ["--port", "0", "--unixsocket", str(short_folder / "k8s.sock"), "--dir", str(short_folder)]
    with running(find_redis(), *pods.container["args"], *here) as line:
        assert "ready to accept" in line.lower()


@pytest.mark.parametrize("name", ["load-master", "load-worker"])
def test_locust_takes_its_command_line(name: str) -> None:
    pods, objects = rendered("load").pods()[name], Objects([*rendered("memory"), *rendered("load")])
    program, *words = pods.command
    assert program == "locust"
    file = words[words.index("-f") + 1]
    assert file.startswith(IN_THE_IMAGE), "where compose/Dockerfile puts it"
    words = [word.replace(IN_THE_IMAGE, f"{CHECKOUT}/") for word in words]
    assert Path(file.replace(IN_THE_IMAGE, f"{CHECKOUT}/")).is_file()
    done = subprocess.run([sys.executable, "-c", PARSE_LOCUST, *words], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    told = dict(re.findall(r"'(\w+)': ('[^']*'|[^,]+)", done.stdout))
    if name == "load-master":
        url = urlsplit(told["host"].strip("'"))
        assert reached(objects, url.hostname or "", url.port or 0) == "balancer http"
        assert (told["master"], told["web_port"]) == ("True", str(pods.ports["web"]))
        assert told["master_bind_port"] == str(pods.ports["workers"])
    else:
        assert told["worker"] == "True"
        assert reached(objects, told["master_host"].strip("'"), int(told["master_port"])) == "load-master workers"


def test_one_image_for_all_of_the_lab() -> None:
    images = {pods.container["image"] for lab in (*LABS, "load") for pods in rendered(lab).pods().values()}
    redis = {pods.container["image"] for pods in rendered("redis").pods({"app": "redis"}).values()}
    assert images - redis == {"session-lab"}
    dockerfile = (CHECKOUT / "compose" / "Dockerfile").read_text()
    assert f"COPY scenarios {IN_THE_IMAGE}scenarios" in dockerfile
    user = rendered("memory").pods()["servers"].spec["securityContext"]
    assert f"USER {user['runAsUser']}:{user['runAsGroup']}" in dockerfile
