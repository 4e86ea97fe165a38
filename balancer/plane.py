"""TCP on our own epoll, inside asyncio's loop: the same interface as asyncio's transports, and nearly nothing between.

`Plane` is the selector that asyncio's loop waits on. When it wakes it serves the wires (wire.py) first, each at once
and in place, and hands only what is left (control channel, health checks, signals) to asyncio. So a request costs no
handle, no queue and no copy: the protocol's `data_received` is called from here, and `write` sends at once.
"""

import asyncio
import errno
import selectors
import socket
from collections.abc import Callable
from select import EPOLLIN, EPOLLOUT
from typing import Any, Protocol

from balancer.wire import Wire

ACCEPTS = 64
"""Connections accepted in a row before others have their turn."""
EVENTS = 512
ROUNDS, BUSY = 8, 4
"""After so many events at once, more have come meanwhile: they are looked for a few times before asyncio's turn."""
PAUSE = 0.1
"""Seconds until a listener tries again that had nothing left to accept with."""
_SCARCE = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})


class Listening(Protocol):
    def close(self) -> None:
        """Accept nobody any more; the connections go on."""


async def listen(sock: socket.socket, factory: Callable[[], asyncio.Protocol]) -> Listening:
    """Every connection to this listening socket, which now is the loop's, gets a protocol of its own."""
    loop = asyncio.get_running_loop()
    return (
        Listener(loop.plane, sock, factory)
        if isinstance(loop, WireLoop)
        else await loop.create_server(factory, sock=sock)
    )


async def adopt(sock: socket.socket, peer: Any, factory: Callable[[], asyncio.Protocol]) -> None:
    """A connection that was accepted elsewhere gets a protocol. `peer`: its address, as `accept` told it; one that was
    reset meanwhile knows it no more."""
    loop = asyncio.get_running_loop()
    if isinstance(loop, WireLoop):
        Wire(loop.plane, sock.detach(), peer, factory())
    else:
        await loop.connect_accepted_socket(factory, sock)


async def dial(host: str, port: int, factory: Callable[[], asyncio.Protocol]) -> None:
    """Connect. Raises OSError."""
    loop = asyncio.get_running_loop()
    if not isinstance(loop, WireLoop):
        await loop.create_connection(factory, host, port)
        return
    problem = OSError(f"{host} has no address")
    for family, _, _, _, address in await _resolved(loop, host, port):  # a name may have several
        try:
            sock = await _connected(loop, family, address)
        except OSError as failure:
            problem = failure
        else:
            Wire(loop.plane, sock.detach(), address, factory())
            return
    raise problem


async def _resolved(loop: "WireLoop", host: str, port: int) -> list[Any]:
    """All addresses of a name. One that is written out costs no other thread."""
    try:
        return socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)
    except socket.gaierror:
        return await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)


async def _connected(loop: "WireLoop", family: int, address: Any) -> socket.socket:
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        await loop.sock_connect(sock, address)
    except BaseException:
        sock.close()
        raise
    return sock


class Listener:
    """A listening socket: every connection gets a protocol of its own."""

    def __init__(self, plane: "Plane", sock: socket.socket, factory: Callable[[], asyncio.Protocol]) -> None:
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # those accepted inherit it
        self._sock = sock
        self._plane = plane
        self._factory = factory
        self._paused = False
        plane.watch(sock.fileno(), EPOLLIN, self.ready)

    def ready(self, mask: int) -> None:
        for _ in range(ACCEPTS):
            try:
                fd, peer = self._sock._accept()  # type: ignore[attr-defined]
            except (BlockingIOError, ConnectionAbortedError):
                return
            except OSError as problem:
                if problem.errno not in _SCARCE:
                    raise
                self._pause()
                return
            Wire(self._plane, fd, peer, self._factory())

    def _pause(self) -> None:
        """Nothing is left to accept with (file descriptors, memory). Whoever has it may be another process."""
        if not self._paused:
            self._paused = True
            self._plane.epoll.unregister(self._sock.fileno())
            asyncio.get_running_loop().call_later(PAUSE, self.go_on)

    def go_on(self) -> None:
        if self._sock.fileno() >= 0:
            self._paused = False
            self._plane.epoll.register(self._sock.fileno(), EPOLLIN)

    def close(self) -> None:
        if self._sock.fileno() >= 0:
            del self._plane.served[self._sock.fileno()]
            self._sock.close()


class Plane(selectors.EpollSelector):
    """The selector of the loop. All wires of one process."""

    def __init__(self) -> None:
        super().__init__()
        self.epoll = self._selector  # type: ignore[attr-defined]
        self.served: dict[int, Callable[[int], None]] = {}
        """By file descriptor: who is told what it is ready for."""
        self.ending: list[Wire] = []
        """Wires that end once the turn is over: until then a number of theirs may still be among the events."""

    def select(self, timeout: float | None = None) -> "list[tuple[selectors.SelectorKey, int]]":
        """One turn: serve the wires that are ready; what is ready besides is for asyncio."""
        if self.ending:
            self._end()
            timeout = 0.0
        seconds = -1.0 if timeout is None else max(timeout, 0.0)
        served, others = self.served, []
        for _ in range(ROUNDS):
            try:
                events = self.epoll.poll(seconds, EVENTS)
            except InterruptedError:
                break
            for fd, mask in events:
                if (ready := served.get(fd)) is not None:
                    try:
                        ready(mask)
                    except Exception as problem:  # noqa: BLE001 - a fault of ours costs one connection, not all
                        self._tell(problem)
                        self._abort(fd)
                else:
                    others.append((fd, mask))
            if self.ending:
                self._end()
            if others or len(events) < BUSY:
                break
            seconds = 0.0
        return [found for fd, mask in others if (found := self._found(fd, mask)) is not None]

    def watch(self, fd: int, mask: int, ready: Callable[[int], None]) -> None:
        self.epoll.register(fd, mask)
        self.served[fd] = ready

    def _tell(self, problem: Exception) -> None:
        asyncio.get_running_loop().call_exception_handler({"message": "a wire's protocol failed", "exception": problem})

    def _abort(self, fd: int) -> None:
        wire = getattr(self.served.get(fd), "__self__", None)
        if isinstance(wire, Wire):
            wire.abort()

    def _found(self, fd: int, mask: int) -> "tuple[selectors.SelectorKey, int] | None":
        key = self.get_map().get(fd)
        if key is None:
            return None
        asked = 0
        if mask & ~EPOLLIN:
            asked |= selectors.EVENT_WRITE
        if mask & ~EPOLLOUT:
            asked |= selectors.EVENT_READ
        return key, asked & key.events

    def _end(self) -> None:
        while self.ending:
            ending, self.ending = self.ending, []
            for wire in ending:
                try:
                    wire.end()
                except Exception as problem:  # noqa: BLE001 - it is over all the same, and the others go on
                    self._tell(problem)


class WireLoop(asyncio.SelectorEventLoop):
    """asyncio's own loop, on a plane."""

    def __init__(self) -> None:
        self.plane = Plane()
        super().__init__(self.plane)
