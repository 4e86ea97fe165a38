"""Take this server off its network, as if somebody had pulled the cable, while its process and its store go on.

A socket filter (socket(7)) lets the system drop every packet that comes for the server's port, and tells nobody:
connecting times out, nothing is refused, open connections go silent, and the other side does not learn why. What
the server is sending at that moment may still get out, as what was on the wire when the cable was pulled.
"""

import asyncio
import ctypes
import os
import socket
import struct
from collections.abc import Iterator
from contextlib import suppress

SO_ATTACH_FILTER, SO_DETACH_FILTER = 26, 27  # socket(7); not in Python's socket module
_KEEP_NOTHING = ctypes.create_string_buffer(struct.pack("HBBI", 0x06, 0, 0, 0))  # linux/filter.h: return 0 bytes of it
_FILTER = struct.pack("@HP", 1, ctypes.addressof(_KEEP_NOTHING))
ACCEPTED = 0.01
"""Seconds in which those are accepted who had connected before the filter stood."""


async def pull(port: int) -> None:
    """Raises OSError on a system that cannot filter. Again does no harm."""
    _filter(port)
    await asyncio.sleep(ACCEPTED)
    _filter(port)


def plug_in(port: int) -> None:
    """Packets come in again; what was sent meanwhile is sent again, as TCP does after a loss."""
    for sock in _sockets(port):
        with suppress(OSError):  # it has no filter
            sock.setsockopt(socket.SOL_SOCKET, SO_DETACH_FILTER, 0)


def _filter(port: int) -> None:
    for sock in _sockets(port):
        sock.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, _FILTER)


def _sockets(port: int) -> Iterator[socket.socket]:
    """Those of this process whose own end is this port: the listening ones, and the users' connections."""
    for name in os.listdir("/proc/self/fd"):
        with suppress(FileNotFoundError):  # closed meanwhile, as the folder's own descriptor is
            if not os.readlink(f"/proc/self/fd/{name}").startswith("socket:"):
                continue
            with socket.socket(fileno=os.dup(int(name))) as sock:
                if sock.family in (socket.AF_INET, socket.AF_INET6) and sock.getsockname()[1] == port:
                    yield sock
