from balancer.policies.base import Available, Pick, Request


class RoundRobin:
    """Each in turn, strictly; with weights, as often as they say, evenly spread."""

    def __init__(self) -> None:
        self._turn = 0

    def pick(self, available: Available, request: Request) -> Pick | None:
        slots = available.slots
        if not slots:
            return None
        turn = self._turn
        if turn >= len(slots):
            turn = 0
        self._turn = turn + 1
        return slots[turn].pick
