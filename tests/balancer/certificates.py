"""Certificates for the tests of TLS, made when they are asked for; and a TLS client that does one thing at a time."""

import asyncio
import ssl
from pathlib import Path

import trustme

from tests.balancer.rig import PATIENCE, Line


class Authority:
    """One that signs for the names of this machine."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._ca = trustme.CA()
        self.file = str(folder / "ca.pem")
        self._ca.cert_pem.write_to_path(self.file)

    def issue(self, name: str, *hosts: str) -> str:
        """The path of a PEM file with a key and its certificate."""
        path = self._folder / f"{name}.pem"
        issued = self._ca.issue_cert(*(hosts or ("localhost", "127.0.0.1")))
        path.write_bytes(issued.private_key_and_cert_chain_pem.bytes())
        return str(path)

    def spoil(self, name: str) -> None:
        (self._folder / f"{name}.pem").write_text("half a certif")

    def client(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=self.file)

    def server(self, path: str) -> ssl.SSLContext:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(path)
        return context


class SlowTls:
    """TLS by hand over a plain line: what goes over the wire, and when, is the test's to say."""

    def __init__(self, line: Line, context: ssl.SSLContext, session: ssl.SSLSession | None = None) -> None:
        self.line = line
        self._in, self._out = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(self._in, self._out, server_hostname="localhost", session=session)

    def said(self) -> bytes:
        """What is to be sent next."""
        return self._out.read()

    async def shake_hands(self, before: bytes = b"", piece: int = 1 << 20) -> None:
        """`before` comes before the first message, in the same piece; `piece`: bytes that are sent at a time."""
        said = before
        while True:
            try:
                self.tls.do_handshake()
            except ssl.SSLWantReadError:
                said += self.said()
                for at in range(0, len(said), piece):
                    self.line.send(said[at : at + piece])
                    await self.line.flush()
                    await asyncio.sleep(0)
                said = b""
                await self.more()
            else:
                self.line.send(self.said())
                return

    async def more(self) -> None:
        """Wait for more from the other side. ConnectionResetError: there is none."""
        async with asyncio.timeout(PATIENCE):
            data = await self.line.reader.read(1 << 16)
        if not data:
            raise ConnectionResetError("it ended")
        self._in.write(data)

    def send(self, data: bytes) -> None:
        self.tls.write(data)
        self.line.send(self.said())

    def say_bye(self) -> None:
        try:
            self.tls.unwrap()
        except ssl.SSLWantReadError:
            self.line.send(self.said())

    async def read(self) -> bytes:
        """What comes next, decrypted; empty: close_notify."""
        while True:
            try:
                return self.tls.read(1 << 16)
            except ssl.SSLWantReadError:
                await self.more()
            except ssl.SSLZeroReturnError:
                return b""

    async def rest(self) -> bytes:
        """Everything up to close_notify. ConnectionResetError: it ends without."""
        parts = b""
        while part := await self.read():
            parts += part
        return parts
