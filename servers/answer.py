"""How the shop answers: JSON or a page, by the request's Accept; errors too."""

import asyncio
import json
import logging
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import quote

import jinja2
from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from servers.orders import ShopFailed
from servers.session import shorten
from servers.sessions import STRANGE, Visit, unavailable

PAGES = Path(__file__).parent / "pages"
LARGEST_BODY = 65536  # bytes
BODY_PATIENCE = 20.0  # seconds for a body to arrive
PLEASE = "please log in"
STRANGERS = {  # outcome -> what a stranger is told
    "unknown": "we do not know your wristband",
    "expired": "we do not know your wristband any more: its time is over",
    "revoked": "we do not know your wristband any more: it was handed back",
}
PAGE_HEADERS = {
    "Vary": "Accept, Cookie",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Content-Security-Policy": "default-src 'none'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
}
MESSAGES = {
    404: "this shop has no such page",
    405: "this page does not do that",
    413: f"that is too much: at most {LARGEST_BODY} bytes",
}
RANGES = {
    "json": {"application/json": 3, "application/*": 2, "*/*": 1},
    "html": {"text/html": 3, "text/*": 2, "*/*": 1},
}
NAME = web.AppKey("name", str)
log = logging.getLogger("servers")
encode = json.JSONEncoder(separators=(",", ":")).encode
templates = jinja2.Environment(loader=jinja2.FileSystemLoader(PAGES), autoescape=True, auto_reload=False)


class Stranger(web.HTTPUnauthorized):
    """A member's page was asked for by somebody we do not know: first /login, then back to `next`."""

    def __init__(self, visit: Visit, next: str) -> None:
        why = f"&why={visit.outcome}" if visit.outcome in STRANGE else ""
        self.login = f"/login?next={quote(next, safe='')}{why}"
        super().__init__(
            text=STRANGERS.get(visit.outcome, PLEASE),
            headers={"WWW-Authenticate": 'Session realm="members", login="/login"'},
        )


def answer(
    request: web.Request, page: str, /, *, status: int = 200, message: str | None = None, **fields: Any
) -> web.Response:
    """`page` names the template; `fields` are what it shows, and the answer's JSON."""
    visit: Visit | None = request.get("visit")
    session = visit.session if visit else None
    content = {
        "served_by": request.app[NAME],
        "wristband": shorten(visit.sent) if visit and visit.sent else None,
        "logbook": visit.outcome if visit else None,
        "user": session.user if session else None,
        "message": message,
        **fields,
    }
    if wants_json(request.headers.get("Accept", "")):
        headers = {"Content-Type": "application/json", "Vary": "Accept, Cookie"}
        body = encode(content)
    else:
        headers = {"Content-Type": "text/html; charset=utf-8", **PAGE_HEADERS}
        body = templates.get_template(f"{page}.html").render(page=page, status=status, **content)
    if session is not None:
        headers["Cache-Control"] = "no-store"
    return web.Response(body=body.encode(), status=status, headers=headers)


def see_other(path: str) -> web.Response:
    """Sends a browser to a local path (RFC 9110, 15.4.4)."""
    return web.Response(status=303, headers={"Location": path, "Vary": "Accept, Cookie", "Cache-Control": "no-store"})


def answers_middleware(name: str) -> Middleware:
    """The outermost layer: reads the body, makes every error a page, signs the answer."""

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            if request.can_read_body:
                await read_body(request)
            response = await handler(request)
        except web.HTTPException as refusal:
            response = error_page(request, refusal)
        except ShopFailed as failure:
            log.error("%s %s: the orders: %s", request.method, request.path, failure)
            response = error_page(request, unavailable("we cannot reach our order books right now"))
        except Exception:
            log.exception("%s %s", request.method, request.path)
            response = error_page(request, web.HTTPInternalServerError(text="something broke on our side"))
        response.headers["Served-By"] = name
        visit: Visit | None = request.get("visit")
        if visit is not None:
            visit.stamp(response)
        return response

    return middleware


def error_page(request: web.Request, refusal: web.HTTPException) -> web.Response:
    if isinstance(refusal, Stranger):
        if not wants_json(request.headers.get("Accept", "")):
            return see_other(refusal.login)
        response = answer(request, "error", status=401, message=refusal.text, login=refusal.login)
    else:
        message = MESSAGES.get(refusal.status, refusal.text)
        response = answer(request, "error", status=refusal.status, message=message)
    for header in ("Allow", "Retry-After", "WWW-Authenticate"):
        if header in refusal.headers:
            response.headers[header] = refusal.headers[header]
    return response


async def read_body(request: web.Request) -> None:
    """Before the look-up: a slow sender must not keep a session, or a switch of stores, waiting."""
    try:
        async with asyncio.timeout(BODY_PATIENCE):
            await request.read()
    except TimeoutError:
        raise web.HTTPRequestTimeout(text="the request's body did not arrive in time") from None


async def form(request: web.Request) -> dict[str, str]:
    """The fields of a form, urlencoded or JSON. Raises 400 or 415."""
    if not await request.read():
        return {}
    if request.content_type == "application/json":
        try:
            fields = await request.json()
        except ValueError as problem:
            raise web.HTTPBadRequest(text=f"the body is not JSON: {problem}") from None
        if not isinstance(fields, dict):
            raise web.HTTPBadRequest(text="the body is not a JSON object")
        return {key: str(value) for key, value in fields.items()}
    if request.content_type == "application/x-www-form-urlencoded":
        try:
            return {key: str(value) for key, value in (await request.post()).items()}
        except (ValueError, LookupError):
            raise web.HTTPBadRequest(text="the body is not a form in UTF-8") from None
    raise web.HTTPUnsupportedMediaType(text="send application/json or application/x-www-form-urlencoded")


@lru_cache(maxsize=256)
def wants_json(accept: str) -> bool:
    """Does this Accept prefer JSON to HTML (RFC 9110, 12.5.1)? `*/*` and nothing at all mean a page."""
    json, html = (0.0, 0), (0.0, 0)  # quality, and how exactly the range names the type: that settles a tie
    for part in accept.split(","):
        kind, *parameters = (piece.strip().lower() for piece in part.split(";"))
        quality = _quality(parameters)
        json = max(json, (quality, RANGES["json"].get(kind, 0)), key=lambda pair: pair[1])
        html = max(html, (quality, RANGES["html"].get(kind, 0)), key=lambda pair: pair[1])
    return json > html and json[0] > 0


def _quality(parameters: list[str]) -> float:
    for parameter in parameters:
        if parameter.startswith("q="):
            try:
                return float(parameter[2:])
            except ValueError:
                return 0.0
    return 1.0
