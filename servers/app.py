"""The shop: its routes, one small coroutine each."""

import secrets
import time
from functools import cache
from typing import Any

from aiohttp import web
from yarl import URL

from servers.answer import (
    LARGEST_BODY,
    NAME,
    PAGES,
    STRANGERS,
    Stranger,
    answer,
    answers_middleware,
    form,
    see_other,
    wants_json,
)
from servers.carriers import CARRIERS
from servers.catalogue import CATALOGUE, MOST, lines, total
from servers.config import ServerConfig
from servers.members import Member, Passwords
from servers.orders import Orders
from servers.session import Session
from servers.sessions import Sessions, Visit, sessions_middleware, unavailable
from servers.shop import SHOP, Shop, count
from servers.stores.base import Clock, Store

FREE = frozenset({"/health", "/style.css"})  # no session, so no look-up and no Session-Outcome


def make_app(config: ServerConfig, store: Store, orders: Orders, clock: Clock = time.time) -> web.Application:
    """The store and the orders are opened, and closed, by the caller."""
    sessions = Sessions(store, clock, idle_timeout=config.idle_timeout, absolute_timeout=config.absolute_timeout)
    shop = Shop(config, sessions, orders, Passwords(config.passwords))
    carrier = CARRIERS["cookie"]()
    app = web.Application(
        client_max_size=LARGEST_BODY,
        middlewares=[
            count(shop),
            answers_middleware(config.name),
            sessions_middleware(sessions, carrier, config.on_unknown, FREE),
        ],
    )
    app[NAME], app[SHOP] = config.name, shop
    app.add_routes(
        [
            web.get("/", catalogue),
            web.get("/login", login_page),
            web.post("/login", log_in),
            web.post("/logout", log_out),
            web.get("/cart", cart),
            web.post("/cart", add_to_cart),
            web.get("/checkout", checkout),
            web.post("/checkout", place_order),
            web.get("/orders", orders_page),
            web.get("/account", account),
            web.get("/whoami", whoami),
            web.get("/health", health),
            web.get("/style.css", style),
        ]
    )
    return app


async def catalogue(request: web.Request) -> web.Response:
    return answer(request, "catalogue", items=[item._asdict() for item in CATALOGUE.values()])


async def login_page(request: web.Request) -> web.Response:
    why = request.query.get("why", require_logbook(request).outcome)
    return answer(request, "login", message=STRANGERS.get(why), next=local_path(request.query.get("next", "")))


async def log_in(request: web.Request) -> web.Response:
    """Steps 1 to 5. A cart filled before goes along, unless it was somebody else's."""
    visit = require_logbook(request)
    shop = request.app[SHOP]
    fields = await form(request)
    next = local_path(fields.get("next", ""))
    name = fields.get("username", "").strip().lower()
    member = await shop.passwords.verify(name, fields.get("password", ""))
    if member is None:
        return answer(request, "login", status=401, message="user name or password is wrong", next=next)
    kept = dict(visit.session) if visit.session and visit.session.user in (None, member.name) else {}
    facts = {"member_number": member.number, "address": member.address, "payment": member.payment}
    visit.session = await shop.sessions.regenerate(visit.session, member.name, {**kept, **facts})
    if visit.sent is None:
        visit.outcome = "new"
    return answer(request, "login", next=next) if asks_json(request) else see_other(next)


async def log_out(request: web.Request) -> web.Response:
    visit = require_logbook(request)
    if visit.session is not None:
        await request.app[SHOP].sessions.destroy(visit.session)
    visit.session, visit.gone = None, True
    message = "you have handed your wristband back"
    return answer(request, "whoami", message=message) if asks_json(request) else see_other("/")


async def cart(request: web.Request) -> web.Response:
    _, session = require_member(request)
    return answer(request, "cart", **priced(session))


async def add_to_cart(request: web.Request) -> web.Response:
    _, session = require_member(request)
    fields = await form(request)
    item, quantity = fields.get("item", ""), fields.get("quantity", "1")
    if item not in CATALOGUE:
        raise web.HTTPBadRequest(text=f"the shop has no {item!r}; it has {', '.join(CATALOGUE)}")
    if not (quantity.isascii() and quantity.isdigit() and len(quantity) < 3 and int(quantity) > 0):
        raise web.HTTPBadRequest(text=f"a quantity is a number from 1 to {MOST}")
    chosen = session.get("cart", {})
    session["cart"] = {**chosen, item: min(MOST, chosen.get(item, 0) + int(quantity))}
    session.setdefault("cart_id", secrets.token_hex(8))
    return answer(request, "cart", **priced(session)) if asks_json(request) else see_other("/cart")


async def checkout(request: web.Request) -> web.Response:
    """Nobody says again who they are: address and payment come from the session."""
    _, session = require_member(request)
    return answer(request, "checkout", **priced(session), address=session["address"], payment=session["payment"])


async def place_order(request: web.Request) -> web.Response:
    """Sent twice (by an impatient user, or after a store failure), it is still one order: see Orders.place."""
    member, session = require_member(request)
    shown = priced(session)
    if not shown["cart"]:
        raise web.HTTPConflict(text="your cart is empty")
    shop = request.app[SHOP]
    now = shop.sessions.clock()
    order = await shop.orders.place(member.name, session["cart_id"], shown["cart"], shown["total"], now)
    del session["cart"], session["cart_id"]
    return answer(request, "order", order=order)


async def orders_page(request: web.Request) -> web.Response:
    member, _ = require_member(request)
    return answer(request, "orders", orders=await request.app[SHOP].orders.of(member.name))


async def account(request: web.Request) -> web.Response:
    member, _ = require_member(request)
    return answer(
        request,
        "account",
        member_number=member.number,
        name=member.name,
        address=member.address,
        payment=member.payment,
        canary=member.canary,
    )


async def whoami(request: web.Request) -> web.Response:
    require_logbook(request)
    return answer(request, "whoami")


async def health(request: web.Request) -> web.Response:
    return web.json_response({"status": "ok", "served_by": request.app[NAME]})


async def style(request: web.Request) -> web.Response:
    return web.Response(text=_style(), content_type="text/css", headers={"Cache-Control": "max-age=300"})


def require_logbook(request: web.Request) -> Visit:
    """Without an answer from the store nobody may be called a stranger: 503, and the wristband stays good."""
    visit: Visit = request["visit"]
    if visit.outcome == "store_error":
        raise unavailable()
    return visit


def require_member(request: web.Request) -> tuple[Member, Session]:
    visit = require_logbook(request)
    member: Member | None = request["user"]
    if member is None or visit.session is None:
        raise Stranger(visit, request.path_qs if request.method in ("GET", "HEAD") else request.path)
    return member, visit.session


def local_path(path: str) -> str:
    """Where to go after login: a path of this shop, else `/`. Browsers take //evil and /\\evil for other hosts."""
    if not path.startswith("/") or "//" in path.partition("?")[0] or "\\" in path or not path.isprintable():
        return "/"
    try:
        return str(URL(path))
    except ValueError:
        return "/"


def asks_json(request: web.Request) -> bool:
    return wants_json(request.headers.get("Accept", ""))


def priced(session: Session) -> dict[str, Any]:
    shown = lines(session.get("cart", {}))
    return {"cart": shown, "total": total(shown)}


@cache
def _style() -> str:
    return (PAGES / "style.css").read_text()
