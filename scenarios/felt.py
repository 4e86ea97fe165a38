"""What a virtual user sees of one answer, feels, adds up and writes to support. Pure."""

from dataclasses import asdict, dataclass
from typing import Any

WRITES = 0.1
"""Share of the bad moments that a user writes a ticket about: most people just sigh."""

STRANGE = frozenset({"unknown", "expired"})
"""What the page says of an ID it was shown and does not know; `revoked` was ended on purpose and is no surprise."""

WORDS = {
    "logged out": (
        "I keep getting logged out!",
        "I clicked {doing} and had to log in. Again.",
        "Who are you, you ask? I just told you!",
    ),
    "cart gone": (
        "My cart is empty again.",
        "I put things in the cart, logged in once more, and they are gone.",
    ),
    "order lost": (
        "I pressed 'place order' and got the login page. Did you take my money?",
        "My order never went through.",
    ),
    "somebody else": ("I see somebody else's account!",),
    "shop down": ("The shop says it is not available.", "Error 503. Is it just me?"),
}


@dataclass
class Felt:
    """What users felt, added up. `with_session` and `logged_out` are the balancer's terms, counted at this end."""

    requests: int = 0
    with_session: int = 0
    logged_out: int = 0
    flaps: int = 0
    terminals: int = 0
    carts_gone: int = 0
    orders_lost: int = 0
    somebody_else: int = 0
    ghosts: int = 0
    unavailable: int = 0
    failed: int = 0
    views: int = 0
    strange_views: int = 0

    def see(self, answer: "Answer", name: str, canary: str | None) -> list[str]:
        """Count one answer to the member `name`; what was wrong with it, in the keys of WORDS."""
        wrong = []
        self.requests += 1
        if answer.status == 0:
            self.failed += 1
        elif answer.status >= 500:
            self.unavailable += 1
            wrong.append("shop down")
        if answer.via is None:
            return wrong  # the balancer's own answer, or none: no server has seen the ID
        self.with_session += answer.sent is not None
        if answer.strange:
            self.logged_out += 1
            wrong.append("logged out")
        foreign_page = canary is not None and answer.page.get("canary", canary) != canary
        if foreign_page or answer.user not in (None, name):
            self.somebody_else += 1
            wrong.append("somebody else")
        return wrong

    def add(self, more: "Felt") -> None:
        for key, count in asdict(more).items():
            setattr(self, key, getattr(self, key) + count)

    def since(self, before: "Felt") -> "Felt":
        """What was felt after the snapshot `before`."""
        now, then = asdict(self), asdict(before)
        return Felt(**{key: now[key] - then[key] for key in now})


@dataclass
class Answer:
    """One answer as a browser sees it. `status` 0: the connection broke before an answer came."""

    status: int
    page: dict[str, Any]
    sent: str | None
    """The session ID that went with the request."""
    kept: str | None
    """The session ID in the jar after the answer."""
    seconds: float
    via: str | None = None
    """Name of the server that says it answered."""

    @property
    def strange(self) -> bool:
        """The ID that was shown is not known here."""
        return self.sent is not None and self.page.get("logbook") in STRANGE

    @property
    def user(self) -> str | None:
        return self.page.get("user")
