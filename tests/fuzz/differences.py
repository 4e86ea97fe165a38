"""Where other readers may stop earlier than the balancer, and why that is safe. Nowhere may they read something else.

Each row: the reader, how its reading ended, what it said (the beginning), and the reason. Every row is about a reader
that refuses, or closes, where we read on: the backend then sees fewer requests than we count, never more.
"""

from tests.fuzz.readings import Reading, Seen

KNOWN = {
    # What a client has sent, as it came. Nothing of this reaches a backend in the form that the reader objects to.
    "sent": [
        ("h11", "refused", "no request line received", "an empty line before a request (RFC 9112 2.2) is none for h11"),
        (
            "h11",
            "refused",
            "illegal chunk header",
            "h11 takes no blank before an extension (RFC 9112 7.1.1); it ends here",
        ),
        ("h11", "refused", "Only Transfer-Encoding: chunked is", "a trailer of this name: it ends here"),
        ("h11", "refused", "multiple Transfer-Encoding", "a trailer of this name: it ends here"),
        ("h11", "refused", "bad Content-Length", "a trailer of this name: it ends here"),
        ("h11", "refused", "conflicting Content-Length", "a trailer of this name: it ends here"),
        ("h11", "last", "", "h11 never keeps an HTTP/1.0 connection; we do where Connection: keep-alive asks for it"),
        (
            "llhttp",
            "refused",
            "HPE_INVALID_CONTENT_LENGTH Content-Length can't",
            "a trailer of this name: it ends here",
        ),
        ("llhttp", "refused", "HPE_INVALID_CHUNK_SIZE", "llhttp takes no blank before an extension; it ends here"),
        (
            "llhttp",
            "refused",
            "HPE_STRICT Invalid character in chunk ext",
            "extensions are not looked at, and end here",
        ),
        ("llhttp", "refused", "HPE_INVALID_TRANSFER_ENCODING", "llhttp takes no tab after a value; it goes on without"),
        ("llhttp", "refused", "HPE_INVALID_CONTENT_LENGTH Invalid char", "no tab here either; it goes on without"),
        ("llhttp", "refused", "HPE_INVALID_METHOD", "llhttp has a list of methods; any token is one (RFC 9110 9.1)"),
        ("llhttp", "refused", "HPE_INVALID_VERSION Expected HTTP/2", "llhttp takes PRI for HTTP/2, whatever follows"),
        ("llhttp", "waits", "", "likewise: it waits for the rest of that preface"),
        (
            "llhttp",
            "last",
            "HPE_CLOSED_CONNECTION",
            "llhttp obeys Proxy-Connection: close, no field of HTTP; it ends here",
        ),
    ],
    # What a backend gets: whole, and with one reading, but some will have none of it.
    "forwarded": [
        ("llhttp", "refused", "HPE_INVALID_METHOD", "llhttp has a list of methods; any token is one (RFC 9110 9.1)"),
        ("llhttp", "refused", "HPE_INVALID_VERSION Expected HTTP/2", "llhttp takes PRI for HTTP/2, whatever follows"),
    ],
}


def difference(ours: list[Seen], what: str, reader: str, theirs: Reading) -> str | None:
    """Why the other reader has less of what was 'sent' or 'forwarded' than we have; None: it has the same.
    AssertionError: it has read something else, or nobody knows why it stopped."""
    have = theirs.requests[: len(ours)]
    for mine, other in zip(ours, have, strict=False):
        assert (mine.method, mine.body) == (other.method, other.body), f"{reader} reads {other}"
    if len(have) == len(ours):
        return None
    for name, end, said, reason in KNOWN[what]:
        if (name, end) == (reader, theirs.end) and theirs.why.startswith(said):
            return reason
    raise AssertionError(f"{reader} stops after {len(have)} of {len(ours)} requests: {theirs.end} {theirs.why}")
