"""What a trusted forwarder in front of us says of a request: X-Forwarded-For, -Proto, -Host and -Port. Pure.

There is no standard but custom: each hop appends the address it saw to X-Forwarded-For, so that the list can be
believed from its right end up to the first address that is not a trusted forwarder's; what stands left of that one the
client may have made up. RFC 7239's `Forwarded` is not passed on; whatever else a trusted forwarder says in an
X-Forwarded-* of its own goes on as it is (fields.py).
"""

import re
from dataclasses import dataclass

from balancer.http1 import HOST
from balancer.networks import Address, Networks, is_within, parse_address

# Only names with a hyphen: X_Forwarded_For is what a client may smuggle past a forwarder that sets the real one.
_FIELD = re.compile(rb"(?i)\r\nx-forwarded-(for|proto|host|port):([^\r]*)")
_VALID = {
    b"proto": re.compile(rb"(?i)https?|wss?"),
    b"host": re.compile(HOST),
    b"port": re.compile(rb"[1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5]"),
}
MOST_HOPS = 30
"""Addresses looked at: a client may have sent a list of thousands."""
_WITH_PORT = re.compile(r"([0-9.]+):[0-9]{1,5}|\[([0-9A-Fa-f:.]+)\](?::[0-9]{1,5})?")  # as some clouds write it


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a request comes from. Empty: the forwarder does not say, or not in one valid value."""

    client: str
    chain: bytes = b""
    """All of X-Forwarded-For as received."""
    proto: bytes = b""
    host: bytes = b""
    port: bytes = b""

    def lines(self, peer: str, scheme: str) -> bytes:
        """What goes on to the backend of it, with what we see ourselves: who has sent it here, and by which scheme."""
        chain = self.chain + b", " + peer.encode() if self.chain else peer.encode()
        lines = b"X-Forwarded-For: " + chain + b"\r\nX-Forwarded-Proto: " + (self.proto or scheme.encode()) + b"\r\n"
        return lines + (b"X-Forwarded-Port: " + self.port + b"\r\n" if self.port else b"")


def origin_of(head: bytes, peer: str, trusted: Networks) -> Origin:
    """What the head of a request says that `peer`, who is trusted, has sent. The head has been found well-formed."""
    found: dict[bytes, list[bytes]] = {b"for": [], b"proto": [], b"host": [], b"port": []}
    for name, value in _FIELD.findall(head):
        found[name.lower()].append(value.strip(b" \t"))
    chain = b", ".join(value for value in found.pop(b"for") if value)
    single = {
        name: values[0] for name, values in found.items() if len(values) == 1 and _VALID[name].fullmatch(values[0])
    }
    return Origin(
        client=_rightmost_untrusted(chain, peer, trusted),
        chain=chain,
        proto=single.get(b"proto", b"").lower(),
        host=single.get(b"host", b""),
        port=single.get(b"port", b""),
    )


def _rightmost_untrusted(chain: bytes, peer: str, trusted: Networks) -> str:
    """Walk the list from its right end; whatever is no address ends the walk at the one who wrote it down."""
    client = peer
    for hop in reversed(chain.rsplit(b",", MOST_HOPS)[-MOST_HOPS:]):
        address = _address(hop.decode("latin-1").strip(" \t"))
        if address is None:
            break
        client = str(address)
        if not is_within(address, trusted):
            break
    return client


def _address(text: str) -> Address | None:
    match = _WITH_PORT.fullmatch(text)
    return parse_address((match[1] or match[2]) if match else text)
