"""nginx in the balancer's place. Which server a cookie means stands in its configuration: with nginx's free edition
that is how users are brought back, and how a server is drained."""

import json
import os
import pwd
import signal
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from scenarios.cluster.balancers.proxy import ProxyBalancer
from scenarios.cluster.balancers.setting import COOKIE, GENERATION, PROBE, Proxy, Setting
from scenarios.cluster.children import Children

LINE = {
    "time": "$msec", "user": '"$http_lab_user"', "method": '"$request_method"', "path": '"$request_uri"',
    "host": '"$http_host"', "sent": '"$cookie_session_id"', "cookie": '"$http_cookie"', "status": '"$status"',
    "duration": "$request_time", "server": '"$upstream_addr"', "outcome": '"$upstream_http_session_outcome"',
    "age": '"$upstream_http_session_age"', "received": '"$upstream_cookie_session_id"',
}  # fmt: skip


class Nginx(Proxy):
    name = "nginx"
    package = "nginx-light"
    policies: ClassVar[Mapping[str, str]] = {
        "round_robin": "",
        "random": "random;",
        "least_busy": "least_conn;",
        "two_choices": "random two least_conn;",
        "ip_hash": "hash $remote_addr;",  # its own ip_hash takes a whole /24 for one client
        "rendezvous": "hash $remote_addr consistent;",
        "sticky_cookie": "",
    }
    reload: ClassVar[int | None] = signal.SIGHUP
    end: ClassVar[int] = signal.SIGTERM

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._config = folder / "nginx.conf"
        self.access_log = folder / "nginx-access.log"

    def arguments(self, setting: Setting) -> list[str]:
        return ["-p", str(self._folder), "-e", "stderr", "-c", str(self._config)]

    def files(self, setting: Setting) -> dict[Path, str]:
        return {self._config: self._text(setting)}

    def line(self, told: bytes) -> dict[str, Any] | None:
        line: dict[str, Any] = json.loads(told.decode("latin-1"))  # it passes on whatever bytes a client sends
        server = line["server"].rpartition(" ")[2]  # "A, B": B answered in A's place
        return {**line, "server": server, "status": int(line["status"]), "cookie": len(line["cookie"])}

    def _text(self, setting: Setting) -> str:
        """Files by their names in the folder, whose own name may be any: nginx has no way to quote a `$`."""
        told = ",".join(f'"{name}":{value}' for name, value in LINE.items())
        kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        temporary = "\n".join(f"    {kind}_temp_path nginx-{kind};" for kind in kinds)
        return f"""\
{f"user {pwd.getpwuid(0).pw_name};" if os.getuid() == 0 else ""}
worker_processes 1;
daemon off;
pid nginx.pid;
error_log stderr warn;
events {{ worker_connections 4096; }}
http {{
    log_format lab escape=json '{{{told}}}';
    access_log {self.access_log.name} lab;
{temporary}
    proxy_http_version 1.1;
    proxy_set_header Connection "";
    proxy_set_header Host $http_host;
    proxy_set_header X-Forwarded-For $remote_addr;
    proxy_set_header X-Forwarded-Proto $scheme;
    proxy_connect_timeout 2s;
    proxy_read_timeout 30s;
{upstreams(setting, self.policies[setting.policy])}
    server {{
        listen {setting.listen} reuseport;
        location = {PROBE} {{ add_header {GENERATION} {setting.generation}; return 204; }}
{location(setting)}
    }}
}}
"""


def upstreams(setting: Setting, how: str) -> str:
    """Everybody's servers, and for a sticky policy each server's own users: the others are their backup."""
    if not setting.servers:
        return ""
    blocks = [upstream("everybody", how, [f"server {at};" for at in setting.open.values()])]
    if setting.policy == "sticky_cookie":
        for name, address in setting.servers.items():
            others = [f"server {at} backup;" for other, at in setting.open.items() if other != name]
            blocks.append(upstream(name, "", [f"server {address};", *others]))
        homes = [f"{name} {name};" for name in setting.servers]
        answered = [f"~{address.replace('.', '[.]')}$ {name};" for name, address in setting.servers.items()]
        blocks.append(block(f"map $cookie_{COOKIE} $home", ["default everybody;", *homes]))
        blocks.append(block("map $upstream_addr $answered", ['default "";', *answered]))
        given = f'"~^(?<same>.+) (?P=same)$" ""; "~ $" ""; "~ (?<given>.+)$" "{COOKIE}=$given; Path=/; HttpOnly";'
        blocks.append(block(f'map "$cookie_{COOKIE} $answered" $given_cookie', ['default "";', given]))
    return "\n".join(blocks)


def upstream(name: str, how: str, servers: list[str]) -> str:
    return block(f"upstream {name}", [*([how] if how else []), *servers, "keepalive 64;"])


def block(head: str, lines: list[str]) -> str:
    return "\n".join([f"    {head} {{", *(f"        {line}" for line in lines), "    }"])


def location(setting: Setting) -> str:
    if not setting.servers:
        return "        location / { return 503; }"
    if setting.policy != "sticky_cookie":
        return "        location / { proxy_pass http://everybody; }"
    return "        location / { proxy_pass http://$home; add_header Set-Cookie $given_cookie always; }"


def nginx(folder: Path, children: Children, settings: Mapping[str, Any]) -> ProxyBalancer:
    return ProxyBalancer(Nginx(folder), children, settings)
