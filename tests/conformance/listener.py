"""A backend that writes down what it gets, byte by byte, and answers everything."""

import asyncio
import re

from tests.balancer.rig import Line, Message, Server

REPLY = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n"


class Recorder(Line):
    """The backend's end of a connection; `unsaid` is what has come since the last whole request."""

    def __init__(self, line: Line) -> None:
        super().__init__(line.reader, line.writer)
        self._read = b""

    @property
    def unsaid(self) -> bytes:
        return self._read + bytes(self.reader._buffer)

    async def read(self, count: int) -> bytes:
        self._read += (data := await super().read(count))
        return data

    async def until(self, end: bytes) -> bytes:
        self._read += (data := await super().until(end))
        return data

    async def message(self, bodyless: bool = False) -> Message:
        message = await super().message(bodyless)
        self._read = b""
        return message


class Listener(Server):
    def __init__(self) -> None:
        super().__init__(self.listen)
        self.records: list[Recorder] = []
        self.cut_short: list[bytes] = []
        """What came of requests that never became whole."""

    async def listen(self, line: Line) -> None:
        recorder = Recorder(line)
        self.records.append(recorder)
        try:
            while True:
                message = await recorder.message()
                self.heard.append(message)
                recorder.send(REPLY + (b"" if message.start.startswith("HEAD ") else b"ok"))
        except asyncio.IncompleteReadError as short:
            if recorder._read + short.partial:
                self.cut_short.append(recorder._read + short.partial)
        except ConnectionError:
            if recorder.unsaid:
                self.cut_short.append(recorder.unsaid)


_OURS = re.compile(
    rb"\r\nX-Forwarded-For: 127\.0\.0\.1\r\nX-Forwarded-Proto: http\r\nVia: (1\.[01]) session-lab"
    rb"(?:\r\nX-Forwarded-Host: ([^\r]+))?((?:\r\nConnection: Upgrade\r\nUpgrade: websocket)?\r\n\r\n)"
)


def without_ours(raw: bytes) -> tuple[bytes, str]:
    """A request without the fields that the balancer adds to every one, and the version that Via names."""
    ours = _OURS.search(raw)
    assert ours is not None, raw
    host = re.search(rb"(?i)\r\nhost: ([^\r]*)\r\n", raw)
    assert host is not None
    assert ours[2] in (None, host[1])
    return raw[: ours.start()] + ours[3] + raw[ours.end() :], ours[1].decode()
