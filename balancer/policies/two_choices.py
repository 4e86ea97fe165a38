"""The less busy of two drawn by lot: nearly as even as asking everybody, and much cheaper with many servers."""

from random import Random

from balancer.policies.base import Available, Pick, Request


class TwoChoices:
    """The less busy of two drawn at random: nearly as even as asking all (Mitzenmacher, 2001)."""

    def __init__(self, rng: Random) -> None:
        self._random = rng.random

    def pick(self, available: Available, request: Request) -> Pick | None:
        slots = available.slots
        if not slots:
            return None
        one = slots[int(self._random() * len(slots))]
        other = slots[int(self._random() * len(slots))]
        return (other if other.in_flight * one.weight < one.in_flight * other.weight else one).pick

    def why(self, available: Available, request: Request, pick: Pick | None) -> str:
        return "the less busy of two that were drawn by lot"
