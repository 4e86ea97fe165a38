"""The server of a shared store, ours or the user's own."""

from typing import Protocol


class StoreServer(Protocol):
    """Every method raises LabError when it cannot do what was asked; most do for a server that is not ours."""

    external: bool
    """It is the user's own."""
    url: str
    """By which the lab's servers open the store."""

    async def start(self) -> None:
        """Return when it answers."""

    async def stop(self, keep: bool = False) -> None:
        """End it; `keep` what it holds for the next start. Connections are refused from here on."""

    async def pause(self) -> None:
        """Freeze it: connections stay open and nothing answers."""

    async def resume(self) -> None:
        """Undo `pause`."""
