"""Request targets: origin-form goes on as it is, absolute-form becomes it, others do not (RFC 9112 section 3.2)."""

# fmt: off
from tests.conformance.rows import Request, forwarded, message, refused


def at(target: str, host: str = "Host: a", method: str = "GET") -> bytes:
    return message(f"{method} {target} HTTP/1.1", host)


def untouched(source: str, why: str, target: str) -> Request:
    return forwarded(source, why, at(target))


ROWS = [
    # Origin-form: what it means is for the backend to say
    untouched("RFC 9112 3.2.1", "a query", "/a?b=c&d"),
    untouched("RFC 9112 3.2.1", "an empty query", "/?"),
    untouched("RFC 9112 3.2.1", "question marks and slashes in a query", "/?a?b/c"),
    untouched("RFC 3986 2.1", "percent-encoding stays encoded", "/%41%2F%2f"),
    untouched("RFC 3986 6.2.2.1", "small letters in percent-encoding stay small", "/%c3%a9"),
    untouched("RFC 3986 2.1", "an escaped NUL", "/%00"),
    untouched("RFC 3986 2.1", "an escaped CRLF stays escaped (nginx's $uri would write it)", "/%0d%0aX:%20b"),
    untouched("RFC 3986 2.1", "an escaped blank, and one as a plus", "/a%20b+c"),
    untouched("RFC 3986 2.1", "an escaped escape is decoded by nobody here", "/%2541"),
    untouched("RFC 3986 2.1", "a percent sign that escapes nothing", "/100%"),
    untouched("RFC 3986 2.1", "percent-encoding of no hexadecimal", "/%zz"),
    untouched("RFC 3986 2.1", "an escaped hash", "/a%23b"),
    untouched("CVE-2019-9901", "dots stay: who removed them here would decide for the backend (Envoy)", "/a/../b/./c"),
    untouched("CVE-2021-41773", "escaped dots stay escaped (Apache)", "/.%2e/%2e./%2e%2e/"),
    untouched("RFC 3986 3.3", "empty segments stay", "/a//b///"),
    untouched("CVE-2021-28861", "two slashes first are a path, not another host (http.server)", "//victim/x"),
    untouched("RFC 3986 3.3", "a path that holds a whole address", "/http://victim/"),
    untouched("RFC 3986 3.3", "a semicolon's parameter (Tomcat reads /b here)", "/a;/../b"),
    untouched("RFC 3986 2.2", "backslashes, which some take for slashes", "/a\\..\\b"),
    untouched("RFC 3986 2.2", "what browsers leave unescaped", "/a|b{c}^`\"<>"),
    untouched("RFC 3986 2.2", "an at sign and a colon", "/@a:80"),
    untouched("RFC 9110 4.1", "8000 bytes, which everybody must take", "/" + "a" * 7999),

    refused("RFC 9112 3.2.1", "a fragment", at("/#a")),
    refused("CVE-2023-45539", "a fragment that hides the end of a path from rules (HAProxy)", at("/admin#.png")),
    refused("CVE-2021-27577", "a fragment in a query (Traffic Server)", at("/?a#b")),
    refused("RFC 9112 3.2.1", "no slash first", at("index.html")),
    refused("RFC 9112 3.2.1", "dots first", at("../etc/passwd")),
    refused("RFC 9112 3.2.1", "a query alone", at("?a=b")),
    refused("RFC 9112 3.2.1", "a backslash first", at("\\a")),
    refused("RFC 9112 3.2.1", "an escaped slash first", at("%2fa")),
    refused("CVE-2013-4547", "a blank inside (nginx)", at("/a b")),
    refused("CVE-2013-4547", "a tab inside", at("/a\tb")),
    refused("CVE-2025-67735", "a CRLF inside, and a field behind it (Netty's client wrote some)",
            at("/ HTTP/1.1\r\nX: b\r\n\r\n")),
    refused("RFC 3986 2", "a NUL inside", at("/a\0b")),
    refused("RFC 3986 2", "a control byte inside", at("/\x01")),
    refused("RFC 3986 2", "DEL inside", at("/\x7f")),
    refused("RFC 3986 2", "UTF-8 that is not escaped", at("/\xc3\xa9")),
    refused("RFC 3986 2", "one byte above ASCII, in a query", at("/?\xff")),

    # Absolute-form
    forwarded("RFC 9112 3.2.2", "absolute-form becomes origin-form", at("http://a/b?c"), at("/b?c")),
    forwarded("RFC 9112 3.2.2", "with no path at all", at("http://a"), at("/")),
    forwarded("RFC 9112 3.2.2", "with a query right after the host", at("http://a?b"), at("/?b")),
    forwarded("RFC 9110 4.2.3", "scheme and host in any case", at("HTTP://A/"), at("/")),
    forwarded("RFC 9110 4.2.2", "https, which we do not speak here: X-Forwarded-Proto says what was spoken",
              at("https://a/"), at("/")),
    forwarded("RFC 9110 4.2.3", "the port that is meant anyway, there", at("http://a:80/"), at("/")),
    forwarded("RFC 9110 4.2.3", "the port that is meant anyway, in Host",
              at("http://a/", "Host: a:80"), at("/", "Host: a:80")),
    forwarded("RFC 9110 4.2.3", "an empty port", at("http://a:/"), at("/")),
    forwarded("RFC 9110 4.2.3", "the port that https means", at("https://a:443/"), at("/")),
    forwarded("RFC 9112 3.2.2", "another port, the same in both",
              at("http://a:81/", "Host: a:81"), at("/", "Host: a:81")),
    forwarded("RFC 3986 3.2.2", "an IPv6 address", at("http://[::1]/", "Host: [::1]"), at("/", "Host: [::1]")),
    forwarded("RFC 9112 3.2.2", "dots and escapes in its path stay", at("http://a/../%2e"), at("/../%2e")),
    forwarded("RFC 9112 3.2.2", "two slashes after the host are the path's", at("http://a//b"), at("//b")),
    forwarded("RFC 9112 3.2.2", "an address in the address's query", at("http://a/?u=http://b/"), at("/?u=http://b/")),
    forwarded("RFC 9112 3.2.2", "in HTTP/1.0, where Host may be missing: the target has it",
              b"GET http://a/b HTTP/1.0\r\n\r\n", at("/b"), after="closed"),
    refused("CVE-2016-4553", "another host than Host says (Squid)", at("http://victim/")),
    refused("CVE-2016-4553", "another port than Host says", at("http://a:81/")),
    refused("RFC 9110 4.2.3", "port 80 of https is another port", at("https://a:80/")),
    refused("RFC 9112 3.2", "absolute-form without Host", b"GET http://a/ HTTP/1.1\r\n\r\n"),
    refused("RFC 9110 4.2.4", "a user", at("http://u@a/")),
    refused("RFC 9110 4.2.4", "a user that looks like the host", at("http://a@victim/", "Host: victim")),
    refused("RFC 9110 4.2.4", "a user with a password", at("http://u:p@a/")),
    refused("RFC 9110 4.2.1", "no host", at("http:///a")),
    refused("RFC 9110 4.2.1", "nothing but a scheme", at("http://")),
    refused("RFC 9110 4.2.1", "one slash", at("http:/a/")),
    refused("RFC 9110 4.2.1", "no slashes", at("http:a/")),
    refused("RFC 9110 4.2.1", "a backslash in the host, which browsers take for a slash", at("http://a\\b/")),
    refused("RFC 9110 4.2.1", "another scheme", at("ftp://a/")),
    refused("RFC 9110 4.2.1", "a file", at("file:///etc/passwd")),
    refused("RFC 9110 4.2.1", "a scheme for browsers", at("javascript:alert(1)")),
    refused("RFC 9110 4.2.1", "a port that is none", at("http://a:b/")),
    refused("RFC 9110 4.2.1", "a list of hosts", at("http://a,b/")),
    refused("RFC 9110 7.1", "a fragment of an address", at("http://a/#b")),

    # Authority-form and asterisk-form
    refused("RFC 9112 3.2.3", "authority-form for GET", at("a:80")),
    refused("RFC 9112 3.2.3", "authority-form for POST", at("a:80", method="POST")),
    refused("RFC 9112 3.2.3", "an authority with a path", at("a:80/b")),
    forwarded("RFC 9112 3.2.4", "a star for OPTIONS", at("*", method="OPTIONS")),
    forwarded("RFC 9112 3.2.4", "OPTIONS of an address without a path means the star", at("http://a", method="OPTIONS"),
              at("*", method="OPTIONS")),
    forwarded("RFC 9112 3.2.4", "OPTIONS of an address with a path means the path", at("http://a/", method="OPTIONS"),
              at("/", method="OPTIONS")),
    refused("RFC 9112 3.2.4", "a star for GET", at("*")),
    refused("RFC 9112 3.2.4", "a star for options in small letters, which is another method",
            at("*", method="options")),
    refused("RFC 9112 3.2.4", "two stars", at("**", method="OPTIONS")),
    refused("RFC 9112 3.2.4", "a star with a query", at("*?a", method="OPTIONS")),
]
