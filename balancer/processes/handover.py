"""A graceful restart: the running balancer starts the next one, which takes over its listening sockets.

Both accept for a moment; then the old one stops, and finishes what it has. Nothing that waits in a socket is lost,
since the sockets are never closed, only handed on. If the next one cannot start, the old one goes on.

What the old one knows travels over a socket pair, since a command line and an environment can be read by others: it
has the secret of the sticky cookies in it.
"""

import asyncio
import json
import os
import socket
import subprocess
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import wraps
from typing import Any

from balancer.say import say
from servers.control import Command, ControlError

VARIABLE = "BALANCER_HANDOVER"
"""In the next balancer's environment: the descriptor of its end of the socket pair."""
PATIENCE = 30.0
"""Seconds in which the next balancer must be ready."""
LAST = 5.0
"""Seconds in which it ends when we are told to end before it is ready; after that it is killed."""
READY = b"ready\n"


class NoSuccessor(Exception):
    """The message says why the next balancer did not start."""


@dataclass
class Legacy:
    """What one balancer leaves to the next; nothing, if this is the first."""

    secret: bytes = b""
    sockets: Mapping[str, Sequence[socket.socket]] = field(default_factory=dict)
    """Listening sockets, by what the settings call them."""
    config: dict[str, Any] = field(default_factory=dict)
    orders: dict[str, Any] = field(default_factory=dict)
    """See standing.py."""
    channel: socket.socket | None = None

    def taken(self) -> None:
        """Tell the old balancer that we serve."""
        if self.channel is not None:
            with suppress(OSError):  # it is gone: nobody else serves
                self.channel.sendall(READY)
            self.channel.close()


def inherited() -> Legacy:
    """What the balancer that started this process leaves to it; SystemExit when that one is gone."""
    descriptor = os.environ.pop(VARIABLE, "")
    if not descriptor:
        return Legacy()
    channel = socket.socket(fileno=int(descriptor))
    line = channel.makefile().readline()
    if not line:
        raise SystemExit(1)
    said = json.loads(line)
    sockets = {name: [socket.socket(fileno=each) for each in group] for name, group in said["sockets"].items()}
    return Legacy(bytes.fromhex(said["secret"]), sockets, said["config"], said["orders"], channel)


async def hand_over(command: Sequence[str], legacy: Legacy) -> int:
    """Start the next balancer; return its process ID once it serves. Raises NoSuccessor. Cancelled, it is ended."""
    descriptors = {name: [sock.fileno() for sock in group] for name, group in legacy.sockets.items()}
    said = {
        "secret": legacy.secret.hex(), "sockets": descriptors, "config": legacy.config, "orders": legacy.orders,
    }  # fmt: skip
    ours, theirs = socket.socketpair()
    with theirs:
        end = theirs.fileno()
        # Not asyncio's: that one ends its processes when its loop ends.
        process = subprocess.Popen(  # noqa: ASYNC220 - takes a millisecond
            command,
            env={**os.environ, VARIABLE: str(end)},
            pass_fds=[end, *(each for group in descriptors.values() for each in group)],
        )
    answer = b"late"
    try:
        reader, writer = await asyncio.open_connection(sock=ours)
        writer.write(json.dumps(said).encode() + b"\n")
        async with asyncio.timeout(PATIENCE):
            answer = await reader.readline()
    except TimeoutError:
        pass
    except ConnectionError:  # it has ended without reading
        answer = b""
    except asyncio.CancelledError:  # in order: it may have workers by now, and their folder
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            await asyncio.to_thread(process.wait, LAST)
        raise
    finally:
        ours.close()
        if answer == b"late":
            process.kill()
    if answer == READY:
        return process.pid
    code = await asyncio.to_thread(process.wait)
    raise NoSuccessor(f"it was not ready within {PATIENCE:g} s" if answer else f"it ended with exit code {code}")


class Succession:
    """SIGUSR2, and what follows from it."""

    def __init__(self, command: Sequence[str], leave: Callable[[], Legacy], stop: asyncio.Event) -> None:
        """`stop` is set when the next balancer serves."""
        self.done = False
        self._said = ""
        self._follower = 0
        self._command = command
        self._leave = leave
        self._stop = stop
        self._task: asyncio.Task[None] | None = None

    @property
    def under_way(self) -> bool:
        return self.done or (self._task is not None and not self._task.done())

    def begin(self) -> None:
        if not self.under_way:
            self._task = asyncio.ensure_future(self._begin())

    async def end(self) -> None:
        """We stop: nobody shall follow who does not serve yet."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    async def restart(self) -> dict[str, Any]:
        """The same at the control channel; answers once the next balancer serves."""
        self.begin()
        if self._task is not None:
            await asyncio.wait([self._task])
        if not self.done:
            raise ControlError(self._said)
        return {"pid": self._follower}

    async def _begin(self) -> None:
        try:
            if not self._command:
                raise NoSuccessor("this balancer was not started by a command line")
            self._follower = await hand_over(self._command, self._leave())
        except (NoSuccessor, OSError) as problem:
            self._said = f"no restart: {problem}; process {os.getpid()} goes on"
        else:
            self._said = f"process {self._follower} has taken over from process {os.getpid()}"
            self.done = True
            self._stop.set()
        say(self._said)

    def undisturbed(self, command: Command) -> Command:
        """The command, refused during a restart: the next balancer would not know of it."""

        @wraps(command)
        async def done(*values: Any, **named: Any) -> dict[str, Any]:
            if self.under_way:
                raise ControlError("a restart is under way: ask again in a moment")
            return await command(*values, **named)

        return done
