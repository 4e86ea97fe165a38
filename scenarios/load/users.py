"""Who comes to the shop.

One task is one click, so that locust's wait time is the time people think. A user whom locust ends still sees the
answer to the last click, so that every request is counted that was made.
"""

import random
from collections import deque
from collections.abc import Callable, Iterable
from itertools import count
from typing import Any

import gevent
from locust import FastHttpUser, task
from locust.env import Environment

from scenarios.felt import Answer
from scenarios.load.browser import Browser
from scenarios.load.logouts import ROWS, TALLY, happened
from scenarios.shop import ITEMS, MEMBERS, credentials

Step = Callable[[], None]

LONGEST_ANSWER = 30.0  # seconds

numbers = count()  # of the users of this process


class Member(FastHttpUser):
    """Somebody with a browser of their own. Logged out, they log in again and do the same thing once more."""

    abstract = True
    tally = TALLY
    network_timeout = connection_timeout = LONGEST_ANSWER
    idle = 1.0
    """How many times the usual pause lies between their clicks."""

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)
        worker = getattr(environment.runner, "worker_index", 0)
        self.number = next(numbers) * 31 + worker  # another one in every worker
        options: Any = environment.parsed_options
        self.name = MEMBERS[self.number % len(MEMBERS)]  # more users than members: one member, several browsers
        self.rng = random.Random(f"{options.seed}/{type(self).__name__}/{self.number}")
        self.browser = Browser(self.client, self.host or "", options.cookie, f"locust {type(self).__name__}")
        self.think = options.think
        self.canary: str | None = None
        self.hopes = 0  # things this user believes to be in the cart
        self.plan: deque[Step] = deque()
        self.step: Step = self.log_in

    def wait_time(self) -> float:
        """Seconds. Spread out, because users in lockstep under round robin see no fault (theory/turns.py)."""
        return float(self.think * self.idle * self.rng.uniform(0.5, 1.5))

    @task
    def click(self) -> None:
        if not self.plan:
            self.plan.extend(self.visit())
        self.step = self.plan.popleft()
        clicking = gevent.spawn(self.step)
        try:
            clicking.get()
        except gevent.GreenletExit:  # locust ends this user now; the request is on its way, and will be counted
            clicking.join()
            raise

    def visit(self) -> Iterable[Step]:
        """What they mean to do next."""
        raise NotImplementedError

    def ask(self, method: str, path: str, doing: str, form: dict[str, str] | None = None) -> Answer:
        """One request, counted."""
        answer, told = self.browser.ask(method, path, form)
        for what in self.tally.see(answer, told, doing, self.name, self.canary):
            if what in ROWS:
                happened(self.environment.stats, what, doing, answer)
        return answer

    def member(self, method: str, path: str, doing: str, form: dict[str, str] | None = None) -> Answer:
        """Ask for a member's page; to a stranger's answer they log in and take this step once more."""
        answer = self.ask(method, path, doing, form)
        if answer.status == 401 or answer.strange:
            self.plan.extendleft([self.step, self.log_in])
        elif self.hopes and method == "GET" and answer.page.get("cart") == []:
            self.lost("cart gone", doing, answer)
        return answer

    def lost(self, what: str, doing: str, answer: Answer) -> None:
        self.tally.lose(what, doing, answer.via)
        happened(self.environment.stats, what, doing, answer)
        self.hopes = 0

    def log_in(self) -> None:
        self.ask("POST", "/login", "log in", credentials(self.name))

    def browse(self) -> None:
        self.ask("GET", "/", "browse")

    def look_at_account(self) -> None:
        answer = self.member("GET", "/account", "my account")
        self.canary = self.canary or answer.page.get("canary")

    def look_at_cart(self) -> None:
        self.member("GET", "/cart", "my cart")

    def look_at_orders(self) -> None:
        self.member("GET", "/orders", "view order")

    def add_to_cart(self) -> None:
        item = {"item": self.rng.choice(ITEMS), "quantity": "1"}
        answer = self.member("POST", "/cart", "add to cart", item)
        if answer.status == 200:
            self.hopes = len(answer.page.get("cart", ()))

    def check_out(self) -> None:
        if self.hopes:
            self.member("GET", "/checkout", "checkout")

    def place_order(self) -> None:
        if not self.hopes:
            return  # the cart turned out to be empty
        answer = self.member("POST", "/checkout", "place order", {})
        if answer.status == 409:  # logged out on the way: the shop knows them again, and nothing of the order
            self.lost("order lost", "place order", answer)
        elif answer.status == 200:
            self.hopes = 0

    def log_out(self) -> None:
        self.ask("POST", "/logout", "log out", {})
        self.hopes = 0


class Shopper(Member):
    """Logs in, looks round, fills a cart, checks out."""

    weight = 10

    def visit(self) -> Iterable[Step]:
        looks = (self.browse, self.add_to_cart, self.add_to_cart, self.look_at_cart, self.look_at_orders)
        yield from (self.log_in, self.look_at_account)
        yield from self.rng.choices(looks, k=self.rng.randint(4, 8))
        yield from (self.add_to_cart, self.check_out, self.place_order)
        if self.rng.random() < 0.3:
            yield self.log_out


class Lurker(Member):
    """Mostly reads, and is silent for long: idle timeouts are made for them."""

    weight = 4
    idle = 6.0

    def visit(self) -> Iterable[Step]:
        looks = (self.browse, self.browse, self.browse, self.look_at_orders, self.look_at_account)
        yield self.log_in
        yield from self.rng.choices(looks, k=12)


class TwoTabs(Member):
    """Has the shop open twice: two requests of one session at the same moment."""

    weight = 2

    def visit(self) -> Iterable[Step]:
        yield self.log_in
        for _ in range(self.rng.randint(4, 8)):
            yield self.both_tabs
        yield from (self.check_out, self.place_order)

    def both_tabs(self) -> None:
        """One tab reads while the other writes; a stranger's answer in either, or in both: they log in once."""
        before = len(self.plan)
        tabs = [gevent.spawn(self.look_at_orders), gevent.spawn(self.add_to_cart)]
        gevent.joinall(tabs, raise_error=True)
        twice = (len(self.plan) - before) // 2 - 1  # each tab that was refused has planned a login and this step
        for _ in range(2 * twice):
            self.plan.popleft()


class Commuter(Shopper):
    """A shopper whose address changes on the way: from another address of this machine where the shop is on it too,
    else in X-Forwarded-For, which the shop's balancer believes of peers that it trusts."""

    weight = 2

    def visit(self) -> Iterable[Step]:
        for number, step in enumerate(super().visit()):
            if number % 5 == 4:
                yield self.change_trains
            yield step

    def change_trains(self) -> None:
        address = f"127.{self.rng.randrange(1, 255)}.{self.rng.randrange(256)}.{self.rng.randrange(1, 255)}"
        if self.browser.host.startswith("127."):
            self.browser.move_to(address)
        else:
            self.browser.forwarded_for = f"198.51.100.{self.rng.randrange(1, 255)}"  # RFC 5737: nobody's
        self.browse()
