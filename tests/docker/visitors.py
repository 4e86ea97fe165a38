"""People who click, with a browser's cookies."""

import json
from collections import Counter
from http.cookiejar import CookieJar
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import HTTPCookieProcessor, build_opener


def clicks(url: str, count: int, name: str = "ravi") -> tuple[Counter[str], Counter[str]]:
    """Log in and look at a page `count` times: what the logbooks said, and who served. Raises OSError."""
    browser = build_opener(HTTPCookieProcessor(CookieJar()))
    browser.addheaders = [("Accept", "application/json")]
    form = urlencode({"username": name, "password": f"wristband-{name}"}).encode()
    browser.open(f"{url}/login", form, timeout=10).read()
    outcomes: Counter[str] = Counter()
    servers: Counter[str] = Counter()
    for _ in range(count):
        try:
            page = json.load(browser.open(f"{url}/whoami", timeout=10))
        except HTTPError as failure:
            raise OSError(f"{failure.code} after {sum(outcomes.values())} clicks: {failure.read()[:300]!r}") from None
        outcomes[page["logbook"]] += 1
        servers[page["served_by"]] += 1
    return outcomes, servers
