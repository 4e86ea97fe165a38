"""One TCP connection of a loop that is a plane (plane.py): the same interface as asyncio's transports."""

import asyncio
import errno
import fcntl
import os
import socket
import sys
import termios
from contextlib import suppress
from os import read, write
from select import EPOLLERR, EPOLLET, EPOLLHUP, EPOLLIN, EPOLLOUT, EPOLLRDHUP
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from balancer.plane import Plane

READ = 16 * 1024
"""Bytes asked for at once; a wire that fills them is asked for four times as many the next time, up to MOST_READ."""
MOST_READ = 256 * 1024
HIGH, LOW = 64 * 1024, 16 * 1024
"""Bytes not yet taken by the system at which a protocol is told to pause, and to go on."""
WATCHED = {
    EPOLLIN: EPOLLET | EPOLLIN | EPOLLRDHUP,
    EPOLLOUT: EPOLLET | EPOLLOUT,
    EPOLLIN | EPOLLOUT: EPOLLET | EPOLLIN | EPOLLRDHUP | EPOLLOUT,
}
"""We are told once of each arrival, which spares the system a second look at every wire. What comes with that: who has
not read everything has to ask again (`_more`)."""


class Wire(asyncio.Transport):
    """One TCP connection, as asyncio.Transport documents it. Calls its protocol only from the plane's turn."""

    __slots__ = (
        "_closing", "_data_received", "_eof", "_full", "_mask", "_out", "_peer", "_plane", "_protocol", "_size",
        "_sock", "failed", "fd",
    )  # fmt: skip

    def __init__(self, plane: "Plane", fd: int, peer: Any, protocol: asyncio.Protocol) -> None:
        """The connection, by its number, is the wire's from now on. Raises OSError, with the connection closed."""
        self._plane = plane
        # `read` and `write` on its number run a third fewer instructions than a socket's `recv` and `send`; few wires
        # ever need a socket object (`_socket`), and to make one costs as much as a system call.
        os.set_blocking(fd, False)
        self._sock: socket.socket | None = None
        self._peer = peer
        self._protocol = protocol
        self._data_received = protocol.data_received
        self.fd = fd
        self.failed: OSError | None = None
        self._out: bytearray | None = None
        self._size = READ
        self._closing = self._eof = self._full = False
        self._mask = EPOLLIN
        try:
            plane.watch(fd, WATCHED[EPOLLIN], self.ready)
        except OSError:  # the system watches as many as it may
            os.close(fd)
            raise
        protocol.connection_made(self)

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        assert isinstance(protocol, asyncio.Protocol)
        self._protocol = protocol
        self._data_received = protocol.data_received

    def ready(self, mask: int) -> None:
        if mask == EPOLLIN:
            try:
                data = read(self.fd, self._size)
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
            self._fail(OSError(self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) or errno.ECONNRESET, ""))

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
                sent = write(self.fd, data)
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
            del self._out[: write(self.fd, self._out)]
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
        with suppress(ConnectionError):
            if self._sock is None:
                os.close(self.fd)  # and with it leaves the epoll
            else:
                self._sock.close()
        self.fd = -1  # the number may soon be somebody else's
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
            self._socket.shutdown(socket.SHUT_WR)
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
            return self._socket
        return self._socket.getsockname() if name == "sockname" else default

    @property
    def _socket(self) -> socket.socket:
        if self._sock is None:
            self._sock = socket.socket(fileno=self.fd)
        return self._sock


def unacknowledged(transport: asyncio.Transport) -> int:
    """Bytes written that the other side's system has not received yet (SIOCOUTQ, tcp(7))."""
    queued = fcntl.ioctl(transport.get_extra_info("socket").fileno(), termios.TIOCOUTQ, bytes(4))
    return int.from_bytes(queued, sys.byteorder) + transport.get_write_buffer_size()
