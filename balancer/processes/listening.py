"""The sockets that clients connect to: opened once, shared out among workers, handed on at a graceful restart.

Each worker has a socket of its own on the shared port, and the kernel spreads new connections over them by a hash of
both addresses (SO_REUSEPORT, socket(7)). From one socket that all of them watch, whoever wakes first would take all
that waits. The usual price of SO_REUSEPORT, that a closing socket resets the connections in its queue, is not paid
here: the process that opened the sockets keeps them open while workers come and go, and until the next balancer has
them.
"""

import errno
import os
import socket
from collections.abc import Sequence
from itertools import groupby

from balancer.networks import host_port

BACKLOG = 4096
"""Connections that may wait to be accepted (the system's own limit, net.core.somaxconn, holds too)."""


class CannotListen(Exception):
    """The message is the reason, in a few words."""


def open_sockets(host: str, port: int, shares: int = 1, inherited: Sequence[socket.socket] = ()) -> list[socket.socket]:
    """Listening sockets for so many workers; number n serves `[n::shares]` of them. Raises CannotListen.

    Inherited ones are all kept, since connections may wait in them, and joined by more if workers would get none.
    """
    try:
        sockets: list[socket.socket] = []
        for _, group in groupby(inherited or _opened(host, port), key=socket.socket.getsockname):
            same = list(group)
            sockets += same + [_twin(same[0]) for _ in range(shares - len(same))]
    except (socket.gaierror, UnicodeError):
        raise CannotListen("no such host") from None
    except OSError as problem:
        raise CannotListen(os.strerror(problem.errno) if problem.errno else str(problem)) from None
    for sock in sockets:
        sock.setblocking(False)
    return sockets


def _opened(host: str, port: int) -> list[socket.socket]:
    """One socket for each address of this host. Nobody else may be listening there. Raises OSError."""
    addresses = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    sockets: list[socket.socket] = []
    for family, _, _, _, address in dict.fromkeys(addresses):
        try:
            sockets.append(_listening(family, address, shared=False))
        except OSError as problem:
            if problem.errno in (errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL) and address != addresses[-1][4]:
                continue  # a machine without IPv6, where another address may do
            for sock in sockets:
                sock.close()
            raise
    return sockets


def _twin(first: socket.socket) -> socket.socket:
    """One more socket on the same port. The first was opened for itself alone, so that a taken port is noticed."""
    first.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    return _listening(first.family, first.getsockname(), shared=True)


def _listening(family: int, address: tuple[object, ...], *, shared: bool) -> socket.socket:
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # connections that linger from before do not matter
        if shared:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)  # IPv4 has a socket of its own
        sock.bind(address)
        sock.listen(BACKLOG)
    except OSError:
        sock.close()
        raise
    return sock


def shown(sock: socket.socket) -> str:
    """HOST:PORT of a listening socket."""
    host, port = sock.getsockname()[:2]
    return host_port(host, port)
