"""A connection before it speaks HTTP: a PROXY header from those who may send one, then the TLS handshake.

A listener without either makes its clients directly.
"""

import asyncio
from collections.abc import Callable
from typing import cast

from balancer.client_hello import HANDSHAKE, NO_APPLICATION_PROTOCOL, protocols_offered, whole_hello
from balancer.front import TOO_MANY, Client
from balancer.http1 import Refused
from balancer.networks import Networks, is_within, parse_address, parse_networks
from balancer.proxy_protocol import Malformed, parse_header
from balancer.secured import Secured
from balancer.settings.tls import Certificate
from balancer.state import Balancer


def doorway(balancer: Balancer) -> Callable[[], asyncio.Protocol]:
    """What to make of each connection that is accepted. Raises ConfigError when the certificate cannot be used."""
    config = balancer.config
    forwarders = parse_networks(config.proxy_protocol_from)
    certificate = Certificate(config, balancer.first_context) if config.tls_certificate else None
    if certificate is not None:
        balancer.hangups.append(certificate.reload)
    elif not forwarders:
        return lambda: Client(balancer)
    return lambda: Arrival(balancer, certificate, forwarders)


class Arrival(asyncio.Protocol):
    """One connection, from its first byte to its hand-over to a Client. Among `Balancer.clients` as one that waits."""

    transport: asyncio.Transport
    exchange = None

    def __init__(self, balancer: Balancer, certificate: Certificate | None, forwarders: Networks) -> None:
        """`forwarders` have to begin with a PROXY header; nobody else may."""
        self.balancer = balancer
        self.deadline = balancer.within(balancer.config.head_timeout)
        self._certificate = certificate
        self._forwarders = forwarders
        self._address = ""
        self._buffer = b""
        self._header_due = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        peer = transport.get_extra_info("peername")
        self._address = peer[0] if peer else "unknown"
        self._header_due = is_within(parse_address(self._address), self._forwarders)
        self.balancer.clients.add(self)
        if len(self.balancer.clients) > self.balancer.most_clients and self._certificate is not None:
            self._turn_away(TOO_MANY)  # without the cost of a handshake
        elif not self._header_due and self._certificate is None:
            self._hand_over(b"")

    def data_received(self, data: bytes) -> None:
        if self.transport.is_closing():
            return
        self._buffer += data
        if self._header_due:
            try:
                header = parse_header(self._buffer)
            except Malformed:
                self._turn_away("no PROXY header")
                return
            if header is None:
                return
            self._header_due = False
            self._address = header.source or self._address
            self._buffer = self._buffer[header.size :]
        if self._certificate is None:
            self._hand_over(self._buffer)
        elif self._buffer:
            self._greet(self._certificate)

    def _greet(self, certificate: Certificate) -> None:
        """Begin the TLS handshake once the client's first message is here."""
        if self._buffer[0] != HANDSHAKE:
            self.balancer.turned_away["no TLS"] += 1
            self._hand_over(b"").refuse(Refused(400, "only TLS is spoken here: use https://"))
            return
        hello = whole_hello(self._buffer)
        if hello is None:
            return
        offered = protocols_offered(hello)
        if offered and b"http/1.1" not in offered:
            self.transport.write(NO_APPLICATION_PROTOCOL)
            self._turn_away("no common protocol")
            return
        secured = Secured(Client(self.balancer, self._address), certificate.context, self._secured)
        self.transport.set_protocol(secured)
        secured.connection_made(self.transport)
        secured.data_received(self._buffer)

    def _secured(self, problem: Exception | None) -> None:
        """The TLS handshake is over."""
        if problem is None:
            self.balancer.clients.discard(self)
        else:
            self._turn_away("the handshake failed")

    def _hand_over(self, data: bytes) -> Client:
        """The connection is a client's now."""
        client = Client(self.balancer, self._address)
        self.balancer.clients.discard(self)
        self.transport.set_protocol(client)
        client.connection_made(self.transport)
        if data:
            client.data_received(data)
        return client

    def _turn_away(self, why: str) -> None:
        """It never becomes a client."""
        if self in self.balancer.clients:
            self.balancer.turned_away[why] += 1
            self.balancer.client_left(self)
        self.transport.close()

    def abort(self) -> None:
        self.transport.abort()

    def expire(self) -> None:
        """The deadline has passed (Balancer.sweep)."""
        self._turn_away("too slow")
        self.transport.abort()

    def connection_lost(self, error: Exception | None) -> None:
        if self in self.balancer.clients:
            self._turn_away("gone")
