"""Field lines: a name that is a token, a colon right after it, one line (RFC 9112 section 5, RFC 9110 section 5)."""

# fmt: off
from tests.conformance.rows import forwarded, get, message, refused

ROWS = [
    # Blanks
    forwarded("RFC 9112 5", "no blank after the colon", get("X:b")),
    forwarded("RFC 9112 5", "blanks around a value go on: they mean nothing", get("X:  b  ")),
    forwarded("RFC 9112 5", "a tab after the colon", get("X:\tb")),
    forwarded("RFC 9110 5.5", "an empty value", get("X:")),
    forwarded("RFC 9110 5.5", "a value of blanks", get("X:   ")),
    refused("RFC 9112 5.1", "a blank before the colon", get("X : b")),
    refused("RFC 9112 5.1", "a tab before the colon", get("X\t: b")),
    refused("CVE-2016-8743", "a blank inside a name (Apache)", get("X Y: b")),
    refused("RFC 9112 2.2", "a blank before the first field", message("GET / HTTP/1.1", " X: b", "Host: a")),
    refused("RFC 9112 2.2", "a tab before the first field", message("GET / HTTP/1.1", "\tX: b", "Host: a")),
    refused("RFC 9112 2.2", "a line of blanks before the first field", message("GET / HTTP/1.1", "  ", "Host: a")),
    refused("RFC 9112 5.2", "folded", get("X: b", " c")),
    refused("RFC 9112 5.2", "folded by a tab", get("X: b", "\tc")),
    refused("RFC 9112 5.2", "folded, and the continuation looks like a field", get("X: b", " Content-Length: 5")),
    refused("RFC 9112 5.2", "folded, last, and empty", get("X: b", " ")),
    refused("RFC 9112 5.2", "folded after Host", message("GET / HTTP/1.1", "Host: a", " b")),
    refused("RFC 9112 5.2", "Host itself folded (HTTP/1.1 Must Die: a host that only one side sees)",
            message("GET / HTTP/1.1", "Host:", " a")),

    # Names
    refused("CVE-2023-25725", "no name (HAProxy lost the fields after it)", get(": b")),
    refused("CVE-2023-25725", "no name before the framing", get(": b", "Content-Length: 5", body="hello")),
    refused("CVE-2023-25725", "a name that is a blank", get(" : b")),
    refused("CVE-2019-20444", "no colon (Netty)", get("X")),
    refused("RFC 9112 5", "only a colon", get(":")),
    refused("RFC 9110 5.1", "a quoted name", get('"X": b')),
    refused("RFC 9110 5.1", "brackets in a name", get("X[0]: b")),
    refused("RFC 9110 5.1", "an at sign in a name", get("X@: b")),
    refused("RFC 9110 5.1", "a slash in a name", get("X/Y: b")),
    refused("CVE-2024-23829", "a question mark in a name (aiohttp)", get("X?: b")),
    refused("RFC 9110 5.1", "a backslash in a name", get("X\\Y: b")),
    refused("RFC 9110 5.1", "an equals sign in a name", get("X=Y: b")),
    refused("RFC 9110 5.1", "a comma in a name", get("X,Y: b")),
    refused("RFC 9110 5.1", "a parenthesis in a name", get("X(Y): b")),
    refused("CVE-2021-43797", "a control byte first in a name (Netty)", get("\x01X: b")),
    refused("CVE-2021-43797", "a control byte last in a name", get("X\x1f: b")),
    refused("CVE-2019-9900", "a NUL in a name (Envoy)", get("X\0Y: b")),
    refused("RFC 9110 5.1", "DEL in a name", get("X\x7f: b")),
    refused("RFC 9110 5.1", "UTF-8 in a name", get("\xc3\x84: b")),
    refused("RFC 9110 5.1", "a no-break space in a name", get("X\xa0: b")),
    refused("RFC 9113 8.3", "a pseudo field of HTTP/2", get(":path: /admin")),
    refused("RFC 9113 8.3", "a pseudo field for the Host", get(":authority: victim")),
    forwarded("RFC 9110 5.6.2", "all punctuation that a token may hold", get("!#$%&'*+-.^_`|~: b")),
    forwarded("RFC 9110 5.6.2", "a name of one digit", get("0: b")),
    forwarded("RFC 9110 5.5", "a value may hold colons", get("X: b: c: d")),
    forwarded("RFC 9112 5", "two colons: the second belongs to the value", get("X:: b")),
    forwarded("RFC 9110 5.5", "a value that looks like a request line", get("X: GET /smuggled HTTP/1.1")),

    # Underscores: to CGI and WSGI they are hyphens, so two names become one
    forwarded("RFC 3875 4.1.18", "an underscore in a name that means nothing to us goes on", get("X_Y: b")),
    forwarded("RFC 3875 4.1.18", "both spellings stay two fields", get("X_Y: b", "X-Y: c")),
    forwarded("RFC 3875 4.1.18", "an origin forged with underscores ends here",
              get("X_Forwarded_For: 10.0.0.1"), get()),
    forwarded("RFC 3875 4.1.18", "with an underscore and a hyphen", get("X-Forwarded_For: 10.0.0.1"), get()),
    forwarded("RFC 3875 4.1.18", "with dots", get("X.Forwarded.For: 10.0.0.1"), get()),
    forwarded("RFC 3875 4.1.18", "a hop-by-hop field with an underscore ends here, too", get("Keep_Alive: 5"), get()),
    forwarded("RFC 3875 4.1.18", "HTTP2_Settings", get("HTTP2_Settings: AAM"), get()),
    forwarded("RFC 9110 5.1", "an underscore at the end is another name", get("Host_: b")),

    # The same name again
    forwarded("RFC 9110 5.3", "repeated fields stay apart and in order", get("X: b", "Y: c", "X: d")),
    forwarded("RFC 9110 5.3", "repeated in different case", get("X-A: b", "x-a: c")),
    forwarded("RFC 9110 5.3", "the order of fields is kept", get("B: 1", "A: 2", "C: 3")),
    forwarded("RFC 9110 5.1", "the spelling of names is kept", get("x-LOWER-Upper: b")),
]
