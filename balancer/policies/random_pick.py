"""Anyone, by lot: no memory and no order, so it shows the laws of chance best."""

from random import Random

from balancer.policies.base import Available, Pick, Request


class RandomPick:
    """Anyone, with a chance in proportion to its weight."""

    def __init__(self, rng: Random) -> None:
        self._random = rng.random

    def pick(self, available: Available, request: Request) -> Pick | None:
        slots = available.slots
        if not slots:
            return None
        return slots[int(self._random() * len(slots))].pick

    def why(self, available: Available, request: Request, pick: Pick | None) -> str:
        return f"drawn by lot, with {available.slots.count(pick.backend) if pick else 0} of {len(available.slots)} lots"
