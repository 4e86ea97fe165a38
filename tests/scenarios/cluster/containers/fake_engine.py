"""What answers like a Docker Engine, as far as the lab asks before it gives up."""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from socketserver import ThreadingMixIn, UnixStreamServer
from threading import Thread
from typing import Any

Answers = dict[str, tuple[int, Any]]
"""Of a request such as "GET /images/x/json" (without the API's version) that matches the pattern: status and body."""

USUAL: Answers = {
    "GET /_ping": (200, "OK"),
    "GET /version": (200, {"ApiVersion": "1.41", "Version": "20.10.24"}),
    "GET /volumes": (200, {"Volumes": []}),
    "GET /images/.*/json": (200, {"Id": "sha256:1", "RepoTags": []}),
    "POST /(containers|networks)/create": (201, {"Id": "1"}),
    "GET /(containers|networks)/1(/json)?": (
        200, {"Id": "1", "Name": "/made", "IPAM": {"Config": [{"Subnet": "10.9.0.0/24", "Gateway": "10.9.0.1"}]}}
    ),
    "DELETE /(containers|networks)/1": (204, None),
}  # fmt: skip


class Server(ThreadingMixIn, UnixStreamServer):
    daemon_threads = True
    answers: Answers
    asked: list[str]
    there: set[str]
    """Of "containers" and "networks", where one was made and has not been removed."""


class Asked(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        assert isinstance(self.server, Server)
        request = f"{self.command} {re.sub(r'^/v[0-9.]+', '', self.path.partition('?')[0])}"
        self.server.asked.append(request)
        if request in ("GET /containers/json", "GET /networks"):
            kind = request.split("/")[1]
            return self.say(200, [{"Id": "1", "Labels": {}}] if kind in self.server.there else [])
        known = (answer for pattern, answer in self.server.answers.items() if re.fullmatch(pattern, request))
        status, body = next(known, (404, {"message": f"no answer to {request}"}))
        if status == 0:
            self.close_connection = True  # it died
            return None
        kind = request.split("/")[1]
        if status == 201:
            self.server.there.add(kind)
        elif status == 204:
            self.server.there.discard(kind)
        return self.say(status, body)

    def say(self, status: int, body: Any) -> None:
        data = b"" if body is None else body.encode() if isinstance(body, str) else json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        if status == 204:
            self.end_headers()
            return
        self.send_header("Transfer-Encoding", "chunked")  # as an engine does, whose answers to a build come by and by
        self.end_headers()
        self.wfile.write((b"%x\r\n%b\r\n" % (len(data), data) if data else b"") + b"0\r\n\r\n")

    do_GET = do_POST = do_DELETE = do_HEAD = answer

    def address_string(self) -> str:
        return "a Unix socket"

    def log_message(self, format: str, *words: Any) -> None:
        """Nothing."""


@contextmanager
def fake_engine(socket: Path, answers: Answers) -> Iterator[Server]:
    """Serves while the block runs. `answers` come before the usual ones."""
    with Server(str(socket), Asked) as server:
        server.answers = {**answers, **{asked: said for asked, said in USUAL.items() if asked not in answers}}
        server.asked, server.there = [], set()
        Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        try:
            yield server
        finally:
            server.shutdown()
            socket.unlink()
