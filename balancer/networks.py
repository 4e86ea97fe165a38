"""Addresses, how they are written, and the lists of those that are trusted. Pure."""

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

Address = IPv4Address | IPv6Address
Networks = tuple[IPv4Network | IPv6Network, ...]


def parse_networks(text: str) -> Networks:
    """`10.0.0.0/8,192.0.2.7,fd00::/8`; empty: none. Raises ValueError, whose message names the part that is wrong."""
    networks: list[IPv4Network | IPv6Network] = []
    for part in text.split(",") if text else ():
        try:
            networks.append(ip_network(part.strip()))
        except ValueError:
            raise ValueError(f"{part.strip()!r} is no network such as 10.0.0.0/8 or address such as ::1") from None
    return tuple(networks)


def host_port(host: str, port: int) -> str:
    """As in a URL (RFC 3986 section 3.2.2)."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def parse_address(text: str) -> Address | None:
    """None: it is none. An IPv4 address that came over an IPv6 socket (::ffff:192.0.2.7) is an IPv4 address."""
    try:
        address = ip_address(text.partition("%")[0])  # a scope (fe80::1%eth0) is this machine's own affair
    except ValueError:
        return None
    return (address.ipv4_mapped or address) if isinstance(address, IPv6Address) else address


def is_within(address: Address | None, networks: Networks) -> bool:
    return address is not None and any(address in network for network in networks)
