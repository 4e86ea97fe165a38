"""The control channel, over real Unix sockets."""

import asyncio
import json
import os
import socket
import stat
from collections.abc import AsyncGenerator
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest

from servers.control import LONGEST_PATH, Command, ControlError, call, open_stream, serve_control, stream


async def double(number: int) -> dict[str, Any]:
    return {"doubled": 2 * number}


async def refuse() -> dict[str, Any]:
    raise ControlError("not today")


async def crash() -> dict[str, Any]:
    raise KeyError("lost")


COMMANDS: dict[str, Command] = {"double": double, "refuse": refuse, "crash": crash}


async def test_a_command_is_answered(tmp_path: Path) -> None:
    server = await serve_control(tmp_path / "run" / "c.sock", COMMANDS)
    assert await call(server.path, "double", number=21) == {"doubled": 42}
    await server.close()


async def test_the_socket_is_private_wherever_it_is_and_goes_away(tmp_path: Path) -> None:
    os.chmod(tmp_path, 0o755)
    server = await serve_control(tmp_path / "c.sock", COMMANDS)
    assert stat.S_IMODE(os.stat(tmp_path).st_mode) == 0o755  # it may be everybody's: /tmp, for one
    assert stat.S_IMODE(server.path.stat().st_mode) == 0o600
    await server.close()
    assert not server.path.exists()
    with pytest.raises(ControlError, match="nobody answers"):
        await call(server.path, "double", number=1)


@pytest.mark.parametrize(
    ("do", "arguments", "message"),
    [
        ("refuse", {}, "not today"),
        ("crash", {}, "KeyError"),
        ("nothing", {}, "unknown command 'nothing'; known: crash, double, refuse"),
        ("double", {"count": 1}, "it takes number"),
    ],
)
async def test_errors_reach_the_caller(tmp_path: Path, do: str, arguments: dict[str, Any], message: str) -> None:
    server = await serve_control(tmp_path / "c.sock", COMMANDS)
    with pytest.raises(ControlError, match=message):
        await call(server.path, do, **arguments)
    await server.close()


@pytest.mark.parametrize("line", [b"{\n", b"[]\n", b'{"do":1}\n', b"\xff\n"])
async def test_nonsense_gets_an_error_and_the_connection_goes_on(tmp_path: Path, line: bytes) -> None:
    server = await serve_control(tmp_path / "c.sock", COMMANDS)
    reader, writer = await asyncio.open_unix_connection(str(server.path))
    writer.write(line + b'{"do":"double","number":4}\n')
    assert "error" in json.loads(await reader.readline())
    assert json.loads(await reader.readline()) == {"ok": {"doubled": 8}}
    writer.close()
    await server.close()


async def test_a_stream_ends_at_both_ends(tmp_path: Path) -> None:
    finished = asyncio.Event()

    async def count(start: int) -> AsyncGenerator[dict[str, Any]]:
        try:
            while True:
                yield {"n": start}
                start += 1
                await asyncio.sleep(0)
        finally:
            finished.set()

    server = await serve_control(tmp_path / "c.sock", {}, {"count": count})
    seen = []
    async with aclosing(stream(server.path, "count", start=5)) as numbers:
        async for number in numbers:
            seen.append(number["n"])
            if len(seen) == 3:
                break
    assert seen == [5, 6, 7]
    await asyncio.wait_for(finished.wait(), 5)
    await server.close()


async def test_closing_the_server_ends_a_quiet_subscription(tmp_path: Path) -> None:
    async def silence() -> AsyncGenerator[dict[str, Any]]:
        yield {"first": True}
        await asyncio.Event().wait()

    server = await serve_control(tmp_path / "c.sock", {}, {"silence": silence})
    seen = []
    async for message in stream(server.path, "silence"):
        seen.append(message)
        await server.close()
    assert seen == [{"first": True}]


async def test_a_dead_socket_is_replaced_and_a_live_one_is_not(tmp_path: Path) -> None:
    path = tmp_path / "c.sock"
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
    server = await serve_control(path, COMMANDS)
    with pytest.raises(ControlError, match="in use"):
        await serve_control(path, COMMANDS)
    assert await call(path, "double", number=1) == {"doubled": 2}
    await server.close()


@pytest.mark.parametrize("replace", [False, True])
async def test_what_is_no_socket_is_left_alone(tmp_path: Path, replace: bool) -> None:
    file, folder = tmp_path / "settings", tmp_path / "folder"
    file.write_text("precious")
    folder.mkdir()
    for path in (file, folder):
        with pytest.raises(ControlError, match="there already and no socket: it is left alone"):
            await serve_control(path, COMMANDS, replace=replace)
    with pytest.raises(ControlError, match=f"the folder {file}: Not a directory"):
        await serve_control(file / "c.sock", COMMANDS, replace=replace)
    assert sorted(os.listdir(tmp_path)) == ["folder", "settings"]
    assert file.read_text() == "precious"


async def test_the_longest_path_can_be_followed(short_folder: Path) -> None:
    path = short_folder / ("x" * (LONGEST_PATH - len(str(short_folder)) - 1))
    first = await serve_control(path, COMMANDS)
    second = await serve_control(path, COMMANDS, replace=True)
    await first.close()
    assert await call(path, "double", number=1) == {"doubled": 2}
    await second.close()
    with pytest.raises(ControlError, match="too long"):
        await serve_control(f"{path}x", COMMANDS)


async def test_a_follower_that_is_given_our_number_keeps_its_socket(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The moment we listen no more, the file system may give the next socket the number that ours had."""
    path = tmp_path / "c.sock"
    first = await serve_control(path, COMMANDS)
    follower = await serve_control(path, COMMANDS, replace=True)
    listening = first._listening
    assert listening is not None
    end = listening.close

    def close_and_lose_the_number() -> None:
        end()
        first._inode = path.stat().st_ino

    monkeypatch.setattr(listening, "close", close_and_lose_the_number)
    await first.close()
    assert await call(path, "double", number=1) == {"doubled": 2}
    await follower.close()
    assert not path.exists()


async def test_a_path_too_long_for_a_socket(tmp_path: Path) -> None:
    with pytest.raises(ControlError, match="too long"):
        await serve_control(tmp_path / ("x" * 120) / "c.sock", COMMANDS)


async def test_half_a_line_is_none(tmp_path: Path) -> None:
    """Whoever is killed while it writes leaves half an answer, or half an event of a stream."""

    async def killed_at_work(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked = json.loads(await reader.readline())["do"]
        writer.write(b'{"ok":{"x"' if asked == "state" else b'{"ok":{}}\n{"n":1}\n{"n"')
        writer.close()

    path = tmp_path / "c.sock"
    async with await asyncio.start_unix_server(killed_at_work, path):
        with pytest.raises(ControlError, match="hung up before it answered"):
            await call(path, "state")
        assert [line async for line in await open_stream(path, "subscribe")] == [b'{"n":1}\n']
