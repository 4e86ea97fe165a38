"""One browser in locust: its cookies, its connections, and the answers as its user sees them."""

import time
from typing import Any
from urllib.parse import urlencode, urlsplit

from geventhttpclient.client import HTTPClient, HTTPClientPool
from locust.contrib.fasthttp import FastHttpSession

from scenarios.felt import Answer
from scenarios.jar import Jar
from scenarios.load.eyes import read_page, recognise
from servers.carriers.cookie import CookieCarrier

FORM = "application/x-www-form-urlencoded"
EXPECTED = frozenset({200, 302, 303, 401, 409})
"""Statuses that are the shop's normal ways to answer. A 401 is no failure of the request: that the shop took a member
for a stranger is told in a row of its own. 409 says: your cart is empty."""


class Browser:
    """Uses a user's FastHttpSession, with our jar for http.cookiejar's: that one knows neither the size limit nor the
    `__Host-` prefix, and sends `Secure` cookies over plain http (locust makes it believe that everything is https)."""

    def __init__(self, client: FastHttpSession, base: str, cookie: str, agent: str) -> None:
        self.jar = Jar(time.time)
        self.forwarded_for: str | None = None
        self._client = client
        self._cookie = cookie
        self._carrier = CookieCarrier(cookie)
        self._agent = agent
        base_url = urlsplit(base)
        self.host, self._secure = base_url.hostname or "", base_url.scheme == "https"
        client.base_url = base.rstrip("/")
        client.client.cookiejar = None
        client.client.redirect_response_codes = frozenset()  # type: ignore[misc]  # what the shop answers is what we want to see

    def ask(self, method: str, path: str, form: dict[str, str] | None = None) -> tuple[Answer, str]:
        """One request and its answer, and how we know whether the shop knew us. Fires locust's request event."""
        cookies = self.jar.header(host=self.host, path=path, secure=self._secure)
        sent = self._carrier.read({"Cookie": cookies})
        body = None if form is None else urlencode(form)
        with self._client.request(
            method, path, data=body, headers=self._headers(cookies, form), catch_response=True
        ) as response:
            seconds = response.request_meta["response_time"] / 1e3
            if response.status_code == 0:
                return Answer(0, {}, sent, sent, seconds), ""
            if response.status_code in EXPECTED:
                response.success()
            else:
                response.failure(f"status {response.status_code}")
            return self._see(response, path, sent, seconds)

    def _headers(self, cookies: str, form: dict[str, str] | None) -> dict[str, str]:
        headers = {"Accept": "application/json", "User-Agent": self._agent}
        if cookies:
            headers["Cookie"] = cookies
        if form is not None:
            headers["Content-Type"] = FORM
        if self.forwarded_for is not None:
            headers["X-Forwarded-For"] = self.forwarded_for
        return headers

    def _see(self, response: Any, path: str, sent: str | None, seconds: float) -> tuple[Answer, str]:
        headers, status = response.headers, response.status_code
        self.jar.store(headers.getlist("set-cookie"), host=self.host, path=path, secure=self._secure)
        page = read_page(response.content, headers.get("content-type", ""))
        logbook, told = recognise(page, headers.get("session-outcome"), status, headers.get("location", ""), sent)
        kept = self.jar.value(self._cookie)
        via = page.get("served_by") or headers.get("served-by")
        if via is None and "logbook" not in page and status < 500:
            via = "the shop"  # not one of ours: it does not say which of its servers answered
        return Answer(status, {**page, "logbook": logbook}, sent, kept, seconds, via), told

    def move_to(self, address: str) -> None:
        """Go on from this address of our own machine, on new connections."""
        agent = self._client.client
        before: HTTPClientPool = agent.clientpool
        agent.clientpool = FromAddress(address, before.client_args)
        before.close()


class FromAddress(HTTPClientPool):
    """Connections that come from one of this machine's addresses, such as 127.0.0.9."""

    def __init__(self, address: str, options: dict[str, Any]) -> None:
        super().__init__(**options)
        self._address = address

    def get_client(self, url: Any) -> HTTPClient:
        client = super().get_client(url)
        pool = client._connection_pool  # geventhttpclient has no public way to choose the source address

        def from_address(family: int, kind: int, protocol: int) -> Any:
            made = type(pool)._create_tcp_socket(pool, family, kind, protocol)
            made.bind((self._address, 0))
            return made

        pool._create_tcp_socket = from_address  # type: ignore[method-assign,assignment]
        return client
