"""Every stream in which fuzzing has found something, reduced to what matters: it stays right from now on.

Each row: what a client sends, the targets of the requests that go on, and how the stream ends (readings.Reading).
"""

REQUESTS = {
    # The quick expression lost the start of a group (re, in a possessive loop): SystemError, and no answer.
    "Connection before a field that is watched": (
        b"GET /a HTTP/1.1\r\nConnection: keep-alive\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        [b"/a"], "all",
    ),
    # In one piece it was refused; with a cut between the two blank lines it was served.
    "two blank lines first": (b"\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", [], "refused"),
    "a blank line after a request": (
        b"GET /a HTTP/1.1\r\nHost: a\r\n\r\n\r\nGET /b HTTP/1.1\r\nHost: a\r\n\r\n",
        [b"/a", b"/b"], "all",
    ),
    # It went on with its tab; llhttp will not have it, and who knows what others make of it.
    "a tab after a transfer coding": (
        b"POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding:\t chunked\t\r\n\r\n3\r\nabc\r\n0\r\n\r\n", [b"/a"], "all",
    ),
    "a tab after a length": (b"POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 0003\t\r\n\r\nabc", [b"/a"], "all"),
    # llhttp reads the head of an upgrade, and then a tunnel; we read a request with a body, and forward no upgrade.
    "an upgrade with a body": (
        b"GET /a HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nContent-Length: 3\r\n\r\nabc"
        b"GET /b HTTP/1.1\r\nHost: a\r\n\r\n",
        [b"/a", b"/b"], "all",
    ),
    "a length in a trailer": (
        b"POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nContent-Length: 9\r\n\r\n"
        b"GET /b HTTP/1.1\r\nHost: a\r\n\r\n",
        [b"/a", b"/b"], "all",
    ),
    # Not found in the balancer: what an attempt at mutation (sizes cut to 16 bits) showed to be missing here.
    "a chunk of more bytes than 32 bits count": (
        b"POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n100000005\r\nhello\r\n0\r\n\r\n",
        [], "waits",
    ),
    "a blank before an extension": (
        b"POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3 ;x\r\nabc\r\n0\r\n\r\n", [b"/a"], "all",
    ),
    "Proxy-Connection: close": (
        b"GET /a HTTP/1.1\r\nHost: a\r\nProxy-Connection: close\r\n\r\nGET /b HTTP/1.1\r\nHost: a\r\n\r\n",
        [b"/a", b"/b"], "all",
    ),
}  # fmt: skip

# Method, what the backend sends, whether it then ends the connection, and the outcome (answers.Answer).
ANSWERS = {
    # The same lost start of a group: Connection went on to the client. Node sends its chunked answers so.
    "Connection before a field that is watched": (
        b"GET", b"HTTP/1.1 200 OK\r\nConnection: keep-alive\r\nKeep-Alive: timeout=5\r\n"
        b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", False, "whole",
    ),
    "more than was asked for": (
        b"GET", b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\nHTTP/1.1 200 OK\r\n\r\n", False, "whole",
    ),
    "a body where none may be": (b"HEAD", b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", False, "whole"),
}  # fmt: skip
