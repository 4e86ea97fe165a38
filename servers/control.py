"""The control channel: JSON Lines over a Unix stream socket, shared by servers, balancer and lab.

A request is one line `{"do": NAME, ...arguments}`; the answer is one line `{"ok": {...}}` or
`{"error": "what to do next"}`. A connection may carry any number of requests, one after the other.
A request that names a stream is answered `{"ok": {}}` and then one JSON object a line until either
side hangs up.

Whoever can open the socket may command the process, so only its owner can: the socket is 0600 (unix(7): connecting
takes write permission), and a folder made for it 0700. A folder that was there before is left as it is.
No time limit is set here: callers wrap a call in `asyncio.timeout` (a paused process never answers).
"""

import asyncio
import errno
import inspect
import json
import os
import socket
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

Message = dict[str, Any]
Command = Callable[..., Awaitable[Message]]
Source = AsyncIterator[Message | str]
"""Messages, or text that is whole lines of JSON already."""
Stream = Callable[..., Source | Awaitable[Source]]

LONGEST_LINE = 16 * 1024 * 1024  # bytes; `knows` may ask about many thousand IDs at once
LONGEST_PATH = 106  # bytes; sockaddr_un holds 108 with the closing zero, and a follower begins with one more


class ControlError(Exception):
    """The command was not done; the message says why in one line."""


class ControlServer:
    """A listening control socket. `close()` ends every connection and removes the socket."""

    def __init__(self, path: Path, commands: Mapping[str, Command], streams: Mapping[str, Stream]) -> None:
        self.path = path
        self._commands = commands
        self._streams = streams
        self._listening: asyncio.Server | None = None
        self._inode = 0
        self._conversations: set[asyncio.Task[None]] = set()

    async def open(self, replace: bool = False) -> None:
        """Raises ControlError when the path is unusable, or another process answers on it.

        `replace`: that process is to be followed by this one. Callers find either of them at any moment.
        """
        _make_room(self.path, replace)
        bound = self.path.with_name(f"{self.path.name}~") if replace else self.path
        try:
            self._listening = await asyncio.start_unix_server(self._greet, sock=_bound_to(bound), limit=LONGEST_LINE)
            self._inode = bound.stat().st_ino
            bound.rename(self.path)
        except OSError as failure:
            raise ControlError(f"cannot listen on {self.path}: {failure.strerror or failure}") from failure

    async def close(self, linger: float = 0.0) -> None:
        """`linger`: seconds in which those are still answered who have reached us and not the process that follows."""
        await asyncio.sleep(linger)
        with suppress(FileNotFoundError):
            # It may be a follower's by now. As long as we listen, no other file is given our number.
            if self.path.stat().st_ino == self._inode:
                self.path.unlink()
        if self._listening is not None:
            self._listening.close()
        conversations = list(self._conversations)
        for conversation in conversations:
            conversation.cancel()
        await asyncio.gather(*conversations, return_exceptions=True)

    async def _greet(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        conversation = asyncio.current_task()
        assert conversation is not None
        self._conversations.add(conversation)
        try:
            with suppress(ConnectionError, asyncio.CancelledError):  # cancelled only by close()
                await self._converse(reader, writer)
        finally:
            self._conversations.discard(conversation)
            writer.close()

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            try:
                line = await reader.readline()
            except ValueError:  # longer than LONGEST_LINE: where the next request begins is unknown
                _put(writer, {"error": f"a request is at most {LONGEST_LINE} bytes"})
                return
            if not line:
                return
            answer = await self._answer(line)
            if isinstance(answer, dict):
                _put(writer, answer)
                await writer.drain()
            else:
                _put(writer, {"ok": {}})
                await _pour(answer, reader, writer)
                return

    async def _answer(self, line: bytes) -> Message | Source:
        try:
            name, arguments = _parse(line)
            if name in self._streams:
                begun = _bound(name, self._streams[name], arguments)()
                source: Source = await begun if inspect.isawaitable(begun) else begun
                return source
            if name not in self._commands:
                known = ", ".join(sorted({*self._commands, *self._streams}))
                raise ControlError(f"unknown command {name!r}; known: {known}")
            return {"ok": await _bound(name, self._commands[name], arguments)()}
        except ControlError as refusal:
            return {"error": str(refusal)}
        except Exception as failure:  # noqa: BLE001 - a failed command must not cost the caller its channel
            return {"error": f"{type(failure).__name__}: {failure}"}


async def serve_control(
    path: str | os.PathLike[str],
    commands: Mapping[str, Command],
    streams: Mapping[str, Stream] | None = None,
    replace: bool = False,
) -> ControlServer:
    """Listens on `path`, for its owner alone. Commands say what went wrong by raising ControlError."""
    server = ControlServer(Path(path), commands, {} if streams is None else streams)
    await server.open(replace)
    return server


async def call(path: str | os.PathLike[str], do: str, **arguments: Any) -> Message:
    """One command, one answer. Raises ControlError: refused by the other side, or nobody is there."""
    reader, writer = await _connect(path)
    try:
        _put(writer, {"do": do, **arguments})
        return _unwrap(path, await _readline(reader))
    finally:
        writer.close()


async def stream(path: str | os.PathLike[str], do: str, **arguments: Any) -> AsyncGenerator[Message]:
    """Subscribes; ends when the other side ends. Raises ControlError as `call` does."""
    lines = await open_stream(path, do, **arguments)
    try:
        async for line in lines:
            yield json.loads(line)
    finally:
        await lines.aclose()


async def open_stream(path: str | os.PathLike[str], do: str, **arguments: Any) -> AsyncGenerator[bytes]:
    """Returns once it is subscribed: nothing is missed from then on. The lines as they came. Read it, or it stays open.

    Raises ControlError as `call` does.
    """
    reader, writer = await _connect(path)
    try:
        _put(writer, {"do": do, **arguments})
        _unwrap(path, await _readline(reader))
    except BaseException:
        writer.close()
        raise
    return _lines(reader, writer)


async def _lines(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> AsyncGenerator[bytes]:
    try:
        while (line := await _readline(reader)).endswith(b"\n"):  # half a line: whoever wrote it has died
            yield line
    finally:
        writer.close()


def _bound_to(path: Path) -> socket.socket:
    """A socket that only its owner may connect to. Raises OSError."""
    listening = socket.socket(socket.AF_UNIX)
    before = os.umask(0o177)
    try:
        if path.is_socket():  # a follower's that has died before it took over
            path.unlink()
        listening.bind(str(path))
    except OSError:
        listening.close()
        raise
    finally:
        os.umask(before)
    return listening


def check_path(path: Path) -> None:
    """Whether a control socket can be here, as far as looking tells: nothing is made or removed, and whether another
    process answers there is not asked. Raises ControlError."""
    if "\0" in str(path):  # a file of settings can hold one
        raise ControlError(f"{str(path)!r} has a NUL in it, as no path can: choose another path")
    if len(os.fsencode(path)) > LONGEST_PATH:
        raise ControlError(f"the path {path} is too long for a Unix socket; use a shorter folder")
    folder = path.parent
    try:
        if path.exists() and not path.is_socket():
            raise ControlError(f"{path} is there already and no socket: it is left alone; choose another path")
        while not folder.exists():  # what is missing is made
            folder = folder.parent
        if not folder.is_dir():
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR))
        if not os.access(folder, os.W_OK | os.X_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    except OSError as failure:
        raise ControlError(f"cannot use the folder {folder}: {failure.strerror}; choose another path") from failure


def _make_room(path: Path, replace: bool) -> None:
    """A private folder, and no socket left there by a process that has died."""
    check_path(path)
    if replace:
        return
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as failure:
        raise ControlError(f"cannot use the folder {path.parent}: {failure.strerror}") from failure
    if not path.exists():
        return
    with socket.socket(socket.AF_UNIX) as probe:
        probe.setblocking(False)  # a paused owner with a full backlog must not stop us; it counts as alive
        try:
            probe.connect(str(path))
        except (ConnectionRefusedError, FileNotFoundError):
            path.unlink(missing_ok=True)
            return
        except OSError:
            pass
    raise ControlError(f"{path} is in use by another process; stop it or choose another path")


def _parse(line: bytes) -> tuple[str, Message]:
    try:
        request = json.loads(line)
    except ValueError as failure:
        raise ControlError(f"a request is one line of JSON: {failure}") from failure
    if not isinstance(request, dict) or not isinstance(request.get("do"), str):
        raise ControlError('a request looks like {"do": "state"}')
    return request.pop("do"), request


def _bound(name: str, function: Callable[..., Any], arguments: Message) -> Callable[[], Any]:
    signature = inspect.signature(function)
    try:
        bound = signature.bind(**arguments)
    except TypeError as failure:
        takes = ", ".join(signature.parameters) or "nothing"
        raise ControlError(f"{name}: {failure}; it takes {takes}") from failure
    return lambda: function(*bound.args, **bound.kwargs)


async def _pour(source: Source, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Copies the stream until it ends or the subscriber hangs up (which only reading can show)."""

    async def copy() -> None:
        async for message in source:
            if isinstance(message, str):
                writer.write(message.encode())
            else:
                _put(writer, message)
            await writer.drain()

    copying = asyncio.ensure_future(copy())
    hung_up = asyncio.ensure_future(reader.read())
    try:
        await asyncio.wait({copying, hung_up}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in (copying, hung_up):
            task.cancel()
        await asyncio.gather(copying, hung_up, return_exceptions=True)
        if isinstance(source, AsyncGenerator):  # its `finally` unsubscribes: run it now, not at collection
            await source.aclose()
    if not copying.cancelled():
        copying.result()  # a stream that failed is a bug: let the loop report it


async def _connect(path: str | os.PathLike[str]) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    try:
        return await asyncio.open_unix_connection(os.fspath(path), limit=LONGEST_LINE)
    except OSError as failure:
        raise ControlError(f"nobody answers on {path}: {failure.strerror or failure}") from failure


async def _readline(reader: asyncio.StreamReader) -> bytes:
    try:
        return await reader.readline()
    except ConnectionError:
        return b""


def _unwrap(path: str | os.PathLike[str], line: bytes) -> Message:
    if not line.endswith(b"\n"):
        raise ControlError(f"{path} hung up before it answered")
    answer: Message = json.loads(line)
    if "error" in answer:
        raise ControlError(answer["error"])
    ok: Message = answer["ok"]
    return ok


def _put(writer: asyncio.StreamWriter, message: Message) -> None:
    writer.write(json.dumps(message, separators=(",", ":")).encode() + b"\n")
