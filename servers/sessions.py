"""The session: how a server remembers you. The eight steps of a login, top to bottom.

  1  The browser posts user name and password.                      app.py, log_in
  2  The server verifies them.                                       members.py, Passwords.verify
  3  It creates a random session ID.                                 create_id
  4  It stores the ID with what it wants to remember.                Sessions.save
  5  It answers with Set-Cookie: session_id=...                      Visit.stamp
  6  The browser sends the cookie with every request from now on.    sessions_middleware
  7  The server looks the ID up, and knows the user.                 Sessions.load
  8  It answers as to a member.                                      request["session"], request["user"]

It ends at logout (Sessions.destroy) or when it expires. "Unknown" and "the logbook did not open" are never mixed
up: only the first is a logout. Two requests of one session at the same time: the last one to save wins.
"""

import re
import secrets
import warnings
from collections.abc import Callable
from typing import Any

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from servers.carriers.base import Carrier, Header
from servers.gate import Gate
from servers.members import MEMBERS, Member
from servers.session import Session
from servers.stores.base import Clock, Store, StoreFailed

ID_PREFIX = "sess_"
ID_SHAPE = re.compile(r"sess_[A-Za-z0-9_-]{22,86}")
TOMBSTONE = "ended_"  # + ID: a session that was ended on purpose, told apart from one that was lost
TOMBSTONE_LIFE = 3600.0  # seconds at most
GRACE = 3600.0  # seconds that a record outlives its session, so that "expired" can be said of it
STRANGE = {"unknown", "expired", "revoked"}  # outcomes of an ID that makes nobody a member
RETRY_AFTER = "1"  # seconds

# aiohttp recommends typed keys; request["session"] is what every reader knows from other frameworks
warnings.filterwarnings("ignore", "It is recommended to use web.RequestKey", web.NotAppKeyWarning)


# Step 3


def create_id() -> str:
    """128 bits from the system's random source: not to be guessed, and with no meaning of its own."""
    return ID_PREFIX + secrets.token_urlsafe(16)


class Sessions:
    """All sessions of this server, in the store that is in force. Every coroutine may raise StoreFailed."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        *,
        idle_timeout: float,
        absolute_timeout: float,
        new_id: Callable[[], str] = create_id,
    ) -> None:
        self.store = store
        self.clock = clock
        self.gate = Gate()  # a live switch of the store waits here until nobody is using the old one
        self.idle_timeout = idle_timeout
        self.absolute_timeout = absolute_timeout
        self._new_id = new_id

    def create(self, user: str | None = None, data: dict[str, Any] | None = None) -> Session:
        now = self.clock()
        session = Session(self._new_id(), user, now, now, data or {})
        session.changed, session.stored = True, False
        return session

    # Step 4

    async def save(self, session: Session) -> None:
        now = session.last_seen = self.clock()
        await self.store.commit(session.id, session.to_bytes(), self.left(session, now) + GRACE, new=not session.stored)
        session.changed, session.stored = False, True

    def left(self, session: Session, now: float) -> float:
        """Seconds of life left: idle and absolute timeout, whichever comes first; below 0 when it is over."""
        return min(session.last_seen + self.idle_timeout, session.created + self.absolute_timeout) - now

    def is_stale(self, session: Session) -> bool:
        """Time to write the visit down? Not at every request: a read would cost a write each time."""
        return self.clock() - session.last_seen > self.idle_timeout / 10

    # Step 7

    async def load(self, id: str) -> tuple[str, Session | None]:
        """The outcome of a look-up (hit, unknown, expired, revoked), and the session of a hit."""
        if not ID_SHAPE.fullmatch(id):
            return "unknown", None
        record = await self.store.find(id)
        if record is None:
            ended = await self.store.find(TOMBSTONE + id)
            return "unknown" if ended is None else "revoked", None
        try:
            session = Session.from_bytes(id, record)
        except (ValueError, KeyError, TypeError):
            return "unknown", None  # not ours: another program writes to this store
        if self.left(session, self.clock()) <= 0:
            return "expired", None
        return "hit", session

    # The end of a session, and the change of its ID

    async def regenerate(self, old: Session | None, user: str, data: dict[str, Any]) -> Session:
        """A new ID at login, whatever ID came with the request: somebody else may know that one (fixation)."""
        session = self.create(user, data)
        await self.save(session)
        if old is not None:
            await self.destroy(old)
        return session

    async def destroy(self, session: Session) -> None:
        """The tombstone first: at no moment is a session neither known nor ended."""
        left = max(1.0, min(TOMBSTONE_LIFE, self.left(session, self.clock())))
        await self.store.commit(TOMBSTONE + session.id, b"ended", left, new=True)
        await self.store.delete(session.id)


class Visit:
    """What one request brought, and what is to be written on its answer."""

    __slots__ = ("age", "cookie", "gone", "outcome", "sent", "session")

    def __init__(self, sent: str | None) -> None:
        self.sent = sent
        self.outcome = "none"
        self.session: Session | None = None
        self.gone = False  # the user logged out: take the wristband back
        self.age: str | None = None
        self.cookie: Header | None = None

    # Step 5

    def stamp(self, response: web.StreamResponse) -> None:
        headers = response.headers
        headers["Session-Outcome"] = self.outcome
        if self.age is not None:
            headers["Session-Age"] = self.age
        if self.cookie is not None:
            headers.add(*self.cookie)


# Steps 6 to 8


def sessions_middleware(sessions: Sessions, carrier: Carrier, on_unknown: str, free: frozenset[str]) -> Middleware:
    """Looks up before the handler and saves after it. Paths in `free` need no session and get no look-up.

    When the store fails before the handler, the handler decides (`request["visit"].outcome`): the catalogue needs
    no session. When it fails later, nothing was promised yet: 503, and the browser keeps its cookie.
    """

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.path in free:
            return await handler(request)
        visit = request["visit"] = Visit(carrier.read(request.headers))
        await sessions.gate.enter()
        try:
            await arrive(visit)
            request["session"] = visit.session
            request["user"] = _member(visit.session)
            try:
                response = await handler(request)
            except web.HTTPException:
                await depart(visit, request)
                raise
            if not is_settled(visit):
                await depart(visit, request)
            return response
        except StoreFailed as failure:
            visit.outcome, visit.cookie = "store_error", None
            raise unavailable() from failure
        finally:
            sessions.gate.leave()

    async def arrive(visit: Visit) -> None:
        if visit.sent is None:
            return
        try:
            visit.outcome, visit.session = await sessions.load(visit.sent)
        except StoreFailed:
            visit.outcome = "store_error"
        if visit.session is not None:
            now = sessions.clock()
            visit.age = f"{now - visit.session.created:.1f} {now - visit.session.last_seen:.1f}"

    def is_settled(visit: Visit) -> bool:
        """Most requests only read: for them the work ends here."""
        session = visit.session
        if session is None:
            return visit.sent is None
        return session.id == visit.sent and not session.changed and not sessions.is_stale(session)

    async def depart(visit: Visit, request: web.Request) -> None:
        if visit.session is not None and visit.session.changed:
            await sessions.save(visit.session)
        else:
            await tidy(visit)
        secure = request.secure or request.headers.get("X-Forwarded-Proto") == "https"
        if visit.session is not None and visit.session.id != visit.sent:
            visit.cookie = carrier.write(visit.session.id, secure=secure)
        elif visit.gone or (on_unknown == "clear" and visit.outcome in STRANGE):
            visit.cookie = carrier.erase(secure=secure)

    async def tidy(visit: Visit) -> None:
        """What the answer does not depend on; it may fail without anybody noticing."""
        try:
            if visit.session is not None:
                if sessions.is_stale(visit.session):
                    await sessions.save(visit.session)
            elif on_unknown == "replace" and visit.outcome in STRANGE and not visit.gone:
                anonymous = sessions.create()
                await sessions.save(anonymous)
                visit.session = anonymous
        except StoreFailed:
            pass

    return middleware


def unavailable(
    why: str = "we cannot open our logbook right now; keep your wristband",
) -> web.HTTPServiceUnavailable:
    return web.HTTPServiceUnavailable(headers={"Retry-After": RETRY_AFTER}, text=f"{why}; try again in a moment")


def _member(session: Session | None) -> Member | None:
    return None if session is None or session.user is None else MEMBERS.get(session.user)
