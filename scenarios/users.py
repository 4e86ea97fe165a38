"""Virtual users: closed-loop shoppers with a browser's cookie jar, who write down what they feel.

Each user logs in, looks round, fills a cart, checks out, looks at orders - and, when the shop answers as if to a
stranger, does what people do: press reload, or log in again and wonder where the cart went. They see only what a
browser sees (status, headers, body); their counts come from the pages, not from the balancer.

Think times are drawn from 0.5..1.5 times the mean, seeded. That spread is needed: users in lockstep under strict
round robin meet the same server each time and see no fault at all (theory.lockstep_round_robin).
"""

import asyncio
import json
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import urlencode

import aiohttp
from yarl import URL

from scenarios.felt import WORDS, WRITES, Answer, Felt
from scenarios.jar import Jar
from scenarios.shop import ITEMS, credentials
from scenarios.traffic import Traffic

Advice = Literal["none", "try again", "clear your cookies", "another browser"]


@dataclass
class Shopper:
    """One user with one browser. Everything random comes from `rng`, time from `clock` and `sleep`."""

    name: str
    url: str
    rng: random.Random
    http: aiohttp.ClientSession
    traffic: Traffic
    felt: Felt
    think: float = 0.05
    """Mean seconds between an answer and the next request."""
    patience: int = 3
    """How often to show the same ID again before calling it lost for good."""
    advice: Advice = "none"
    """What support told them to do when logged out."""
    complain: Callable[[str, str], None] = lambda user, text: None
    observe: Callable[[Answer], None] = lambda answer: None
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    clock: Callable[[], float] = time.time
    canary: str | None = None
    hopes: int = 0
    """Things this user believes to be in the cart."""
    agent: int = 0
    """Which browser: the User-Agent changes with it."""
    losses: int = 0
    """How often this user was taken for a stranger while believing to be logged in."""
    via: str | None = None
    """The server that answered last."""
    moves: int = 0
    """How often another server answered than the time before."""
    jar: Jar = field(init=False)
    at_the_shop: asyncio.Lock = field(init=False, default_factory=asyncio.Lock)
    """Held while a request is under way, so that a user can be sent home between two of them."""

    def __post_init__(self) -> None:
        self.jar = Jar(self.clock)
        self._base = URL(self.url)

    async def live(self) -> None:
        """Visit the shop again and again, until cancelled."""
        while True:
            if await self.log_in():
                await self.visit()

    async def visit(self) -> None:
        """One visit: eight or so clicks, a checkout at the end, and sometimes a logout."""
        self.canary = (await self.member("GET", "/account", "my account")).page.get("canary") or self.canary
        for _ in range(self.rng.randint(4, 8)):
            await self.rng.choice(
                (self.browse, self.add_to_cart, self.add_to_cart, self.look_at_cart, self.look_at_orders)
            )()
        await self.check_out()
        if self.rng.random() < 0.3:
            await self.log_out()

    async def log_in(self) -> bool:
        """Post the credentials; True when the shop took them."""
        return (await self.ask("POST", "/login", credentials(self.name))).status == 200

    async def browse(self) -> None:
        await self.ask("GET", "/")

    async def add_to_cart(self) -> None:
        item = {"item": self.rng.choice(ITEMS), "quantity": "1"}
        answer = await self.member("POST", "/cart", "add to cart", item)
        if answer.status == 200:
            self.hopes = len(answer.page.get("cart", ()))

    async def look_at_cart(self) -> None:
        await self.member("GET", "/cart", "my cart")

    async def look_at_orders(self) -> None:
        await self.member("GET", "/orders", "view order")

    async def check_out(self) -> None:
        if not self.hopes:
            await self.add_to_cart()
        await self.member("GET", "/checkout", "checkout")
        if not self.hopes:
            return  # the cart turned out to be empty
        answer = await self.member("POST", "/checkout", "place order", {})
        if answer.status == 409:  # logged out on the way: the shop knows them again, and nothing of the order
            self.felt.orders_lost += 1
            self.feel("order lost", "place order")
        self.hopes = 0

    async def log_out(self) -> None:
        """Leave, and check that nobody holding the old cookie can come back (a ghost)."""
        old = self.jar.copy()
        answer = await self.ask("POST", "/logout", {})
        if answer.page.get("logbook") != "hit":
            return  # this server did not know them: nothing was ended, and nothing was promised
        self.hopes = 0
        if (await self.ask("GET", "/whoami", jar=old)).user is not None:
            self.felt.ghosts += 1

    async def views_without_new_login(self, views: int) -> None:
        """Log in once, then look at V pages whatever they say (the setting of theory.replace_law)."""
        self.jar.clear()
        await self.log_in()
        for _ in range(views):
            answer = await self.ask("GET", "/whoami")
            self.felt.views += 1
            self.felt.strange_views += answer.user is None

    async def member(self, method: str, path: str, doing: str, form: dict[str, str] | None = None) -> Answer:
        """Ask for a member's page; as often as the answer is for a stranger, feel it, and do what people do."""
        before = self.jar.copy()
        answer = await self.ask(method, path, form)
        while answer.status == 401:
            if answer.strange:
                self.losses += 1
                self.feel("logged out", doing)
            answer = await self.recover(before, answer, method, path, form)
            before = self.jar.copy()
        if self.hopes and method == "GET" and answer.page.get("cart") == []:
            self.felt.carts_gone += 1
            self.feel("cart gone", doing)
            self.hopes = 0
        return answer

    async def recover(self, before: Jar, lost: Answer, method: str, path: str, form: dict[str, str] | None) -> Answer:
        """React to a logout, and class it: flap (the same cookie works again) or terminal (it never does)."""
        reload = self.advice == "try again" or (self.advice == "none" and self.rng.random() < 0.5)
        if reload and lost.strange:
            answer = await self.show_again(self.jar, lost.sent, method, path, form)
            if answer is not None:
                return answer
            await self.log_in()
            return await self.ask(method, path, form)
        if self.advice in ("clear your cookies", "another browser"):
            self.jar.clear()
            self.agent += self.advice == "another browser"
        if lost.strange:  # before the new login, which would end the old session if it reached its server
            await self.show_again(before, lost.sent, "GET", "/whoami", None)
        await self.log_in()
        return await self.ask(method, path, form)

    async def show_again(
        self, jar: Jar, token: str | None, method: str, path: str, form: dict[str, str] | None
    ) -> Answer | None:
        """Show the lost ID again, `patience` times at most, and class the logout. The answer, if it was a member's."""
        tries = 0
        while (tries := tries + 1) <= self.patience:  # which may change meanwhile
            if jar.value("session_id") != token:
                break  # the server took the cookie away (`clear`, `replace`): this browser cannot show it again
            answer = await self.ask(method, path, form, jar)
            if answer.user is not None:
                self.felt.flaps += 1
                return answer
        self.felt.terminals += 1
        return None

    def feel(self, what: str, doing: str) -> None:
        """Write a ticket about one thing in ten (WRITES); about somebody else's page always."""
        if self.rng.random() < WRITES or what == "somebody else":
            self.complain(self.name, self.rng.choice(WORDS[what]).format(doing=f"'{doing}'"))

    async def ask(self, method: str, path: str, form: dict[str, str] | None = None, jar: Jar | None = None) -> Answer:
        """One request and its answer, counted. The jar takes the answer's cookies."""
        await self.sleep(self.think * self.rng.uniform(0.5, 1.5))
        await self.traffic.turn()
        try:
            async with self.at_the_shop:
                answer = await self._exchange(method, path, form, self.jar if jar is None else jar)
                self.moves += None not in (self.via, answer.via) and answer.via != self.via
                self.via = answer.via or self.via
                self._count(answer)
                self.observe(answer)
        finally:
            await self.traffic.done()  # last of all: who waits for quiet finds every answer counted
        return answer

    async def _exchange(self, method: str, path: str, form: dict[str, str] | None, jar: Jar) -> Answer:
        headers = {"Accept": "application/json", "Lab-User": self.name, "User-Agent": f"browser/{self.agent}"}
        host = self._base.host or ""
        secure = self._base.scheme == "https"
        if cookies := jar.header(host=host, path=path, secure=secure):
            headers["Cookie"] = cookies
        if form is not None:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        sent = jar.value("session_id")
        start = time.perf_counter()
        try:
            async with self.http.request(
                method,
                self._base.join(URL(path)),
                data=None if form is None else urlencode(form),
                headers=headers,
                allow_redirects=False,
            ) as response:
                body = await response.read()
        except (aiohttp.ClientError, TimeoutError, OSError):
            return Answer(0, {}, sent, sent, time.perf_counter() - start)
        jar.store(response.headers.getall("Set-Cookie", ()), host=host, path=path, secure=secure)
        page = json.loads(body) if response.content_type == "application/json" else {}
        kept = jar.value("session_id")
        return Answer(response.status, page, sent, kept, time.perf_counter() - start, page.get("served_by"))

    def _count(self, answer: Answer) -> None:
        for what in self.felt.see(answer, self.name, self.canary):
            if what != "logged out":  # that is felt by who finds no way in: see `member`
                self.feel(what, "")
