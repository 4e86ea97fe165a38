"""For generators.py: members who look at /whoami without a pause, by locust's own clients and by the lab's users."""

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from locust import FastHttpUser, HttpUser, constant, events, task

sys.path.insert(1, str(Path(__file__).resolve().parents[3]))

from scenarios.load import options
from scenarios.load.users import Member, Step
from scenarios.shop import credentials

HEADERS = {"Accept": "application/json"}


@events.init_command_line_parser.add_listener
def add_options(parser: Any, **_: Any) -> None:
    options.add(parser)


class Fast(FastHttpUser):
    wait_time = constant(0)

    def on_start(self) -> None:
        self.client.post("/login", data=credentials("ravi"), headers=HEADERS)

    @task
    def look(self) -> None:
        self.client.get("/whoami", headers=HEADERS)


class Requests(HttpUser):
    wait_time = constant(0)

    def on_start(self) -> None:
        self.client.post("/login", data=credentials("ravi"), headers=HEADERS)

    @task
    def look(self) -> None:
        self.client.get("/whoami", headers=HEADERS)


class Ours(Member):
    wait_time = constant(0)

    def visit(self) -> Iterable[Step]:
        if self.browser.jar.value("session_id") is None:
            yield self.log_in
        yield from [self.look] * 100

    def look(self) -> None:
        self.member("GET", "/whoami", "look")
