"""TCP on our own epoll, inside asyncio's loop: the same interface as asyncio's transports, and nearly nothing between.

`Plane` is the selector that asyncio's loop waits on. When it wakes it serves the wires first, each at once and in
place, and hands only what is left (control channel, health checks, signals) to asyncio. So a request costs no
handle, no queue and no copy: the protocol's `data_received` is called from here, and `write` sends at once.
"""

import asyncio
import errno
import selectors
import socket
from collections.abc import Callable
from select import EPOLLERR, EPOLLET, EPOLLHUP, EPOLLIN, EPOLLOUT, EPOLLRDHUP
from typing import Any, Protocol

READ = 16 * 1024
"""Bytes asked for at once; a wire that fills them is asked for four times as many the next time, up to MOST_READ."""
MOST_READ = 256 * 1024
HIGH, LOW = 64 * 1024, 16 * 1024
"""Bytes not yet taken by the system at which a protocol is told to pause, and to go on."""
ACCEPTS = 64
"""Connections accepted in a row before others have their turn."""
EVENTS = 512
ROUNDS, BUSY = 8, 4
"""After so many events at once, more have come meanwhile: they are looked for a few times before asyncio's turn."""
WATCHED = {
    EPOLLIN: EPOLLET | EPOLLIN | EPOLLRDHUP,
    EPOLLOUT: EPOLLET | EPOLLOUT,
    EPOLLIN | EPOLLOUT: EPOLLET | EPOLLIN | EPOLLRDHUP | EPOLLOUT,
}
"""We are told once of each arrival, which spares the system a second look at every wire. What comes with that: who has
not read everything has to ask again (`_more`)."""
NOW = socket.MSG_DONTWAIT  # never wait: saves making each socket non-blocking
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


async def adopt(sock: socket.socket, factory: Callable[[], asyncio.Protocol]) -> None:
    """A connection that was accepted elsewhere gets a protocol."""
    loop = asyncio.get_running_loop()
    if isinstance(loop, WireLoop):
        Wire(loop.plane, sock, sock.getpeername(), factory())
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
            Wire(loop.plane, sock, address, factory())
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


class Wire(asyncio.Transport):
    """One TCP connection, as asyncio.Transport documents it. Calls its protocol only from the plane's turn."""

    __slots__ = (
        "_closing", "_data_received", "_eof", "_full", "_mask", "_out", "_peer", "_plane", "_protocol", "_recv",
        "_send", "_size", "_sock", "failed", "fd",
    )  # fmt: skip

    def __init__(self, plane: "Plane", sock: socket.socket, peer: Any, protocol: asyncio.Protocol) -> None:
        self._plane = plane
        self._sock = sock
        self._recv, self._send = sock.recv, sock.send
        self._peer = peer
        self._protocol = protocol
        self._data_received = protocol.data_received
        self.fd = sock.fileno()
        self.failed: OSError | None = None
        self._out: bytearray | None = None
        self._size = READ
        self._closing = self._eof = self._full = False
        self._mask = EPOLLIN
        plane.watch(self.fd, WATCHED[EPOLLIN], self.ready)
        protocol.connection_made(self)

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        assert isinstance(protocol, asyncio.Protocol)
        self._protocol = protocol
        self._data_received = protocol.data_received

    def get_protocol(self) -> asyncio.BaseProtocol:
        return self._protocol

    def ready(self, mask: int) -> None:
        if mask == EPOLLIN:
            try:
                data = self._recv(self._size, NOW)
            except OSError as problem:
                self._fail(problem)
                return
            if data:
                full = len(data) == self._size
                self._data_received(data)
                if full:
                    self._more()
            else:
                self._ended()
            return
        if mask & EPOLLOUT and self._out is not None:
            self._flush()
        if self._closing:
            return  # whoever could write again has had enough
        if self._mask & EPOLLIN and mask & (EPOLLIN | EPOLLHUP | EPOLLERR):
            self.ready(EPOLLIN)
            self._more()
        elif mask & (EPOLLHUP | EPOLLERR) and not mask & EPOLLOUT:
            self._fail(OSError(self._sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) or errno.ECONNRESET, ""))

    def _more(self) -> None:
        """There may be more to read; others have their turn first."""
        if self._size < MOST_READ:
            self._size *= 4
        if self._mask & EPOLLIN and not self._closing:
            self._plane.epoll.modify(self.fd, WATCHED[self._mask])

    def _ready_to_end(self, mask: int) -> None:
        """Nothing is read any more, also if it came in this very turn."""
        if self._out:
            self._flush()

    def _ended(self) -> None:
        """The other side sends no more."""
        self._watch(self._mask & ~EPOLLIN)
        if not self._protocol.eof_received():
            self.close()

    def write(self, data: "bytes | bytearray | memoryview[Any]") -> None:
        if self._out is None:
            try:
                sent = self._send(data, NOW)
            except BlockingIOError:
                sent = 0
            except OSError as problem:
                self._fail(problem)
                return
            if sent == len(data):
                return
            self._out = bytearray(memoryview(data)[sent:])
            self._watch(self._mask | EPOLLOUT)
        elif self._closing:
            return
        else:
            self._out += data
        if len(self._out) > HIGH and not self._full:
            self._full = True
            self._protocol.pause_writing()

    def _flush(self) -> None:
        assert self._out is not None
        try:
            del self._out[: self._sock.send(self._out, NOW)]
        except BlockingIOError:
            return
        except OSError as problem:
            self._fail(problem)
            return
        left = len(self._out)
        if not left:
            self._watch(self._mask & ~EPOLLOUT)
            if self._closing:
                self._plane.ending.append(self)
                return
            self._out = None
            if self._eof:
                self._shut()
        if self._full and left <= LOW:
            self._full = False
            self._protocol.resume_writing()

    def _watch(self, mask: int) -> None:
        """What to be woken for. For nothing at all, the system would go on telling of a connection that is gone."""
        before, self._mask = self._mask, mask
        if before == mask:
            return
        if not before:
            self._plane.epoll.register(self.fd, WATCHED[mask])
        elif mask:
            self._plane.epoll.modify(self.fd, WATCHED[mask])
        else:
            self._plane.epoll.unregister(self.fd)

    def close(self) -> None:
        """End once everything is written."""
        if self._closing:
            return
        self._closing = True
        self._plane.served[self.fd] = self._ready_to_end
        if self._out is None:
            self._out = bytearray()  # what is written from now on is neither sent nor kept
            self._plane.ending.append(self)
        else:
            self._watch(EPOLLOUT)

    def abort(self) -> None:
        """End now; what is not written yet is thrown away."""
        if not self._closing or self._out:
            self._closing = True
            self._plane.served[self.fd] = self._ready_to_end
            self._out = bytearray()
            self._plane.ending.append(self)

    def _fail(self, problem: OSError) -> None:
        if isinstance(problem, BlockingIOError):
            return
        self.failed = self.failed or problem
        self.abort()

    def end(self) -> None:
        """Called by the plane when nobody is at work on this wire."""
        del self._plane.served[self.fd]
        self._sock.close()  # and with it leaves the epoll
        protocol = self._protocol
        del self._protocol, self._data_received  # so that both go at once, without the garbage collector
        protocol.connection_lost(self.failed)

    def write_eof(self) -> None:
        if not self._eof:
            self._eof = True
            if self._out is None:
                self._shut()

    def _shut(self) -> None:
        try:
            self._sock.shutdown(socket.SHUT_WR)
        except OSError as problem:
            self._fail(problem)

    def can_write_eof(self) -> bool:
        return True

    def is_closing(self) -> bool:
        return self._closing

    def get_write_buffer_size(self) -> int:
        return len(self._out) if self._out is not None else 0

    def pause_reading(self) -> None:
        self._watch(self._mask & ~EPOLLIN)

    def resume_reading(self) -> None:
        if not self._closing:
            self._watch(self._mask | EPOLLIN)

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        if name == "peername":
            return self._peer
        if name == "socket":
            return self._sock
        return self._sock.getsockname() if name == "sockname" else default


class Listener:
    """A listening socket: every connection gets a protocol of its own."""

    def __init__(self, plane: "Plane", sock: socket.socket, factory: Callable[[], asyncio.Protocol]) -> None:
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # those accepted inherit it
        self.sockets = (sock,)
        self._sock = sock
        self._family = sock.family
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
            Wire(self._plane, socket.socket(self._family, socket.SOCK_STREAM, 0, fd), peer, self._factory())

    def _pause(self) -> None:
        """Nothing is left to accept with (file descriptors, memory): go on when somebody has left."""
        if not self._paused:
            self._paused = True
            self._plane.epoll.unregister(self._sock.fileno())
            self._plane.waiting.append(self)

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
        self.waiting: list[Listener] = []

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
                        self._broken(fd, problem)
                else:
                    others.append((fd, mask))
            if self.ending:
                self._end()
            if others or len(events) < BUSY:
                break
            seconds = 0.0
        return [found for fd, mask in others if (found := self._found(fd, mask)) is not None]

    def watch(self, fd: int, mask: int, ready: Callable[[int], None]) -> None:
        self.served[fd] = ready
        self.epoll.register(fd, mask)

    def _broken(self, fd: int, problem: Exception) -> None:
        asyncio.get_running_loop().call_exception_handler({"message": "a wire's protocol failed", "exception": problem})
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
                wire.end()
        waiting, self.waiting = self.waiting, []
        for listener in waiting:
            listener.go_on()


class WireLoop(asyncio.SelectorEventLoop):
    """asyncio's own loop, on a plane."""

    def __init__(self) -> None:
        self.plane = Plane()
        super().__init__(self.plane)
