"""Everybody in turn: the usual default, and the reason why ten servers with a logbook each forget nearly everyone."""

from balancer.policies.base import Available, Pick, Request


class RoundRobin:
    """Each in turn, strictly; with weights, as often as they say, evenly spread.

    Second attempts have turns of their own: one server that fails must not shift the others' turns.
    """

    def __init__(self) -> None:
        self._turn = 0
        self._again = 0

    def pick(self, available: Available, request: Request) -> Pick | None:
        slots = available.slots
        if not slots:
            return None
        if available.tried:
            self._again += 1
            return slots[self._again % len(slots)].pick
        turn = self._turn
        if turn >= len(slots):
            turn = 0
        self._turn = turn + 1
        return slots[turn].pick

    def why(self, available: Available, request: Request, pick: Pick | None) -> str:
        return f"its turn, {self._turn} of {len(available.slots)}"
