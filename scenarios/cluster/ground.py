"""What is checked before a cluster starts, so that a refusal comes at once and as one clear line."""

import socket
from pathlib import Path

from scenarios.errors import LabError

MOST_SERVERS = 100


def make_private(folder: Path) -> None:
    """Raises LabError when the folder cannot be made."""
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        raise LabError(f"cannot make the folder {folder} ({error.strerror}): set XDG_RUNTIME_DIR to another") from None


def check_count(servers: int) -> None:
    if not 1 <= servers <= MOST_SERVERS:
        raise LabError(f"{servers} servers: choose 1 to {MOST_SERVERS}")


def check_port(host: str, port: int) -> None:
    """Raises LabError when nobody could listen there now."""
    if not 0 <= port <= 65535:
        raise LabError(f"port {port}: choose 0 (any free one) to 65535")
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except PermissionError:
            raise LabError(f"port {port} is reserved for root: choose one above 1023") from None
        except OSError:
            raise LabError(f"port {port} on {host} is taken: choose another, or 0 for any free one") from None
