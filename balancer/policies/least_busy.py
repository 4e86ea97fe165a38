"""Whoever has the least to do: the fewest requests in flight for its weight."""

from balancer.policies.base import Available, Pick, Request


class LeastBusy:
    """The fewest requests in flight for its weight; among equals in turn: also idle clusters use every server.

    A server that is still warming up is asked only when it is its turn. It has nothing in flight when it comes back,
    and would get every request at once.
    """

    def __init__(self) -> None:
        self._turn = 0

    def pick(self, available: Available, request: Request) -> Pick | None:
        slots, warm = available.slots, available.warm
        if not slots:
            return None
        self._turn = turn = self._turn + 1
        best = slots[turn % len(slots)]
        least = best.in_flight / best.weight
        if least:
            start = turn % len(warm)
            for backend in (*warm[start:], *warm[:start]):
                load = backend.in_flight / backend.weight
                if load < least:
                    best, least = backend, load
                    if not load:
                        break
        return best.pick

    def why(self, available: Available, request: Request, pick: Pick | None) -> str:
        return "nobody has less in flight for its weight; among equals it is its turn"
