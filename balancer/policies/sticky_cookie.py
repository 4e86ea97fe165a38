"""Back to the server that knows you: the balancer's own cookie remembers it."""

from itertools import islice

from balancer.policies.affinity import AffinityCookie
from balancer.policies.base import Available, Pick, Policy, PolicyOptions, Request
from balancer.pool import Backend

MOST_USERS, LONGEST = 8192, 1024
"""Cookie fields that are known as a whole, and the bytes of each, at most: some 10 MB in all, if they are all that
long."""
MOST_NAMESAKES = 8
"""Cookies of our name in one field that are looked at: each may cost a hash."""


class StickyCookie:
    """The server that the user's own cookie names; for new users, and for those who are moved, another policy chooses.

    Why a user is moved: the server is `gone`, `drained` (and then removed, or told to give its users away), `down` for
    the health checks, or has just `failed` to take this very request; or the cookie is `expired`, or a `bad_cookie`
    that never was one of ours. Moves are counted at the answer that brings the new cookie, so each user counts once;
    requests that a user has in flight at the same time count once each.

    Soft moves users of a server that is down, as HAProxy does with `option redispatch`. Hard moves nobody from a
    server that may come back: None, which is a 503; HAProxy's `option persist` without `redispatch` ends in the same
    after trying. A server that is gone, or gives its users away, was somebody's decision: also hard moves from there.

    With a max age, a cookie is renewed once half of it is over, so only users who stay away that long are moved; and at
    once when it is not of the max age that is asked for now. Age is by the wall clock, as the secret may be shared by
    several machines.
    """

    def __init__(self, options: PolicyOptions, others: Policy) -> None:
        self._cookie = AffinityCookie(options.secret, options.sticky)
        self._hard = options.sticky.mode == "hard"
        self._clock = options.clock
        self._others = others
        self._find = self._cookie.find
        self._seen: Available | None = None

    def pick(self, available: Available, request: Request) -> Pick | None:
        if available is not self._seen:
            self._learn(available)
        known = self._users.get(request.cookie)
        if known is not None:
            return known
        sent = self._find(request.cookie) if request.cookie else None
        if sent is None:
            return self._first(available, request)
        pick = self._homes.get(sent[1])
        if pick is None and (pick := self._look_closer(request.cookie)) is None:
            return self._move(available, request)
        if len(request.cookie) <= LONGEST:
            if len(self._users) >= MOST_USERS:
                self._users.clear()
            self._users[request.cookie] = pick
        return pick

    def why(self, available: Available, request: Request, pick: Pick | None) -> str:
        name = self._cookie.name
        if self._find(request.cookie) is None:
            said = f"no cookie {name}, so a new user"
        elif pick is None:
            return f"the cookie {name} names a server that is not available, and hard moves nobody"
        elif pick.moved is None:
            return f"the cookie {name} names it" + (", and is renewed" if pick.set_cookie else "")
        else:
            said = f"the cookie {name} leads nowhere ({pick.moved}), so the user is moved"
        return f"{said}; {self._others.why(available, request, pick)}"

    def _learn(self, available: Available) -> None:
        """Work out once, for these servers, what would cost every request a hash."""
        self._seen = available
        cookie, now = self._cookie, self._clock()
        self._homes = {cookie.value(b.name, now): b.pick for b in available.kept}
        self._users: dict[bytes, Pick] = {}
        """By the whole Cookie field: whoever comes back costs no search in it."""
        self._firsts = {b: Pick(b, cookie.set_cookie(b.name, now)) for b in available.kept}
        self._known = {cookie.key(b.name): b for b in available.known}
        self._departed: dict[bytes, str] | None = None

    def _first(self, available: Available, request: Request) -> Pick | None:
        other = self._others.pick(available, request)
        return self._firsts[other.backend] if other is not None else None

    def _look_closer(self, cookie: bytes) -> Pick | None:
        """The first is no value of today: the first one that leads anywhere, be it an older one that still holds."""
        for sent in islice(self._cookie.find_all(cookie), MOST_NAMESAKES):
            pick = self._homes.get(sent[1]) or self._older(sent[1])
            if pick is not None:
                return pick
        return None

    def _older(self, value: bytes) -> Pick | None:
        told = self._cookie.read(value, self._clock())
        home = self._known.get(told.key) if told is not None and not told.expired else None
        if told is None or home not in self._firsts:
            return None
        found = self._homes[value] = self._firsts[home] if told.fading else home.pick
        return found

    def _move(self, available: Available, request: Request) -> Pick | None:
        """None of the user's values leads anywhere; the first that names a server tells why, else the first of ours."""
        now, values = self._clock(), islice(self._cookie.find_all(request.cookie), MOST_NAMESAKES)
        ours = [told for sent in values if (told := self._cookie.read(sent[1], now)) is not None]
        told = next((each for each in ours if each.key in self._known and not each.expired), ours[0] if ours else None)
        home = self._known.get(told.key) if told is not None else None
        if told is None:
            why = "bad_cookie"
        elif told.expired:
            why = "expired"
        elif home is None:
            why = self._why_gone(told.key, available)
        else:
            why = _why_not(home, available)
            if self._hard and why != "drained":
                return None
        first = self._first(available, request)
        return first._replace(moved=why) if first is not None else None

    def _why_gone(self, key: bytes, available: Available) -> str:
        if self._departed is None:
            self._departed = {self._cookie.key(name): why for name, why in available.departed.items()}
        return self._departed.get(key, "gone")


def _why_not(home: Backend, available: Available) -> str:
    """Why this server may not be picked for its own user."""
    if home.leaving:
        return "drained"
    return "failed" if home in available.tried else "down"
