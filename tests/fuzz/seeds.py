"""Where mutation starts: plain messages of every kind that the balancer knows, the rows of the conformance table, and
pieces that have fooled parsers."""

from tests.conformance import table
from tests.conformance.rows import GET, HEAD, POST

# Requests that are forwarded as they stand.
REQUESTS = [
    b"GET / HTTP/1.1\r\nHost: a\r\n\r\n",
    b"GET /cart?x=1&y=%2f..%00 HTTP/1.1\r\nHost: shop.test:8080\r\nConnection: keep-alive\r\n"
    b"User-Agent: Mozilla/5.0\r\n"
    b"Accept: */*\r\nReferer: http://shop.test/\r\nCookie: a=b; session_id=sess_1\r\n"
    b"Upgrade-Insecure-Requests: 1\r\n\r\n",
    b"HEAD /h HTTP/1.1\r\nHost: [::1]:80\r\nAccept:\r\n\r\n",
    b"OPTIONS * HTTP/1.1\r\nHost: a\r\nMax-Forwards: 7\r\n\r\n",
    b"GET http://a/absolute?q HTTP/1.1\r\nHost: A\r\n\r\n",
    b"GET /old HTTP/1.0\r\n\r\n",
    b"GET /old HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\n\r\n",
    b"GET /last HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
    b"DELETE /d HTTP/1.1\r\nHost: a\r\nIf-Match: \"x\"\r\nX-Forwarded-For: 6.6.6.6\r\nForwarded: for=x\r\n\r\n",
    b"POST /p HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Type: text/plain\r\n\r\nhello",
    b"PUT /p HTTP/1.1\r\ncontent-length:   0005  \r\nHost:a\r\n\r\nhello",
    b"POST /none HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n",
    b"PATCH /w HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\nok",
    b"POST /old HTTP/1.0\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\nabc",
    b"POST /c HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    b"POST /c HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: Chunked\r\nTrailer: X-T\r\n\r\n"
    b"00a;ext=\"v\"\r\n0123456789\r\n1\r\n\n\r\n0;last\r\nX-T: 1\r\nContent-Length: 9\r\n\r\n",
    b"GET /body HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n10\r\nGET /x HTTP/1.1\r\r\n0\r\n\r\n",
    b"GET /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\r\n",
    b"GET /h2c HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n"
    b"HTTP2-Settings: AAA\r\n\r\n",
    b"GET /te HTTP/1.1\r\nHost: a\r\nTE: trailers\r\nConnection: TE, X-Mine\r\nX-Mine: 1\r\nX-Yours: 2\r\n\r\n",
    b"GET /cookies HTTP/1.1\r\nHost: a\r\nCookie: a=1\r\nCookie: session_id=s2\r\nx_y: z\r\n"
    b"X-Bytes: \xe2\x82\xac\t\xff\r\n\r\n",
    b"\r\nGET /after-a-blank HTTP/1.1\r\nHost: a\r\n\r\n",
    b"QUERY /q HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nq",
]  # fmt: skip

# Answers, each with the method that it answers.
RESPONSES = [
    (b"GET", b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"),
    (b"GET", b"HTTP/1.1 200 OK\r\nServer: x\r\nContent-Type: text/html\r\nContent-Length: 5\r\nSet-Cookie: a=b\r\n"
             b"Set-Cookie: session_id=s; Path=/\r\nDate: x\r\nSession-Outcome: new\r\nSession-Age: 1.5\r\n\r\nhello"),
    (b"GET", b"HTTP/1.1 200 OK\r\nDate: x\r\nContent-Length: 2\r\n\r\nok"),
    (b"GET", b"HTTP/1.1 404 X\r\ndate: x\r\nConnection: keep-alive\r\nKeep-Alive: 5\r\nContent-Length: 0\r\n\r\n"),
    (b"GET", b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX: y\r\nDATE:x\r\n\r\nok"),
    (b"GET", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n00\r\n\r\n"),
    (b"GET", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;e=1\r\nabc\r\n0\r\nX-T: 1\r\n"
             b"Set-Cookie: t=1\r\n\r\n"),
    (b"GET", b"HTTP/1.1 200 OK\r\nConnection: keep-alive\r\nKeep-Alive: timeout=5\r\nContent-Length: 0\r\n\r\n"),
    (b"GET", b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nuntil the end"),
    (b"GET", b"HTTP/1.0 200 OK\r\n\r\nuntil the end"),
    (b"GET", b"HTTP/1.0 200 OK\r\nContent-Length: 3\r\nConnection: keep-alive\r\n\r\nold"),
    (b"GET", b"HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n"),
    (b"GET", b"HTTP/1.1 304 Not Modified\r\nETag: \"x\"\r\nContent-Length: 99\r\n\r\n"),
    (b"HEAD", b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n"),
    (b"HEAD", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"),
    (b"GET", b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"
             b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"),
    (b"POST", b"HTTP/1.1 404\r\nContent-Length: 4\r\n\r\ngone"),
    (b"POST", b"HTTP/1.1 500 \xff\t!\r\nContent-Length: 0\r\nConnection: X-Mine\r\nX-Mine: 1\r\n\r\n"),
    (b"GET", b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"),
]  # fmt: skip

# As many plain ones as there are rows in the table, about: from those alone too little would get through.
_MOST = 1500  # bytes
CORPUS = [row.sent for rows in table.REQUESTS.values() for row in rows if len(row.sent) < _MOST] + REQUESTS * 30
ANSWERS = [
    (row.request[:4].strip(), row.sent)
    for rows in table.RESPONSES.values()
    for row in rows
    if row.request in (GET, HEAD, POST) and 0 < len(row.sent) < _MOST
] + RESPONSES * 15

UPGRADES = [
    (b"GET", b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nA: b\r\n\r\n"
             b"\x81\x01a"),
    (b"GET", b"HTTP/1.1 103 x\r\n\r\nHTTP/1.1 101 x\r\nUpgrade: WebSocket\r\nConnection: x, upgrade\r\n\r\n"),
    (b"GET", b"HTTP/1.1 200 OK\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nContent-Length: 1\r\n\r\nx"),
    (b"GET", b"HTTP/1.1 101 x\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\nHTTP/1.1 204 x\r\n\r\n"),
]  # fmt: skip
"""Answers to somebody who wants to speak WebSocket."""

# Field lines that decide where a message ends or whom it is for, straight and in disguise.
FIELDS = [
    b"Content-Length: 5", b"Content-Length: 0", b"Content-Length: +5", b"Content-Length: 5, 5",
    b"Content-Length: 5,6", b"Content-Length: 0x5", b"Content-Length: 5 5", b"Content-Length: -1", b"Content-Length:",
    b"Content-Length: \xb2", b"Content-Length: 99999999999999999999", b"Content-Length: 5;a", b"Content-Length : 5",
    b"Content_Length: 5", b" Content-Length: 5", b"Content-Length\t: 5", b"Content-Length\x00: 5",
    b"Content-Length: 5\x0b", b"cOnTeNt-LeNgTh:5", b"Content-Length: 1_0", b"Content-Length: 4294967301",
    b"Content-Length: 5\r\n ", b"Content-Lengt\x68: 00000000000000000005", b"\x0cContent-Length: 5",
    b"Transfer-Encoding: chunked", b"Transfer-Encoding: CHUNKED", b"Transfer-Encoding: identity",
    b"Transfer-Encoding:", b"Transfer-Encoding: chunked, chunked", b"Transfer-Encoding: gzip, chunked",
    b"Transfer-Encoding: chunked, identity", b"Transfer-Encoding: \"chunked\"", b"Transfer-Encoding: xchunked",
    b"Transfer-Encoding: chunked;q=1", b"Transfer-Encoding:\tchunked", b"Transfer-Encoding: \x0bchunked",
    b"Transfer-Encoding : chunked", b"Transfer_Encoding: chunked", b" Transfer-Encoding: chunked",
    b"Transfer-Encoding:\r\n chunked", b"X: y\nTransfer-Encoding: chunked", b"X: y\rTransfer-Encoding: chunked",
    b"Transfer-Encoding: chunked,", b"Transfer-Encoding: ,chunked", b"Transfer-Encoding: c\xc4\xa7unked",
    b"Transfer-Encoding\x00: chunked", b"Host: b", b"Host:", b"Host: a, b", b"Host: a@b", b"Host: a:80:80",
    b"Host: a/b", b"Host : b", b"HOST: a", b"Host: [::1", b"Host: a b", b"Host: xn--a", b"X-Host: b",
    b"Ho\x73t: a\x00", b"H_ost: a", b"Host: a?x", b"Connection: close", b"Connection: keep-alive",
    b"Connection: close, keep-alive", b"Connection: content-length", b"Connection: transfer-encoding",
    b"Connection: host", b"Connection: x-a, cookie", b"Connection: upgrade", b"Connection: ,", b"Keep-Alive: 5",
    b"Proxy-Connection: close", b"Proxy-Authorization: x", b"TE: trailers, deflate", b"Upgrade: websocket",
    b"Upgrade: h2c", b"Upgrade: WebSocket, h2c", b"HTTP2-Settings: AAMAAABk", b"Trailer: Host",
    b"Expect: 100-continue", b"Expect: 100-Continue", b"Expect: 200-ok", b"Expect:", b"Expect: 100-continue, x",
    b"Cookie: a=b", b"Cookie: session_id=x; session_id=y", b"Cookie:", b"Set-Cookie: session_id=evil", b"X-A: 1",
    b":", b"", b"X-Forwarded-For: 1.2.3.4", b"x_forwarded_for: 1.2.3.4", b"Forwarded: for=1", b"Via: 1.1 x",
    b"X-Real-IP: x", b"X", b"Range: bytes=0-", b"If-None-Match: *", b"Content-Type: multipart/byteranges; boundary=x",
    b"Content-Encoding: gzip", b"Session-Outcome: new", b"Served-By: x", b"X-Obs: \x80\xff", b"X-Nul: \x00",
    b"X-Del: \x7f", b"X-Tab:\t \t", b"X: a\r\n b",
]  # fmt: skip

LINE_ENDS = [
    b"\n", b"\r", b"\r\r\n", b"\n\r", b"\r\n\r\n", b"\r\n ", b"\r\n\t", b" \r\n", b"\x00\r\n", b"\x85", b"\x0b\r\n",
    b"",
]  # fmt: skip

CHUNK_SIZES = [
    b"5", b"05", b"0005", b"A", b"a", b"+5", b"-5", b"0x5", b"5 ", b" 5", b"5\t", b"5;", b"5;a=b", b"5 ; a", b"5;\n",
    b"5;\r", b"5;a=\"\r\n\"", b"5\n", b"", b"g", b"0", b"00", b"-0", b"ffffffffffffffff", b"10000000000000005",
    b"5_0", b"5,5", b"100000005", b"100000000000005", b"5\x00", b"5;a\x00", b"5;\xff", b"1;0\r\n", b"5\r",
    b"fffffffffffffff", b"0;x", b"0 ", b"5" + b";" * 60,
]  # fmt: skip

BYTES = [
    b"\x00", b"\t", b"\n", b"\x0b", b"\r", b"\r\n", b" ", b"#", b",", b"/", b"0", b":", b";", b"\\", b"\x7f", b"\x80",
    b"\xff",
]  # fmt: skip

METHODS = [
    b"GET", b"POST", b"HEAD", b"get", b"CONNECT", b"TRACE", b"PRI", b"G-T", b"G\x00T", b"G(T", b"", b" GET",
    b"M" * 33,
]  # fmt: skip

TARGETS = [
    b"/", b"//", b"/a b", b"*", b"", b"/#f", b"a", b"http://a/", b"http://b/", b"http://a", b"http://a?x",
    b"http://u@a/", b"a:443", b"http:///x", b"ftp://a/", b"HTTPS://a/x", b"http://a:80/", b"/\x7f", b"/\xff", b"/%",
    b"/\\..", b"/a?b?c", b"?x", b"/\tx", b"//a/b", b"/%0d%0aX:%20y", b"http://a/ HTTP/1.1", b"/x HTTP/1.1\r\nX: y",
]  # fmt: skip

VERSIONS = [
    b"HTTP/1.1", b"HTTP/1.0", b"HTTP/0.9", b"HTTP/1.2", b"HTTP/2.0", b"HTTP/01.1", b"http/1.1", b"HTTP/1.1 ",
    b"HTTP/1,1", b"", b"HTTP/11",
]  # fmt: skip

STATUSES = [
    b"HTTP/1.1 200 OK", b"HTTP/1.1 200", b"HTTP/1.1 200 ", b"HTTP/1.0 200 OK", b"HTTP/1.1 204 x", b"HTTP/1.1 304 x",
    b"HTTP/1.1 100 x", b"HTTP/1.1 101 x", b"HTTP/1.1 199 x", b"HTTP/1.1 099 x", b"HTTP/1.1 600 x",
    b"HTTP/1.1  200 OK", b"HTTP/1.1 20 OK", b"HTTP/2 200", b"HTTP/1.1 200 \x00", b"HTTP/1.1\t200 OK", b"ICY 200 OK",
    b" HTTP/1.1 200 OK", b"HTTP/1.1 205 x", b"HTTP/1.1 +200 x",
]  # fmt: skip

_V2 = b"\r\n\r\n\x00\r\nQUIT\n"
PROXY_HEADERS = [
    b"PROXY TCP4 1.2.3.4 5.6.7.8 1000 80\r\nGET / HTTP/1.1\r\n", b"PROXY TCP6 ::1 ::2 1000 80\r\n",
    b"PROXY UNKNOWN\r\n", b"PROXY UNKNOWN ffff::1 ffff::2 1 65535\r\n", _V2 + b"\x20\x00\x00\x00", _V2,
    _V2 + b"\x20\x11\x00\x0c" + b"\x01" * 12,
    _V2 + b"\x21\x11\x00\x0c\x01\x02\x03\x04\x05\x06\x07\x08\x03\xe8\x00\x50GET",
    _V2 + b"\x21\x11\x00\x10\x01\x02\x03\x04\x05\x06\x07\x08\x03\xe8\x00\x50\x04\x00\x01x",
    _V2 + b"\x21\x21\x00\x24" + b"\x00" * 15 + b"\x01" + b"\x00" * 15 + b"\x02\x03\xe8\x00\x50",
]  # fmt: skip
