"""What a protocol may rely on, whoever carries its bytes: our wires and asyncio's transports keep the same promises."""

import asyncio
import errno
import os
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import pytest

from balancer.plane import Listener, WireLoop, adopt, dial, listen
from balancer.wire import HIGH, Wire
from tests.balancer.rig import until


class Talk(asyncio.Protocol):
    """Writes down what happens to it."""

    transport: asyncio.Transport

    def __init__(self, keep_half_open: bool = False) -> None:
        self.heard = b""
        self.told: list[str] = []
        self.inside = False
        """While one of our own calls of the transport is running."""
        self._keep_half_open = keep_half_open

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport  # type: ignore[assignment]
        self.told.append("made")

    def data_received(self, data: bytes) -> None:
        self.heard += data

    def eof_received(self) -> bool:
        self.told.append("eof")
        return self._keep_half_open

    def pause_writing(self) -> None:
        self.told.append("pause")

    def resume_writing(self) -> None:
        self.told.append("resume")

    def connection_lost(self, error: Exception | None) -> None:
        assert not self.inside, "told of its end in the middle of a call"
        self.told.append("lost" if error is None else type(error).__name__)

    def call(self, name: str, *args: object) -> None:
        self.inside = True
        getattr(self.transport, name)(*args)
        self.inside = False


@pytest.fixture
async def pair() -> AsyncIterator[tuple[Talk, socket.socket]]:
    """A protocol, and the bare socket at the other end of its connection."""
    talk = Talk(keep_half_open=True)
    listening = socket.create_server(("127.0.0.1", 0))
    server = await listen(listening, lambda: talk)
    other = socket.socket()
    other.setblocking(False)
    await asyncio.get_running_loop().sock_connect(other, listening.getsockname())
    await until(lambda: talk.told)
    yield talk, other
    other.close()
    server.close()
    if not talk.transport.is_closing():
        talk.transport.abort()
    await until(lambda: talk.told[-1] not in ("made", "eof", "pause", "resume"))


Pair = tuple[Talk, socket.socket]


async def read(other: socket.socket, count: int) -> bytes:
    data = b""
    while len(data) < count and (piece := await asyncio.get_running_loop().sock_recv(other, 1 << 20)):
        data += piece
    return data


async def test_much_is_written_in_order_with_back_pressure(pair: Pair) -> None:
    talk, other = pair
    pieces = [bytes([n]) * 100_000 for n in range(100)]
    for piece in pieces:
        talk.transport.write(piece)
    assert talk.told == ["made", "pause"]
    assert talk.transport.get_write_buffer_size() > HIGH
    assert await read(other, 10_000_000) == b"".join(pieces)
    await until(lambda: talk.told == ["made", "pause", "resume"])
    assert talk.transport.get_write_buffer_size() == 0


async def test_much_is_read_in_order(pair: Pair) -> None:
    talk, other = pair
    data = os.urandom(3_000_000)
    await asyncio.get_running_loop().sock_sendall(other, data)
    await until(lambda: len(talk.heard) == len(data))
    assert talk.heard == data


async def test_nothing_is_read_while_paused(pair: Pair) -> None:
    talk, other = pair
    talk.transport.pause_reading()
    other.send(b"early")
    for _ in range(20):
        await asyncio.sleep(0)
    assert talk.heard == b""
    talk.transport.resume_reading()
    await until(lambda: talk.heard == b"early")


async def test_close_writes_what_is_left_first(pair: Pair) -> None:
    talk, other = pair
    talk.transport.write(b"x" * 5_000_000)
    talk.call("close")
    assert talk.transport.is_closing()
    assert len(await read(other, 6_000_000)) == 5_000_000
    await until(lambda: talk.told[-1] == "lost")


async def test_half_closed_both_ways(pair: Pair) -> None:
    talk, other = pair
    other.shutdown(socket.SHUT_WR)
    await until(lambda: talk.told == ["made", "eof"])
    talk.transport.write(b"y" * 1_000_000)
    talk.transport.write_eof()
    assert len(await read(other, 2_000_000)) == 1_000_000
    assert not talk.transport.is_closing()


async def test_abort_throws_away_and_ends_once(pair: Pair) -> None:
    talk, _ = pair
    talk.transport.write(b"z" * 5_000_000)
    talk.call("abort")
    talk.call("abort")
    talk.call("close")
    await until(lambda: talk.told[-1] == "lost")
    assert talk.told.count("lost") == 1


async def test_a_reset_is_told_as_an_error(pair: Pair) -> None:
    talk, other = pair
    other.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    other.close()
    await until(lambda: talk.told[-1] == "ConnectionResetError")


async def test_writing_to_who_is_gone_ends_it(pair: Pair) -> None:
    talk, other = pair
    talk.transport.pause_reading()
    other.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    other.close()
    await until(lambda: talk.call("write", b"anybody?") or talk.transport.is_closing())
    await until(lambda: talk.told[-1] in ("BrokenPipeError", "ConnectionResetError"))


async def test_who_is_paused_and_gone_does_not_keep_the_loop_awake(pair: Pair) -> None:
    loop = asyncio.get_running_loop()
    if not isinstance(loop, WireLoop):
        pytest.skip("about our own wires")
    talk, other = pair
    talk.transport.pause_reading()
    other.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    other.close()
    for _ in range(20):
        await asyncio.sleep(0)
    assert loop.plane.select(0.0) == []  # not ready: it would say so for ever
    assert loop.plane.epoll.poll(0) == []
    talk.transport.resume_reading()
    await until(lambda: talk.told[-1] == "ConnectionResetError")


async def test_a_protocol_that_fails_costs_its_own_connection_only(pair: Pair) -> None:
    loop = asyncio.get_running_loop()
    if not isinstance(loop, WireLoop):
        pytest.skip("about our own wires")
    told: list[dict[str, object]] = []
    loop.set_exception_handler(lambda _, context: told.append(context))

    class Faulty(Talk):
        def data_received(self, data: bytes) -> None:
            raise ZeroDivisionError

    talk, other = pair
    faulty = Faulty()
    talk.transport.set_protocol(faulty)
    other.send(b"!")
    await until(lambda: faulty.told == ["lost"])
    assert isinstance(told[0]["exception"], ZeroDivisionError)
    talk.told.append("lost")  # its own end was told to the other one


async def test_one_that_fails_at_its_end_costs_nobody_else_anything(pair: Pair) -> None:
    loop = asyncio.get_running_loop()
    if not isinstance(loop, WireLoop):
        pytest.skip("about our own wires")
    told: list[dict[str, object]] = []
    loop.set_exception_handler(lambda _, context: told.append(context))

    class Faulty(Talk):
        def connection_lost(self, error: Exception | None) -> None:
            super().connection_lost(error)
            raise ZeroDivisionError

    talk, other = pair
    faulty = Faulty()
    talk.transport.set_protocol(faulty)
    other.close()
    await until(lambda: faulty.told == ["eof", "lost"])
    await until(lambda: told)
    assert [type(context["exception"]) for context in told] == [ZeroDivisionError]
    talk.told.append("lost")  # its own end was told to the other one


async def test_names_of_both_ends(pair: Pair) -> None:
    talk, other = pair
    assert talk.transport.get_extra_info("peername") == other.getsockname()
    assert talk.transport.get_extra_info("sockname") == other.getpeername()
    assert talk.transport.get_extra_info("socket").fileno() >= 0
    assert talk.transport.get_extra_info("sslcontext") is None


async def test_those_who_come_at_once_are_all_accepted() -> None:
    talks: list[Talk] = []

    def factory() -> Talk:
        talks.append(Talk())
        return talks[-1]

    listening = socket.create_server(("127.0.0.1", 0), backlog=1000)
    server = await listen(listening, factory)
    others = [socket.socket() for _ in range(90)]  # fewer than asyncio lets wait
    for other in others:
        other.connect(listening.getsockname())
    await until(lambda: len(talks) == 90 and all(talk.told for talk in talks))
    server.close()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(others[0].getpeername())
    for other in others:
        other.close()
    await until(lambda: all(talk.told[-1] == "lost" for talk in talks))


async def test_a_listener_goes_on_by_itself_when_there_was_nothing_to_accept_with() -> None:
    """Also where no connection of ours is open, whose end would make room: others may have used it all up."""
    loop = asyncio.get_running_loop()
    if not isinstance(loop, WireLoop):
        pytest.skip("about our own wires")
    listening = socket.create_server(("127.0.0.1", 0))

    class Scarce:
        """The listening socket, at which the system lacks something once."""

        tried = 0

        def __getattr__(self, name: str) -> object:
            return getattr(listening, name)

        def _accept(self) -> object:
            self.tried += 1
            if self.tried == 1:
                raise OSError(errno.ENFILE, os.strerror(errno.ENFILE))
            return listening._accept()  # type: ignore[attr-defined]

    talk = Talk()
    server = Listener(loop.plane, Scarce(), lambda: talk)  # type: ignore[arg-type]
    with socket.create_connection(listening.getsockname()):
        await until(lambda: talk.told)
    server.close()
    await until(lambda: talk.told == ["made", "eof", "lost"])


async def test_a_listener_may_be_closed_while_it_pauses() -> None:
    loop = asyncio.get_running_loop()
    if not isinstance(loop, WireLoop):
        pytest.skip("about our own wires")
    listening = socket.create_server(("127.0.0.1", 0))
    server = Listener(loop.plane, listening, Talk)
    server._pause()
    server.close()
    server.go_on()
    assert listening.fileno() not in loop.plane.served


async def test_a_number_is_not_used_again_within_a_turn() -> None:
    """Whoever is closed while others of the same turn wait must not hand its events to the next one on its number."""
    ended: list[Talk] = []

    class Neighbours(Talk):
        def data_received(self, data: bytes) -> None:
            for talk in talks:
                if talk is not self and not talk.transport.is_closing():
                    talk.transport.abort()
                    ended.append(talk)
            self.heard += data

    talks = [Neighbours() for _ in range(8)]
    ends: list[socket.socket] = []
    for talk in talks:
        tcp = socket.create_server(("127.0.0.1", 0))
        client = socket.create_connection(tcp.getsockname())
        accepted, _ = tcp.accept()
        tcp.close()
        accepted.setblocking(False)
        ends.append(client)
        await adopt(accepted, client.getsockname(), lambda talk=talk: talk)  # type: ignore[misc]
    for client in ends:
        client.send(b"!")
    await until(lambda: len(ended) == 7)
    await until(lambda: sum(talk.told[-1] == "lost" for talk in talks) == 7)
    (last,) = [talk for talk in talks if talk not in ended]
    assert last.heard == b"!"
    assert all(talk.heard == b"" for talk in ended)
    last.transport.abort()
    for end in ends:
        end.close()


async def test_dialing_nobody_fails_and_leaves_nothing() -> None:
    with socket.create_server(("127.0.0.1", 0)) as nobody:
        address = nobody.getsockname()
    before = len(os.listdir("/proc/self/fd"))
    with suppress(ConnectionRefusedError):
        await dial(*address, Talk)
        raise AssertionError("somebody answered")
    assert len(os.listdir("/proc/self/fd")) == before


async def test_what_cannot_be_watched_is_closed(tmp_path: Path) -> None:
    """As when the system watches as many as it may; it never watches a plain file."""
    loop = asyncio.get_running_loop()
    if not isinstance(loop, WireLoop):
        pytest.skip("about our own wires")
    (tmp_path / "file").touch()
    fd = os.open(tmp_path / "file", os.O_RDWR)
    talk = Talk()
    with pytest.raises(PermissionError):
        Wire(loop.plane, fd, None, talk)
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(fd)
    assert (fd in loop.plane.served, talk.told) == (False, [])
