"""The balancer's own policies, asked directly: simulations route as the product does."""

import random
from collections.abc import Callable

from balancer.http1 import Request
from balancer.policies import POLICIES, PolicyOptions
from balancer.pool import Backend, Pick, Pool


def pool_of(*weights: int) -> Pool:
    return Pool(Backend(f"server-{n}", "10.9.8.7", 8000 + n, weight=weight) for n, weight in enumerate(weights, 1))


def request(client: str = "10.0.0.1", cookie: bytes = b"") -> Request:
    raw = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
    return Request(raw=raw, method=b"GET", target=b"/", host=b"a", kept=raw[:-2], client=client, cookie=cookie)


def router(policy: str, pool: Pool, seed: int = 1) -> Callable[[Request], Pick]:
    made = POLICIES[policy](PolicyOptions(random.Random(seed), b"secret"))

    def route(asked: Request) -> Pick:
        pick = made.pick(pool.available, asked)
        assert pick is not None
        return pick

    return route


def picker(policy: str, pool: Pool, seed: int = 1) -> Callable[[], Backend]:
    """For policies to which all requests are alike."""
    route, asked = router(policy, pool, seed), request()
    return lambda: route(asked).backend
