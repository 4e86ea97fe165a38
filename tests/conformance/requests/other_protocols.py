"""What is no HTTP/1 at all is refused as soon as it shows (RFC 9112 sections 2 and 3, RFC 9113 section 3.4)."""

# fmt: off
from tests.conformance.rows import refused, unfinished

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

ROWS = [
    refused("RFC 9113 3.4", "the preface of HTTP/2", PREFACE, 505),
    refused("RFC 9113 3.4", "with a frame of settings behind it", PREFACE + b"\0\0\0\x04\0\0\0\0\0", 505),
    refused("RFC 9113 3.4", "the preface with another version, which is a star for PRI",
            b"PRI * HTTP/1.1\r\n\r\nSM\r\n\r\n"),
    refused("RFC 9113 3.4", "the preface with a Host", b"PRI * HTTP/2.0\r\nHost: a\r\n\r\n", 505),
    refused("RFC 1945 4.1", "HTTP/0.9", b"GET /\r\n"),
    refused("CVE-2017-7656", "HTTP/0.9 with fields (Jetty answered it)", b"GET /\r\nHost: a\r\n\r\n"),
    refused("RFC 1945 4.1", "HTTP/0.9 with a bare LF", b"GET /\n"),
    refused("CVE-2017-7656", "HTTP/0.9 as a smuggled line would look", b"POST /\r\n\r\n"),
    unfinished("RFC 1945 4.1", "HTTP/0.9 without an end", b"GET /"),
    refused("RFC 8446 5.1", "TLS: it may ask for HTTPS at the wrong port",
            b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"),
    refused("RFC 6101 5.2", "SSL 2", b"\x80\x2e\x01\x00\x02\x00\x15\x00\x00\x00\x10"),
    refused("RFC 4253 4.2", "SSH", b"SSH-2.0-OpenSSH_9.6\r\n"),
    refused("RFC 5321 4.1.1.1", "SMTP", b"EHLO a\r\n"),
    refused("RFC 7826 20.1", "RTSP, which looks much like it", b"OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n\r\n"),
    refused("RFC 3261 7.1", "SIP", b"INVITE sip:a@b SIP/2.0\r\n\r\n"),
    refused("RFC 3507 4.3.1", "ICAP", b"REQMOD icap://a/x ICAP/1.0\r\nHost: a\r\n\r\n"),
    refused("Redis protocol (RESP)", "a command to Redis", b"*1\r\n$4\r\nPING\r\n"),
    refused("FastCGI 3.3", "FastCGI", b"\x01\x01\x00\x01\x00\x08\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00"),
    refused("PROXY protocol 2.1", "a PROXY line, which only trusted proxies may send, and none here",
            b"PROXY TCP4 10.0.0.1 10.0.0.2 1 2\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n"),
    refused("PROXY protocol 2.2", "the binary form of it",
            b"\r\n\r\n\0\r\nQUIT\n\x21\x11\x00\x0c\x0a\x00\x00\x01\x0a\x00\x00\x02\x00\x01\x00\x02"
            b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"),
    refused("RFC 9112 4", "an answer in place of a request", b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"),
    refused("RFC 9112 3", "JSON", b'{"a": 1}\r\n\r\n'),
    refused("RFC 9112 3", "nothing but NULs", b"\0" * 64),
    refused("RFC 9112 3", "nothing but blanks, and a line's end", b" " * 64 + b"\r\n"),
]
