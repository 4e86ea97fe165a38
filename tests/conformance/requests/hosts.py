"""Host: once, one host, perhaps a port (RFC 9112 section 3.2, RFC 9110 section 7.2)."""

# fmt: off
from tests.conformance.rows import Request, forwarded, get, message, refused


def goes_on(source: str, why: str, host: str) -> Request:
    return forwarded(source, why, get(host=f"Host: {host}"))


def is_none(source: str, why: str, host: str) -> Request:
    return refused(source, why, get(host=f"Host: {host}"))


OLD = "GET / HTTP/1.0"

ROWS = [
    goes_on("RFC 9110 7.2", "a name", "shop.test"),
    goes_on("RFC 9110 7.2", "a port", "shop.test:8080"),
    goes_on("RFC 3986 3.2.3", "an empty port", "shop.test:"),
    goes_on("RFC 9110 7.2", "capitals stay", "Shop.TEST"),
    goes_on("RFC 3986 3.2.2", "an address", "127.0.0.1:80"),
    goes_on("RFC 3986 3.2.2", "an IPv6 address", "[::1]:8080"),
    goes_on("RFC 3986 3.2.2", "an IPv6 address that holds an IPv4 one", "[::ffff:127.0.0.1]"),
    goes_on("RFC 1034 3.1", "a dot at its end", "shop.test."),
    goes_on("RFC 3986 3.2.2", "an underscore, as Docker's names have", "my_app:80"),
    goes_on("RFC 3986 3.2.2", "an escaped letter", "sh%6fp.test"),
    goes_on("RFC 5890 2.3.2.1", "a name of another alphabet, in its ASCII form", "xn--bcher-kva.test"),
    goes_on("RFC 3986 3.2.2", "sub-delims, which a name may hold", "a!$&'()*+;="),
    forwarded("RFC 9112 5", "no blank after the colon: one goes on", get(host="Host:a"), get()),
    forwarded("CVE-2019-18802", "blanks around it end here (Envoy compared them)", get(host="Host: \ta \t"), get()),
    forwarded("RFC 9110 5.1", "its name in any case", get(host="hOST: a")),
    forwarded("RFC 9110 5.3", "it need not come first", message("GET / HTTP/1.1", "X: b", "Host: a")),
    forwarded("RFC 9112 3.2", "HTTP/1.0 may go without: the balancer's own name goes on", message(OLD),
              message("GET / HTTP/1.1", "Host: <ours>"), after="closed"),

    refused("RFC 9112 3.2", "none", message("GET / HTTP/1.1")),
    refused("RFC 9112 3.2", "none, but other fields", message("GET / HTTP/1.1", "X: a")),
    is_none("RFC 9112 3.2", "empty: no http address is without a host", ""),
    refused("RFC 9112 3.2", "empty in HTTP/1.0", message(OLD, "Host:")),
    refused("CVE-2026-34525", "twice (aiohttp)", get("Host: b")),
    refused("RFC 9112 3.2", "twice the same", get("Host: a")),
    refused("RFC 9112 3.2", "twice, in different case", get("HOST: b")),
    refused("RFC 9112 3.2", "twice, far apart", get(*(f"X-{n}: y" for n in range(60)), "Host: b")),
    refused("RFC 9112 3.2", "twice in HTTP/1.0", message(OLD, "Host: a", "Host: b")),
    refused("RFC 9112 3.2", "a second one that is empty", get("Host:")),
    refused("RFC 9112 5.1", "a second one with a blank before the colon", get("Host : b")),
    refused("RFC 9112 2.2", "a second one behind a blank, first of all",
            message("GET / HTTP/1.1", " Host: b", "Host: a")),
    refused("RFC 9112 5.2", "a second one behind a tab, last", get("\tHost: b")),
    forwarded("RFC 9110 5.1", "a name one letter off is another field (HTTP/1.1 Must Die: Xost)", get("Xost: b")),
    refused("HTTP/1.1 Must Die (Kettle 2025)", "only a name one letter off", get(host="Hostt: a")),
    is_none("RFC 9110 5.6.1", "a list", "a, b"),
    is_none("RFC 9110 5.6.1", "a list without a blank", "a,b"),
    is_none("RFC 9110 5.6.3", "two words", "a b"),
    is_none("RFC 9110 5.6.3", "a tab inside", "a\tb"),
    is_none("RFC 9110 7.2", "a user", "u@a"),
    is_none("RFC 9110 7.2", "a port that sits before an at sign", "a:80@victim"),
    is_none("RFC 9110 7.2", "a whole address", "http://a"),
    is_none("RFC 9110 7.2", "a path", "a/b"),
    is_none("RFC 9110 7.2", "a query", "a?b"),
    is_none("RFC 9110 7.2", "a fragment", "a#b"),
    is_none("RFC 9110 7.2", "a backslash", "a\\b"),
    is_none("RFC 3986 3.2.3", "a port that is no number", "a:b"),
    is_none("RFC 3986 3.2.3", "a negative port", "a:-80"),
    is_none("RFC 3986 3.2.3", "a port of six digits", "a:123456"),
    is_none("RFC 3986 3.2.3", "two ports", "a:80:80"),
    is_none("RFC 3986 3.2.3", "a port alone", ":80"),
    is_none("RFC 3986 3.2.2", "an IPv6 address without brackets", "::1"),
    is_none("RFC 3986 3.2.2", "an opening bracket alone", "[::1"),
    is_none("RFC 3986 3.2.2", "a closing bracket alone", "::1]"),
    is_none("RFC 3986 3.2.2", "brackets around a name", "[a]x"),
    is_none("RFC 3986 3.2.2", "letters behind the brackets", "[::1]a"),
    is_none("RFC 6874 4", "a zone, which means nothing outside its machine", "[fe80::1%25lo]"),
    is_none("RFC 9110 5.6.4", "quoted", '"a"'),
    is_none("CVE-2023-29406", "angle brackets (Go's client wrote any Host)", "<a>"),
    is_none("RFC 3986 3.2.2", "a bar", "a|b"),
    is_none("RFC 3986 3.2.2", "a caret", "a^b"),
    is_none("RFC 9110 5.5", "a NUL", "a\0b"),
    is_none("RFC 3986 3.2.2", "a letter above ASCII", "sh\xf6p.test"),
    is_none("CVE-2023-29406", "a CR", "a\rb"),
    is_none("RFC 1034 3.1", "256 letters", "a" * 256),
]
