"""What is between client and backend goes on: conditions, ranges, dates, cookies; and TRACE and Max-Forwards."""

# fmt: off
from tests.conformance.rows import Request, forwarded, get, message, refused


def untouched(source: str, why: str, *lines: str) -> Request:
    return forwarded(source, why, get(*lines))


def options(*lines: str) -> bytes:
    return message("OPTIONS / HTTP/1.1", "Host: a", *lines)


ROWS = [
    # Conditions and ranges: a balancer without a cache has no opinion
    untouched("RFC 9110 14.2", "a range", "Range: bytes=0-499"),
    untouched("RFC 9110 14.2", "several ranges", "Range: bytes=0-0,5-,-1"),
    untouched("CVE-2011-3192", "very many ranges are the backend's to refuse (Apache)",
              "Range: bytes=0-" + ",".join(f"{n}-" for n in range(400))),
    untouched("RFC 9110 14.2", "a range that makes no sense", "Range: bytes=9-5"),
    untouched("RFC 9110 14.1", "a range in other units", "Range: pages=1-2"),
    untouched("RFC 9110 13.1.1", "If-Match", 'If-Match: "a", W/"b"'),
    untouched("RFC 9110 13.1.2", "If-None-Match: *", "If-None-Match: *"),
    untouched("RFC 9110 13.1.2", "an entity tag of obs-text", 'If-None-Match: "\xe4"'),
    untouched("RFC 9110 13.1.3", "If-Modified-Since", "If-Modified-Since: Sun, 06 Nov 1994 08:49:37 GMT"),
    untouched("RFC 9110 13.1.5", "If-Range beside Range", "Range: bytes=1-", 'If-Range: "a"'),
    untouched("RFC 9110 5.3", "two If-None-Match fields stay two", 'If-None-Match: "a"', 'If-None-Match: "b"'),

    # Dates: three formats, and what is none
    untouched("RFC 9110 5.6.7", "the date of RFC 850", "If-Modified-Since: Sunday, 06-Nov-94 08:49:37 GMT"),
    untouched("RFC 9110 5.6.7", "the date of C's asctime", "If-Modified-Since: Sun Nov  6 08:49:37 1994"),
    untouched("RFC 9110 5.6.7", "no date at all", "If-Modified-Since: yesterday"),
    untouched("RFC 9110 6.6.1", "a Date of the client's own", "Date: Tue, 15 Nov 1994 08:12:31 GMT"),

    # Cookies: one field goes on, whatever came
    untouched("RFC 6265 5.4", "a cookie", "Cookie: a=b; c=d"),
    forwarded("RFC 6265 5.4", "two Cookie fields become one: some servers read only the first",
              get("Cookie: a=1", "Cookie: b=2"), get("Cookie: a=1; b=2")),
    forwarded("RFC 9113 8.2.3", "twenty of them, as translated from HTTP/2",
              get(*(f"Cookie: c{n}={n}" for n in range(20))),
              get("Cookie: " + "; ".join(f"c{n}={n}" for n in range(20)))),
    forwarded("RFC 6265 5.4", "the same name twice stays twice, and in order",
              get("Cookie: session_id=a", "cookie: session_id=b"), get("Cookie: session_id=a; session_id=b")),
    forwarded("RFC 6265 5.4", "an empty one beside another", get("Cookie:", "Cookie: a=1"), get("Cookie: a=1")),
    forwarded("RFC 6265 5.4", "other fields between them stay in order", get("Cookie: a=1", "X: y", "Cookie: b=2"),
              get("X: y", "Cookie: a=1; b=2")),
    untouched("RFC 6265 4.1.1", "commas and quotes in a cookie", 'Cookie: a="b,c"; d=e,f'),
    untouched("RFC 6265 5.4", "a cookie without a value, and one without a name", "Cookie: a; =b; ;"),
    untouched("RFC 2965 3.3.4", "$Version, of a standard that is gone", "Cookie: $Version=1; a=b; $Path=/"),
    untouched("RFC 6265 4.1.1", "obs-text in a cookie", "Cookie: a=\xe4"),

    # The rest of what means nothing to a proxy
    untouched("RFC 9110 11.6.2", "Authorization", "Authorization: Basic eDp5"),
    untouched("RFC 9110 12.5.3", "Accept-Encoding", "Accept-Encoding: gzip;q=1.0, identity; q=0.5, *;q=0"),
    untouched("RFC 9110 8.3", "a Content-Type without content", "Content-Type: text/plain"),
    untouched("RFC 9110 8.3", "two of them: nothing is made of it here", "Content-Type: a/b", "Content-Type: c/d"),
    untouched("RFC 9110 10.1.5", "a User-Agent with comments", "User-Agent: a/1 (b; (c))"),
    untouched("RFC 9110 10.1.3", "a Referer with a fragment", "Referer: http://b/#c"),
    untouched("RFC 9111 5.2", "Cache-Control: only-if-cached", "Cache-Control: no-cache, only-if-cached"),
    untouched("RFC 9111 5.4", "Pragma", "Pragma: no-cache"),
    untouched("RFC 9110 6.6.2", "Trailer without trailers", "Trailer: X"),
    untouched("CVE-2021-44228", "what would harm a logger (Log4j) is a value like any other", "X: ${jndi:ldap://b/}"),
    untouched("CVE-2014-6271", "what would harm a shell (bash) as well", "X: () { :;}; echo"),
    untouched("CVE-2018-14773", "another path in a field is no path to us (Symfony)", "X-Original-URL: /admin"),
    untouched("RFC 9110 9.1", "another method in a field is no method to us", "X-HTTP-Method-Override: DELETE"),

    # TRACE and Max-Forwards
    refused("RFC 9110 9.3.8", "TRACE would show what the balancer adds", message("TRACE / HTTP/1.1", "Host: a"), 405),
    refused("RFC 9110 9.3.8", "TRACE with Max-Forwards",
            message("TRACE / HTTP/1.1", "Host: a", "Max-Forwards: 5"), 405),
    refused("RFC 9110 9.3.8", "TRACE with a body",
            message("TRACE / HTTP/1.1", "Host: a", "Content-Length: 5", body="hello"), 405),
    forwarded("RFC 9110 9.1", "trace in small letters is another method", message("trace / HTTP/1.1", "Host: a")),
    forwarded("RFC 9110 9.1", "TRACK, of old IIS, is nothing to us", message("TRACK / HTTP/1.1", "Host: a")),
    refused("RFC 9110 7.6.2", "OPTIONS that has come to its end is answered here", options("Max-Forwards: 0"), 200),
    refused("RFC 9110 7.6.2", "with zeros", options("Max-Forwards: 000"), 200),
    forwarded("RFC 9110 7.6.2", "OPTIONS with one hop left has none behind us", options("Max-Forwards: 1"),
              options("Max-Forwards: 0")),
    forwarded("RFC 9110 7.6.2", "each hop takes one",
              options("X: y", "max-forwards: 10"), options("X: y", "Max-Forwards: 9")),
    forwarded("RFC 9110 7.6.2", "OPTIONS without it", options()),
    refused("RFC 9110 7.6.2", "no number", options("Max-Forwards: many")),
    refused("RFC 9110 7.6.2", "a negative number", options("Max-Forwards: -1")),
    refused("RFC 9110 7.6.2", "a list", options("Max-Forwards: 5, 5")),
    refused("RFC 9110 7.6.2", "two of them", options("Max-Forwards: 5", "Max-Forwards: 0")),
    untouched("RFC 9110 7.6.2", "Max-Forwards of a GET means nothing, and stays", "Max-Forwards: 0"),
    forwarded("RFC 9110 9.3.7", "OPTIONS as browsers ask before they cross origins",
              options("Origin: http://b", "Access-Control-Request-Method: PUT")),
]
