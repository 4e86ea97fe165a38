"""Users who notice being logged out, for locust: `locust -f scenarios/load/locustfile.py --host http://127.0.0.1:8080`

Everything of stock locust works: its web UI (with a tab "Logouts"), --headless, --csv, --html, --processes, master and
workers on several machines. `lab load` runs the same file with a lab around it. This runs in locust's own process (with
gevent) and is never imported by the lab's.
"""

import sys
from pathlib import Path
from typing import Any

from locust import events
from locust.env import Environment

# Started stock, from any folder: the package this file is part of. First is locust's own entry, which it takes back.
sys.path.insert(1, str(Path(__file__).resolve().parents[2]))

from scenarios.load import bounds, finish, logouts, options, ruler, shaped, tab, telling
from scenarios.load.users import Commuter, Lurker, Shopper, TwoTabs

__all__ = ["Commuter", "Lurker", "Shopper", "TwoTabs"]

PARTS = (logouts, shaped, tab, bounds, telling, finish, ruler)  # at the end of a run, the last ones are asked first


@events.init_command_line_parser.add_listener
def add_options(parser: Any, **_: Any) -> None:
    options.add(parser)


@events.init.add_listener
def begin(environment: Environment, **_: Any) -> None:
    for part in PARTS:
        part.connect(environment)
