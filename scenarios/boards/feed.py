"""What every board does with a feed."""

from __future__ import annotations

from collections.abc import AsyncIterator

from scenarios.events import Event, complaint
from scenarios.folds.fold import Fold


async def fold_all(events: AsyncIterator[Event], fold: Fold) -> None:
    """Fold a feed to its end; events that are none are left out. Raises what the feed raises."""
    async for event in events:
        if complaint(event) is None:
            fold.feed(event)
