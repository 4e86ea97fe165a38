"""Which rule each refusal of a request follows. Pure; for people (`balancer --explain`)."""

RULES = {
    "malformed request line": "RFC 9112 section 3",
    "only HTTP/1.1 and HTTP/1.0": "RFC 9110 section 15.6.6",
    "no HTTP/1.1": "RFC 9112 section 2.2",
    "malformed field line": "RFC 9112 section 5",
    "framing field in disguise": "RFC 3875 section 4.1.18: servers that follow CGI read - and _ alike",
    "more than once": "RFC 9110 section 5.3",
    "Connection names an end-to-end field": "RFC 9110 section 7.6.1",
    "Expect knows only": "RFC 9110 section 10.1.1",
    "Max-Forwards": "RFC 9110 section 7.6.2",
    "fields": "RFC 6585 section 5",
    "a head of more than": "RFC 6585 section 5",
    "a request line of more than": "RFC 9110 section 15.5.15",
    "no method is that long": "RFC 9112 section 3",
    "is not served here": "RFC 9110 section 15.5.6; a proxy that serves CONNECT or TRACE opens doors",
    "no Host": "RFC 9112 section 3.2",
    "malformed Host": "RFC 9112 section 3.2",
    "malformed request target": "RFC 9112 section 3.2",
    "the request target and Host disagree": "RFC 9112 section 3.2.2",
    "Transfer-Encoding with Content-Length or in HTTP/1.0": "RFC 9112 sections 6.1 and 6.3",
    "a transfer coding other than chunked": "RFC 9112 section 6.1",
    "malformed Transfer-Encoding": "RFC 9112 section 6.1",
    "malformed Content-Length": "RFC 9110 section 8.6",
    "malformed chunk size": "RFC 9112 section 7.1",
    "no CRLF": "RFC 9112 section 7.1",
    "malformed trailer": "RFC 9112 section 7.1.2",
    "too many trailers": "RFC 6585 section 5",
    "the request's head took too long": "RFC 9110 section 15.5.9",
}
"""Words of the refusal's reason -> the rule."""


def rule_of(why: str) -> str | None:
    return next((rule for words, rule in RULES.items() if words in why), None)
