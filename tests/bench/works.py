"""What the balancer's benchmark asks, of whom, and the goal that goes with it."""

from dataclasses import dataclass, field

BROWSER_HEAD = {
    "User-Agent": "Mozilla/5.0 (X11; Linux x86_64; rv:133.0) Gecko/20100101 Firefox/133.0",
    "Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
    "Accept-Language": "en-US,en;q=0.5",
    "Accept-Encoding": "gzip, deflate",
    "Referer": "http://shop.test/cart",
    "Cookie": "session_id=sess_0123456789abcdefghijkl; theme=dark",
    "Upgrade-Insecure-Requests": "1",
    "DNT": "1",
    "Sec-Fetch-Mode": "navigate",
}
"""With Host, ten fields: what a browser usually sends."""

VARIED = """
n = 0
request = function()
    n = n + 1
    wrk.headers["Referer"] = "http://shop.test/item/" .. n
    return wrk.format(nil, "/item/" .. n .. "?page=" .. n % 7)
end
"""
LONG = """
n = 0
local pieces = {}
for i = 1, 40 do pieces[i] = "preference_" .. i .. "=0123456789abcdefghijklmnopqrstuvwxyz" end
local jar = table.concat(pieces, "; ")
request = function()
    n = n + 1
    wrk.headers["Referer"] = "http://shop.test/item/" .. n .. "?" .. string.rep("q=camping+gear&", 30)
    wrk.headers["Cookie"] = "session_id=sess_0123456789abcdefghijkl; " .. jar
    return wrk.format(nil, "/item/" .. n)
end
"""
"""About 2.8 kB, and no two alike."""
POST = 'wrk.method = "POST" wrk.body = "item=tent&quantity=1"'
CHUNKED = """
request = function()
    local lines = {"POST / HTTP/1.1"}
    for name, value in pairs(wrk.headers) do lines[#lines + 1] = name .. ": " .. value end
    local head = table.concat(lines, "\\r\\n") .. "\\r\\nTransfer-Encoding: chunked\\r\\n\\r\\n"
    return head .. "9\\r\\nitem=tent\\r\\nb\\r\\n&quantity=1\\r\\n0\\r\\n\\r\\n"
end
"""
UPLOAD = 'wrk.method = "POST" wrk.body = string.rep("x", {} * 1048576)'
STICKY_BACK = """
request = function() return again or wrk.format(nil, "/") end
response = function(status, headers, body)
    local cookie = headers["Set-Cookie"] or headers["set-cookie"]
    if cookie and not again then
        wrk.headers["Cookie"] = wrk.headers["Cookie"] .. "; " .. cookie:match("[^;]+")
        again = wrk.format(nil, "/")
    end
end
"""
THINK = "delay = function() return math.random(1, 4) end"
"""Milliseconds: at 32 connections this asks for about a third of what a core can serve."""
ON_EACH = 'wrk.headers["Connection"] = "close"'


@dataclass(frozen=True)
class Side:
    """One of those compared. `idle`: connections that only rest; `crowd`: connections that take turns."""

    proxy: str
    options: tuple[str, ...] = ()
    backends: int = 2
    idle: int = 0
    crowd: int = 0
    subscriber: bool = False


ALL = {name: Side(name) for name in ("ours", "nginx", "haproxy")}
STICKY = {
    "ours": Side("ours", ("--policy", "sticky_cookie")),
    "haproxy": Side("haproxy", ("cookie lab_server insert indirect nocache",)),
}


@dataclass(frozen=True)
class Work:
    """`goal`: the first side's figures (`judged`) are at most so many times those of `beside`. `longer`: rounds last so
    many times as long."""

    name: str
    what: str
    goal: float
    beside: str = "nginx"
    lua: str = ""
    path: str = "/"
    connections: int = 32
    sides: dict[str, Side] = field(default_factory=lambda: ALL)
    judged: tuple[str, ...] = ("us",)
    sink: bool = False
    longer: int = 1


WORKS = {
    work.name: work
    for work in (
        Work("plain", "a small GET, a browser's head, keep-alive", 1.0),
        Work("sticky-back", "sticky cookie, users who return", 1.0, "haproxy", STICKY_BACK, sides=STICKY),
        Work("sticky-new", "sticky cookie, users who are new", 1.0, "haproxy", sides=STICKY),
        Work("varied", "GETs whose heads differ", 1.2, lua=VARIED),
        Work("long", "heads of 2.8 kB that differ", 1.2, lua=LONG),
        Work("post", "a small POST", 1.2, lua=POST),
        Work("chunked", "a small chunked POST", 1.2, lua=CHUNKED),
        Work("down-1m", "1 MiB to the client", 1.0, path="/files/1m", connections=8),
        Work("down-100m", "100 MiB to the client", 1.0, path="/files/100m", connections=2, longer=6),
        Work("up-1m", "1 MiB to the server", 1.0, lua=UPLOAD.format(1), connections=8, sink=True),
        Work("up-100m", "100 MiB to the server", 1.0, lua=UPLOAD.format(100), connections=2, sink=True, longer=6),
        Work("connect", "a new connection for each request", 1.3, lua=ON_EACH),
        Work(
            "told", "with somebody reading the feed", 1.5, "alone",
            sides={"ours": Side("ours", subscriber=True), "alone": Side("ours")},
        ),
        Work("latency", "latency at a third of the load", 1.2, lua=THINK, judged=("p50_ms", "p99_ms")),
        Work(
            "idle", "beside 10,000 connections at rest", 1.1, "alone",
            sides={"ours": Side("ours", idle=10_000), "alone": Side("ours")},
        ),
        Work(
            "backends", "100 backends beside 1", 1.1, "one",
            sides={"ours": Side("ours", backends=100), "one": Side("ours", backends=1)},
        ),
        Work(
            "crowd", "10,000 connections that take turns beside 10", 1.1, "ten", connections=8,
            sides={"ours": Side("ours", crowd=10_000), "ten": Side("ours", crowd=10),
                   "nginx": Side("nginx", crowd=10_000), "nginx-ten": Side("nginx", crowd=10)},
        ),
    )
}  # fmt: skip


def raw_head() -> str:
    """The browser's request as bytes would spell it."""
    lines = ["GET / HTTP/1.1", "Host: shop.test", *(f"{name}: {value}" for name, value in BROWSER_HEAD.items())]
    return "\r\n".join([*lines, "", ""])
