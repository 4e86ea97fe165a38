"""Listening sockets: whose they are, how many share a port, and how they stop."""

import errno
import socket
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from balancer.processes.listening import CannotListen, open_sockets, shown
from balancer.syn_filter import admit_no_more


@pytest.fixture
def opened() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def kept(opened: ExitStack, sockets: list[socket.socket]) -> list[socket.socket]:
    for sock in sockets:
        opened.enter_context(sock)
    return sockets


def accepted(sock: socket.socket) -> int:
    """How many connections waited in it."""
    count = 0
    while True:
        try:
            sock.accept()[0].close()
        except BlockingIOError:
            return count
        count += 1


def test_one_for_each_worker_and_the_system_deals_out(opened: ExitStack) -> None:
    """By a hash of the addresses: of 256 connections no worker gets less than a quarter (one time in 10^18)."""
    sockets = kept(opened, open_sockets("127.0.0.1", 0, 2))
    assert len({sock.getsockname() for sock in sockets}) == 1
    for _ in range(256):
        opened.enter_context(socket.create_connection(sockets[0].getsockname()))
    shares = [accepted(sock) for sock in sockets]
    assert sum(shares) == 256
    assert min(shares) > 64


def test_nobody_else_may_listen_there(opened: ExitStack) -> None:
    (sock,) = kept(opened, open_sockets("127.0.0.1", 0))
    for shares in (1, 2):
        with pytest.raises(CannotListen, match="Address already in use"):
            open_sockets(*sock.getsockname(), shares)


def test_nor_where_workers_listen(opened: ExitStack) -> None:
    sockets = kept(opened, open_sockets("127.0.0.1", 0, 2))
    with pytest.raises(CannotListen, match="Address already in use"):
        open_sockets(*sockets[0].getsockname(), 2)


def test_no_such_host() -> None:
    with pytest.raises(CannotListen, match="no such host"):
        open_sockets("no..name", 0)


def test_inherited_ones_are_kept_and_joined(opened: ExitStack) -> None:
    """One becomes three; three stay three where two would do, since connections may wait in each."""
    first = kept(opened, open_sockets("127.0.0.1", 0))
    opened.enter_context(socket.create_connection(first[0].getsockname()))
    three = kept(opened, open_sockets("127.0.0.1", 0, 3, first))
    assert three[0] is first[0]
    assert {sock.getsockname() for sock in three} == {first[0].getsockname()}
    assert len(three) == 3
    assert open_sockets("127.0.0.1", 0, 2, three) == three
    assert accepted(first[0]) == 1


def test_who_begins_to_connect_is_ignored_and_who_is_connected_is_not(opened: ExitStack) -> None:
    (sock,) = kept(opened, open_sockets("127.0.0.1", 0))
    served = opened.enter_context(socket.create_connection(sock.getsockname()))
    server = opened.enter_context(sock.accept()[0])
    waiting = opened.enter_context(socket.create_connection(sock.getsockname()))
    admit_no_more(sock)
    late = opened.enter_context(socket.socket())
    late.setblocking(False)
    assert late.connect_ex(sock.getsockname()) == errno.EINPROGRESS
    served.sendall(b"still here")
    assert server.recv(100) == b"still here"
    waiting.sendall(b"me too")
    assert accepted(sock) == 1
    with pytest.raises(BlockingIOError):
        late.send(b"?")


def test_shown(opened: ExitStack) -> None:
    (sock,) = kept(opened, open_sockets("127.0.0.1", 0))
    assert shown(sock) == f"127.0.0.1:{sock.getsockname()[1]}"
