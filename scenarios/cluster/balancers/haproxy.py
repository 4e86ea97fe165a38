"""HAProxy in the balancer's place: its own cookie, its own health checks, a new process at each reload."""

import json
import signal
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from scenarios.cluster.balancers.proxy import ProxyBalancer
from scenarios.cluster.balancers.setting import COOKIE, GENERATION, PROBE, Proxy, Setting
from scenarios.cluster.children import Children

OF_REQUEST = {
    "user": "req.fhdr(lab-user),bytes(0,256)", "path": "url,bytes(0,1024)", "host": "req.fhdr(host),bytes(0,256)",
    "sent": "req.cook(session_id),bytes(0,1024)", "cookie": "req.fhdr(cookie),length",
}  # fmt: skip
"""fhdr() is all of a field, hdr() what stands behind its last comma."""
OF_ANSWER = {
    "outcome": "res.hdr(session-outcome)", "age": "res.hdr(session-age)",
    "received": "res.cook(session_id),bytes(0,1024)",
}  # fmt: skip


class HAProxy(Proxy):
    name = "haproxy"
    package = "haproxy"
    policies: ClassVar[Mapping[str, str]] = {
        "round_robin": "balance roundrobin",
        "random": "balance random(1)",
        "least_busy": "balance leastconn",
        "two_choices": "balance random(2)",
        "ip_hash": "balance source\n    hash-type map-based",
        "rendezvous": "balance source\n    hash-type consistent",
        "sticky_cookie": f"balance roundrobin\n    cookie {COOKIE} insert indirect nocache httponly",
    }
    reload: ClassVar[int | None] = signal.SIGUSR2
    end: ClassVar[int] = signal.SIGTERM

    def __init__(self, folder: Path) -> None:
        self._config = folder / "haproxy.cfg"
        self.access_log = folder / "haproxy.log"  # its stdout: it writes to no file itself

    def arguments(self, setting: Setting) -> list[str]:
        return ["-W", "-db", "-f", str(self._config)]

    def files(self, setting: Setting) -> dict[Path, str]:
        return {self._config: self._text(setting)}

    def line(self, told: bytes) -> dict[str, Any] | None:
        if not told.startswith(b"{"):
            return None  # a notice
        line = json.loads(told)
        line |= {name: "" for name in (*OF_REQUEST, *OF_ANSWER) if line[name] == "-"}  # there was none
        line["cookie"] = int(line["cookie"] or 0)
        return {**line, "time": (line["began"] + line["took"]) / 1000, "duration": line["duration"] / 1000}

    def _text(self, setting: Setting) -> str:
        keep = [f"    http-request set-var(txn.{name}) {sample}" for name, sample in OF_REQUEST.items()]
        keep += [f"    http-response set-var(txn.{name}) {sample}" for name, sample in OF_ANSWER.items()]
        texts = ",".join(f'"{name}":"%[var(txn.{name}),json(utf8s)]"' for name in (*OF_REQUEST, *OF_ANSWER))
        line = f'{{"began":%Ts%ms,"took":%Tt,"method":"%HM","status":%ST,"duration":%Ta,"server":"%s",{texts}}}'
        keeps = "\n".join(keep)
        rows = [
            f"    server {name} {address} cookie {name}{' weight 0' if name not in setting.open else ''}"
            for name, address in setting.servers.items()
        ]
        servers = "\n".join(rows)
        return f"""\
global
    nbthread 1
    maxconn 4096
    no strict-limits
    log stdout len 16384 format raw local0

defaults
    mode http
    log global
    option dontlognull
    timeout connect 2s
    timeout client 60s
    timeout server 30s
    timeout http-keep-alive 60s
    retries 3
    option redispatch 1
    retry-on conn-failure empty-response
    default-server check inter 500ms fall 2 rise 1

frontend shop
    bind {setting.listen}
    option forwardfor
{keeps}
    http-request disable-l7-retry if METH_POST
    http-request return status 204 hdr {GENERATION} {setting.generation} if {{ path {PROBE} }}
    log-format '{line}'
    default_backend servers

backend servers
    {self.policies[setting.policy]}
    option httpchk GET /health
{servers}
"""


def haproxy(folder: Path, children: Children, settings: Mapping[str, Any]) -> ProxyBalancer:
    return ProxyBalancer(HAProxy(folder), children, settings)
