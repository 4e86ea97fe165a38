"""What ends at this hop: Connection and what it names, origins that clients claim (RFC 9110 section 7.6, RFC 7239)."""

# fmt: off
from tests.conformance.rows import Request, forwarded, get, message, post, refused


def ends_here(source: str, why: str, *lines: str) -> Request:
    return forwarded(source, why, get("A: 1", *lines, "B: 2"), get("A: 1", "B: 2"))


ROWS = [
    # Fields about a connection
    ends_here("RFC 9110 7.6.1", "Connection: keep-alive", "Connection: keep-alive"),
    ends_here("RFC 9110 7.6.1", "Connection in any case", "cONNECTION: Keep-Alive"),
    ends_here("RFC 9110 7.6.1", "an empty Connection", "Connection:"),
    ends_here("RFC 9110 5.6.1", "a Connection of commas", "Connection: , ,,"),
    ends_here("RFC 9110 7.6.1", "a field that Connection names", "Connection: X", "X: hop"),
    ends_here("RFC 9110 7.6.1", "named in other letters", "Connection: x-HOP", "X-Hop: 1"),
    ends_here("RFC 9110 7.6.1", "named before and after it comes, and twice", "X: 1", "Connection: X", "X: 2"),
    ends_here("RFC 9110 7.6.1", "named in a list, with tabs and commas", "Connection: ,Y\t, X ,", "X: 1", "Y: 2"),
    ends_here("RFC 9110 7.6.1", "named in a second Connection", "Connection: keep-alive", "X: 1", "Connection: X"),
    ends_here("RFC 3875 4.1.18", "named with a hyphen, sent with an underscore", "Connection: X-Y", "X_Y: 1"),
    ends_here("RFC 3875 4.1.18", "named with an underscore, sent with a hyphen", "Connection: X_Y", "X-Y: 1"),
    ends_here("RFC 9110 7.6.1", "a field that is not there", "Connection: nobody"),
    ends_here("RFC 9110 7.6.1", "a word that is no field's name", 'Connection: "X", a b, \xe4'),
    ends_here("RFC 9112 9.6", "Keep-Alive", "Keep-Alive: timeout=5, max=100"),
    ends_here("RFC 9110 7.6.1", "Proxy-Connection, which nobody should have sent", "Proxy-Connection: keep-alive"),
    ends_here("RFC 9110 11.7.2", "Proxy-Authorization is for a proxy; a backend is none",
              "Proxy-Authorization: Basic eDp5"),
    ends_here("RFC 9110 10.1.4", "TE", "TE: trailers"),
    ends_here("RFC 9110 10.1.4", "TE, named by Connection as it should be",
              "Connection: TE", "TE: trailers, deflate;q=0.5"),
    ends_here("RFC 9110 7.8", "Upgrade that Connection does not name", "Upgrade: websocket"),
    ends_here("RFC 9110 7.8", "an upgrade to TLS", "Connection: Upgrade", "Upgrade: TLS/1.0"),
    ends_here("RFC 9113 3.1", "an upgrade to HTTP/2: a tunnel past every rule (h2c smuggling, Bishop Fox 2020)",
              "Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA"),
    ends_here("RFC 9113 3.1", "h2c that Connection does not name", "Upgrade: h2c", "HTTP2-Settings: AAMAAABkAARAAAAA"),
    ends_here("RFC 9113 3.1", "h2c in capitals", "Connection: upgrade", "Upgrade: H2C"),
    ends_here("RFC 9113 3.1", "h2c beside websocket: only one of them can be meant",
              "Connection: Upgrade", "Upgrade: websocket, h2c"),
    ends_here("RFC 9113 3.1", "the settings alone", "HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA"),

    # What Connection may not take away
    refused("RFC 9110 7.6.1", "Host", get("Connection: Host")),
    refused("RFC 9110 7.6.1", "Content-Length: the body would be the next request",
            post("Connection: Content-Length", "Content-Length: 5", body="hello")),
    refused("CVE-2026-26365", "Transfer-Encoding (Akamai took it away)",
            post("Connection: close, transfer-encoding", "Transfer-Encoding: chunked", body="0\r\n\r\n")),
    refused("RFC 9110 7.6.1", "Content-Length in disguise", post("Connection: content_length", "Content-Length: 0")),
    refused("RFC 9110 7.6.1", "Cookie: the user would be a stranger", get("Connection: cookie", "Cookie: a=b")),
    refused("RFC 9110 7.6.1", "Authorization", get("Connection: authorization", "Authorization: Basic eDp5")),
    refused("RFC 9110 7.6.1", "Cache-Control, the standard's own example", get("Connection: cache-control")),
    refused("RFC 9110 7.6.1", "Expect", get("Connection: expect")),
    refused("RFC 9110 7.6.1", "Content-Type", post("Connection: content-type", "Content-Length: 0")),
    refused("RFC 9110 7.6.1", "Via", get("Connection: via")),
    forwarded("CVE-2022-31813", "X-Forwarded-For: what the balancer says is said after that (Apache left it out)",
              get("Connection: X-Forwarded-For"), get()),
    forwarded("CVE-2022-31813", "X-Forwarded-Host and -Proto likewise",
              get("Connection: close, X-Forwarded-Host, X-Forwarded-Proto"), get(), after="closed"),
    ends_here("CVE-2022-1388", "a token of the client's own (F5's check of it came before its end)",
              "Connection: X-F5-Auth-Token", "X-F5-Auth-Token: x"),

    # How long the connection lasts
    forwarded("RFC 9112 9.6", "close", get("Connection: close"), get(), after="closed"),
    forwarded("RFC 9112 9.6", "close in capitals", get("Connection: CLOSE"), get(), after="closed"),
    forwarded("RFC 9112 9.6", "close in a list", get("Connection: keep-alive, close"), get(), after="closed"),
    forwarded("RFC 9112 9.6", "close in a second field", get("Connection: keep-alive", "Connection: close"), get(),
              after="closed"),
    forwarded("RFC 9110 7.6.1", "a word that only begins with close", get("Connection: closed"), get()),
    forwarded("RFC 9110 5.6.4", "close in quotes is another word", get('Connection: "close"'), get()),
    forwarded("RFC 9112 9.3", "close against keep-alive, in HTTP/1.0",
              message("GET / HTTP/1.0", "Host: a", "Connection: close, keep-alive"), get(), after="closed"),
    forwarded("RFC 9112 9.3", "Keep-Alive alone does not keep HTTP/1.0",
              message("GET / HTTP/1.0", "Host: a", "Keep-Alive: 300"), get(), after="closed"),
    forwarded("RFC 9112 C.2.2", "nor does Proxy-Connection",
              message("GET / HTTP/1.0", "Host: a", "Proxy-Connection: keep-alive"), get(), after="closed"),

    # Who it comes from
    ends_here("RFC 7239 8.1", "X-Forwarded-For of a client", "X-Forwarded-For: 10.0.0.1"),
    ends_here("RFC 7239 8.1", "two of them", "X-Forwarded-For: 10.0.0.1", "x-forwarded-for: 10.0.0.2"),
    ends_here("RFC 7239 8.1", "X-Forwarded-Proto", "X-Forwarded-Proto: https"),
    ends_here("RFC 7239 8.1", "X-Forwarded-Host", "X-Forwarded-Host: victim"),
    ends_here("RFC 7239 8.1", "X-Forwarded-Port", "X-Forwarded-Port: 443"),
    *(ends_here("RFC 7239 8.1", f"X-Forwarded-{name}, which some framework believes", f"X-Forwarded-{name}: evil")
      for name in ("Prefix", "Ssl", "Scheme", "Protocol", "User", "Server", "By", "Client-Cert")),
    ends_here("RFC 3875 4.1.18", "the same in other letters and punctuation", "x_forwarded_PREFIX: 1",
              "X.Forwarded-Ssl: on", "X-Forwarded~User: root"),
    ends_here("RFC 7239 8.1", "X-Real-IP", "X-Real-IP: 10.0.0.1"),
    ends_here("RFC 7239 8.1", "Forwarded", 'Forwarded: for="[::1]";proto=https'),
    ends_here("RFC 7239 8.1", "Forwarded in capitals", "FORWARDED: for=10.0.0.1"),
    ends_here("CVE-2016-5385", "Proxy, which CGI takes for a setting (httpoxy)", "Proxy: http://evil.test"),
    forwarded("RFC 9110 7.6.3", "Via of the proxies before us stays, ours comes after", get("Via: 1.0 x, 1.1 y")),
    forwarded("RFC 9110 7.6.3", "ours names the version that the client spoke",
              message("GET / HTTP/1.0", "Host: a", "Via: 1.1 x"), get("Via: 1.1 x"), after="closed"),
    forwarded("RFC 7239 8.1", "a name that only begins so goes on", get("X-Forwards: golf")),
]
