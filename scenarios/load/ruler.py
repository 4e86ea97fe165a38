"""Before anything is measured: do these users see straight?

They shop at a server of our own first, one with one logbook, where nobody can be logged out: 0 %. Then they are given
an ID that no server has ever seen, and somebody else's: they must notice both, or they are blind. A ruler that fails
this measures nothing, and the run is refused.
"""

import logging
import os
import signal
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import gevent
from gevent import subprocess
from locust.env import Environment
from locust.event import Events
from locust.exception import StopTest
from locust.runners import MasterRunner, WorkerRunner

from scenarios.cluster.programs import die_with_parent
from scenarios.load.logouts import TALLY
from scenarios.load.tally import Tally
from scenarios.load.users import Commuter, Lurker, Member, Shopper, TwoTabs

USERS = (Shopper, Lurker, TwoTabs, Commuter)
CLICKS = 14
STARTS_WITHIN = 15.0  # seconds
ALL_WITHIN = 30.0  # seconds that a master waits for the workers it expects; locust itself waits on
MESSAGE = "session_lab_broken_ruler"
FORGED = "sess_AAAAAAAAAAAAAAAAAAAAAA"  # looks like an ID, and is nobody's

log = logging.getLogger("session_lab")


class CannotCheck(Exception):
    """There is no server to check with; the message says why."""


def connect(environment: Environment) -> None:
    """Check in every process that has users; a broken ruler ends it, and its master, with exit code 2."""
    runner: Any = environment.runner
    if isinstance(runner, MasterRunner):
        hear_of_workers(environment, runner)
        return
    checking = gevent.spawn(check, environment.parsed_options)

    def test_start(**_: Any) -> None:
        if why := checking.get():
            raise StopTest(why)

    environment.events.test_start.add_listener(test_start)  # a worker may be told to start while we check
    why = checking.get()
    if isinstance(runner, WorkerRunner):
        runner.send_message(MESSAGE, {"why": why})
    if why:
        refuse(environment, why)
        sys.exit(2)


def hear_of_workers(environment: Environment, runner: MasterRunner) -> None:
    """A run that begins by itself begins when the workers have been checked: its time is for measuring."""
    checked: set[str] = set()

    def heard(msg: Any, **_: Any) -> None:
        checked.add(msg.node_id)
        if msg.data["why"]:
            refuse(environment, msg.data["why"])
            gevent.spawn(runner.quit)

    runner.register_message(MESSAGE, heard)
    options: Any = environment.parsed_options
    if not (options.headless or options.autostart):
        return
    deadline = time.monotonic() + ALL_WITHIN
    while len(checked) < options.expect_workers and time.monotonic() < deadline and not TALLY.broken:
        gevent.sleep(0.05)
    if TALLY.broken:
        sys.exit(2)


def refuse(environment: Environment, why: str) -> None:
    TALLY.broken = why
    environment.process_exit_code = 2
    log.error("%s", why)


def check(options: Any) -> str | None:
    """Why the ruler is broken; None when it is right, or when there was nothing to check it with (which is logged)."""
    try:
        server, url = start_server()
    except CannotCheck as reason:
        log.warning("The users' eyes were not checked before the run: %s", reason)
        return None
    try:
        return next((why for kind in USERS if (why := what_is_wrong(kind, url, options))), None)
    finally:
        server.kill()
        server.wait()


def start_server() -> tuple[Any, str]:
    """One server of the shop, with its own logbook, and its URL. Raises CannotCheck."""
    home = str(Path(__file__).resolve().parents[2])
    words = [sys.executable, "-P", "-m", "servers", "--listen", "127.0.0.1:0", "--store", "memory"]
    parent = os.getpid()

    def prepare() -> None:  # in the child: nobody may be left when locust is killed
        if sys.platform == "linux":
            die_with_parent(signal.SIGKILL, parent)

    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    server = subprocess.Popen(words, env=os.environ | {"PYTHONPATH": home}, preexec_fn=prepare, **pipes)
    try:
        with gevent.Timeout(STARTS_WITHIN):
            said = server.stdout.readline()
    except gevent.Timeout:
        said = ""
    if said:
        return server, f"http://{said.split()[-1]}"
    server.kill()
    errors = server.communicate()[1].strip().splitlines() or ["it did not say why"]
    raise CannotCheck(f"the shop's server does not start here ({errors[-1]})")


def what_is_wrong(kind: type[Member], url: str, options: Any) -> str | None:
    """Let one user of this kind shop at a shop that is in order, and then be shown what is not."""
    environment = Environment(events=Events(), host=url, parsed_options=options)
    user: Member = type(kind.__name__, (kind,), {"host": url, "abstract": True, "tally": Tally()})(environment)
    for _ in range(CLICKS):
        user.click()
    seen = user.tally.total
    must_not = ("logged_out", "carts_gone", "orders_lost", "somebody_else", "failed", "unavailable")
    wrong = {name: count for name, count in asdict(seen).items() if name in must_not and count}
    if wrong or not seen.with_session:
        return (
            f"the ruler is broken: with one server and one logbook, {kind.__name__} counted {wrong or 'no session ID'} "
            f"in {seen.requests} requests"
        )
    user.browser.jar.store([f"{options.cookie}={FORGED}; Path=/"], host=user.browser.host, path="/", secure=False)
    user.look_at_orders()
    if seen.logged_out != 1:
        return f"the ruler is broken: {kind.__name__} showed an ID that nobody knows, and noticed nothing"
    user.name = "somebody"  # who is not in the session that the next login begins
    user.ask("POST", "/login", "log in", {"username": "ravi", "password": "wristband-ravi"})
    if seen.somebody_else != 1:
        return f"the ruler is broken: {kind.__name__} was shown somebody else's page, and noticed nothing"
    return None
