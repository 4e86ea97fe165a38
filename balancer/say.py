"""What a balancer process has to say to whoever looks after it: a person, or systemd."""

import os
import socket
from contextlib import suppress


def say(line: str) -> None:
    """One line on stderr; lost when nobody reads that any more, which must not end what works."""
    with suppress(OSError):
        os.write(2, f"balancer: {line}\n".encode())


def tell_systemd(state: str) -> None:
    """As sd_notify(3) does; nothing where systemd did not start us. Its unit needs Type=notify, NotifyAccess=all."""
    path = os.environ.get("NOTIFY_SOCKET", "")
    if path:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify, suppress(OSError):
            notify.sendto(state.encode(), f"\0{path[1:]}" if path.startswith("@") else path)
