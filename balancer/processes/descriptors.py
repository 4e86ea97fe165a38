"""How many connections the limit on open files (RLIMIT_NOFILE) allows, shared out so that it is never reached.

A process that runs out of descriptors can neither accept nor connect. So the number of clients is held down from the
start, as HAProxy does, and some descriptors are kept for connections to backends.
"""

import asyncio
import errno
import resource
import sys
from typing import Any

from balancer.say import say
from balancer.settings.problems import ConfigError

RESERVED = 128
"""For everything that is no connection of a request: listening sockets, channels, logs, health checks, refusals."""
FOR_BACKENDS = 4
"""One out of so many of the rest is kept for connections to backends: clients at rest hold none."""


def claim(wanted: int) -> tuple[int, int]:
    """Raise this process's limit as far as it may; returns how many clients, at most `wanted`, and how many
    connections to backends there is room for. Raises ConfigError."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    room = (hard if hard != resource.RLIM_INFINITY else sys.maxsize) - RESERVED
    clients = min(wanted, room - room // FOR_BACKENDS)
    if clients < 1:
        raise ConfigError(
            f"the limit of {hard} open files leaves no room for clients: raise it (ulimit -Hn 4096, LimitNOFILE=)"
        )
    return clients, room - clients


def scarce(problem: OSError) -> bool:
    """Whether it says that no descriptor is left, which is nobody's fault but ours."""
    return problem.errno in (errno.EMFILE, errno.ENFILE)


def excuse(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """The loop's exception handler. That asyncio's own listeners (control channel, admin port) find none left, and try
    again after a second, is a line and no traceback."""
    problem = context.get("exception")
    if isinstance(problem, OSError) and scarce(problem):
        say("no file descriptor is left for the control channel or the admin port; the next try is in a second")
    else:
        loop.default_exception_handler(context)
