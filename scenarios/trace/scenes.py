"""What `lab trace` can show: a few clicks, each on a fresh cluster."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

from scenarios.crowd import Crowd
from scenarios.felt import Felt
from scenarios.users import Shopper


@dataclass(frozen=True)
class Scene:
    """How the cluster begins, and what is clicked on it."""

    summary: str
    servers: int
    store: str
    policy: str
    play: Callable[[Crowd], Awaitable[None]]

    @property
    def setting(self) -> str:
        servers = "1 server" if self.servers == 1 else f"{self.servers} servers"
        return f"{servers}, store {self.store}, policy {self.policy}"

    def but(self, servers: int | None, store: str | None, policy: str | None) -> "Scene":
        """The same clicks on another cluster; None keeps what the scene has."""
        return replace(self, servers=servers or self.servers, store=store or self.store, policy=policy or self.policy)


def visitor(crowd: Crowd, name: str = "ravi") -> Shopper:
    return crowd.visitor(name, Felt())


async def login(crowd: Crowd) -> None:
    ravi = visitor(crowd)
    await ravi.log_in()
    await ravi.ask("GET", "/account")


async def five_servers(crowd: Crowd) -> None:
    """Somebody else's click takes the turn of the second server."""
    ravi, other = visitor(crowd), visitor(crowd, "user01")
    await ravi.log_in()
    await other.ask("GET", "/")
    await ravi.ask("GET", "/orders")


async def checkout(crowd: Crowd) -> None:
    ravi = visitor(crowd)
    await ravi.log_in()
    await ravi.ask("POST", "/cart", {"item": "rope", "quantity": "1"})
    await ravi.ask("GET", "/checkout")
    await ravi.ask("POST", "/checkout", {})


SCENES = {
    "login": Scene("the eight steps, from the password to the recognised member", 1, "memory", "round_robin", login),
    "five-servers": Scene("log in on one server, view an order on another", 5, "memory", "round_robin", five_servers),
    "checkout": Scene("three servers, one shared logbook: nobody logs in twice", 3, "redis", "round_robin", checkout),
}
