"""A listening socket that admits nobody new, and loses nobody who is being admitted (a socket filter, socket(7))."""

import socket
import struct
from contextlib import suppress

SO_ATTACH_FILTER = 26  # socket(7); not in Python's socket module
# A program of linux/filter.h about a TCP header: byte 13 has its flags, of which SYN without ACK begins a connection.
_NO_SYN = (
    (0x30, 0, 0, 13),  # load the byte
    (0x54, 0, 0, 0x12),  # keep SYN and ACK
    (0x15, 0, 1, 0x02),  # SYN alone?
    (0x06, 0, 0, 0),  # then drop it
    (0x06, 0, 0, 0xFFFFFFFF),  # or else keep the whole packet
)


def admit_no_more(sock: socket.socket) -> None:
    """Let the system ignore who begins to connect (a SYN); connections whose making has begun are completed.

    Closing a listening socket resets those that are just being made, however quickly it is emptied before. Whoever is
    ignored tries again after a second, as of a packet that was lost, and is refused by then, or finds our successor.
    """
    import ctypes  # needed only now

    program = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *step) for step in _NO_SYN))
    with suppress(OSError):  # a system that cannot do so
        sock.setsockopt(
            socket.SOL_SOCKET, SO_ATTACH_FILTER, struct.pack("@HP", len(_NO_SYN), ctypes.addressof(program))
        )
