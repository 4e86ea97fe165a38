"""The end of a run, at which locust knows of every answer.

Left alone, Ctrl-C breaks off whatever user is running at that moment; a worker ended by it reports nothing any more;
the master waits for half a second for what its workers have yet to report; and the CSV files lack the last second.
Then the balancer has counted requests that locust has not.
"""

import signal
import time
from typing import Any

import gevent
from gevent.event import Event
from gevent.lock import BoundedSemaphore
from locust.env import Environment
from locust.runners import MasterRunner, WorkerRunner
from locust.stats import CSV_STATS_INTERVAL_SEC

from scenarios.load.users import LONGEST_ANSWER

FINISH = "session_lab_finish"
LOOK_AGAIN = 0.2  # seconds


def connect(environment: Environment) -> None:
    gevent.signal_handler(signal.SIGINT, gevent.kill, gevent.getcurrent(), KeyboardInterrupt)
    runner: Any = environment.runner
    if isinstance(runner, WorkerRunner):
        connect_worker(environment, runner)
        return
    if isinstance(runner, MasterRunner):
        connect_master(environment, runner)

    def quitting(**_: Any) -> None:
        runner.quit()  # locust does so later, when the exit code stands
        options: Any = environment.parsed_options
        if options.csv_prefix:
            gevent.sleep(CSV_STATS_INTERVAL_SEC + LOOK_AGAIN)  # its writer's next turn

    environment.events.quitting.add_listener(quitting)


def connect_master(environment: Environment, runner: MasterRunner) -> None:
    waiting: set[str] = set()
    heard = Event()

    def finished(msg: Any, **_: Any) -> None:
        waiting.discard(msg.node_id)
        heard.set()

    def living() -> set[str]:
        return {client.id for client in runner.clients.ready + runner.clients.spawning + runner.clients.running}

    def stopping(**_: Any) -> None:
        """Before locust tells its workers to stop: let them finish, and hear their last reports first."""
        deadline = time.monotonic() + environment.stop_timeout + LONGEST_ANSWER
        waiting.update(living())
        runner.send_message(FINISH)
        while waiting and time.monotonic() < deadline:
            heard.clear()
            heard.wait(LOOK_AGAIN)
            waiting.intersection_update(living())  # who is gone reports no more

    runner.register_message(FINISH, finished)
    environment.events.test_stopping.add_listener(stopping)


def connect_worker(environment: Environment, runner: WorkerRunner) -> None:
    one_at_a_time = BoundedSemaphore()

    def finish(**_: Any) -> None:
        with one_at_a_time:
            runner.stop()
            data: dict[str, Any] = {}
            environment.events.report_to_master.fire(client_id=runner.client_id, data=data)
            runner.send_message("stats", data)

    def finish_for_master(**_: Any) -> None:
        finish()
        runner.send_message(FINISH)

    runner.register_message(FINISH, finish_for_master)
    environment.events.quitting.add_listener(finish)  # Ctrl-C reaches workers, too; `quitting` asks the last one first
