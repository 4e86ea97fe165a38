"""The access log: one line for each request that is over, or was refused. Off: it costs nothing. On: little."""

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from balancer.http1 import ISSUED, Refused, Request
from balancer.settings.config import BalancerConfig
from balancer.settings.problems import ConfigError
from balancer.telling.log_file import LogFile
from balancer.telling.log_lines import FORMATS, LEFT, Entry, Format, Pseudonyms

if TYPE_CHECKING:
    from balancer.front import Client
    from balancer.proxy import Exchange

MOST_LINES = 256
"""Lines that wait for the next sweep, at most."""
LEAST_KEY = 16


def read_key(path: str) -> bytes:
    """What keys the sessions' hashes. Raises OSError and ConfigError."""
    with open(path, "rb") as file:
        key = file.read(4096).strip()
    if len(key) < LEAST_KEY:
        raise ConfigError(f"{path} needs {LEAST_KEY} bytes at least for a key: make it with `openssl rand -hex 32`")
    return key


class AccessLog:
    """Told of requests by `Balancer.tellers`. Lines are collected, and leave at the next sweep."""

    def __init__(self, config: BalancerConfig, secret: bytes) -> None:
        """`secret` keys the sessions' hashes if no file does: the same one in all workers. Raises ConfigError."""
        try:
            key = read_key(config.log_key_file) if config.log_key_file else secret
            self.file = LogFile(config.access_log)
        except OSError as failure:
            raise ConfigError(f"cannot use {failure.filename}: {failure.strerror}; choose another file") from None
        self.pseudonyms = Pseudonyms(key)
        self._format: Format = FORMATS[config.access_log_format](self.pseudonyms)
        self._lines: list[str] = []

    def counted(self, client: "Client") -> Callable[[bytes], None]:
        """The client's `write`, that also counts its bytes."""
        write = client.transport.write

        def write_and_count(data: bytes) -> None:
            client.sent += len(data)
            write(data)

        return write_and_count

    def tell(self, exchange: "Exchange", status: int | None) -> None:
        """A request is over; `status` as in `events.tell`."""
        request, answer = exchange.request, exchange.answer
        backend = exchange.backend or (exchange.tried[-1] if exchange.tried else None)
        client, pick = exchange.client, exchange.pick
        outcome = issued = None
        if answer is not None:
            outcome = answer.outcome
            found = ISSUED.search(answer.raw)
            issued = self.pseudonyms.of(found[1]) if found is not None else None
        if not request.logged:
            request.logged = self._format.head(request)
        self._add(
            request.logged,
            Entry(
                exchange.balancer.wall(),
                status or (answer.status if answer is not None else LEFT),
                client.sent,
                (time.perf_counter() - exchange.started) * 1000,
                backend.name if backend is not None else None,
                exchange.balancer.policy_name,
                status is not None,
                outcome,
                issued,
                exchange.retries,
                pick.moved if pick is not None else None,
            ),
        )
        client.sent = 0

    def refused(self, client: "Client", refused: Refused) -> None:
        """Something came that is no request."""
        nothing = Request(raw=b"", method=b"-", target=b"-", host=b"", kept=b"", client=client.address)
        entry = Entry(client.balancer.wall(), refused.status, client.sent, refused=str(refused))
        self._add(self._format.head(nothing), entry)
        client.sent = 0

    def _add(self, head: tuple[str, ...], entry: Entry) -> None:
        self._lines.append(self._format.line(head, entry))
        if len(self._lines) >= MOST_LINES:
            self.flush()

    def flush(self) -> None:
        if self._lines:
            self.file.add("".join(self._lines).encode())
            self._lines = []

    def reopen(self) -> None:
        """SIGHUP: whoever rotates logs has moved the file away."""
        self.flush()
        self.file.reopen()

    def close(self) -> None:
        self.flush()
        self.file.close()
