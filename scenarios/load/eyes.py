"""How a user knows whether the shop knew them. Pure: what came over the wire in, the lab's words out.

Three ways, best first. The shop's page says so itself ("logbook"). Or a header does (`Session-Outcome`), when pages are
not the lab's. Or nothing does, as in any shop out there: then it is what a person would call a logout - the browser
showed its session ID, and was sent to the login page all the same.
"""

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

BY_PAGE, BY_HEADER, BY_SIGHT = "page", "header", "sight"
LOGIN_PATHS = ("login", "signin", "sign-in", "sign_in", "log-in")


def read_page(body: bytes | None, content_type: str) -> dict[str, Any]:
    """The page's facts; none when it is no JSON object."""
    if not body or not content_type.startswith("application/json"):
        return {}
    try:
        page = json.loads(body)
    except ValueError:
        return {}
    return page if isinstance(page, dict) else {}


def recognise(
    page: Mapping[str, Any], outcome: str | None, status: int, location: str, sent: str | None
) -> tuple[str, str]:
    """(what the logbook said, how we know). `outcome` is the Session-Outcome header, `location` where we were sent."""
    if isinstance(page.get("logbook"), str):
        return page["logbook"], BY_PAGE
    if outcome:
        return outcome.strip().lower(), BY_HEADER
    if sent is None:
        return "none", BY_SIGHT
    return ("unknown" if status == 401 or leads_to_login(status, location) else "hit"), BY_SIGHT


def leads_to_login(status: int, location: str) -> bool:
    path = urlsplit(location).path.lower()
    return status in (302, 303, 307) and any(name in path for name in LOGIN_PATHS)
