"""Whoever has the least to do: the fewest requests in flight for its weight."""

from balancer.policies.base import Available, Pick, Request


class LeastBusy:
    """The fewest requests in flight for its weight; among equals in turn: also idle clusters use every server."""

    def __init__(self) -> None:
        self._turn = 0

    def pick(self, available: Available, request: Request) -> Pick | None:
        slots = available.slots
        if not slots:
            return None
        self._turn = turn = (self._turn + 1) % len(slots)
        best, least = slots[turn], float("inf")
        for backend in (*slots[turn:], *slots[:turn]):
            load = backend.in_flight / backend.weight
            if load < least:
                best, least = backend, load
                if not load:
                    break
        return best.pick
