"""Messages broken on purpose. Seeded: the same random.Random gives the same messages.

A message is taken apart as its author meant it (start line, field lines, body), one to three things are done to it, and
it is put together again. What comes out is anything from harmless to hopeless.
"""

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from tests.fuzz.seeds import (
    ANSWERS,
    BYTES,
    CHUNK_SIZES,
    CORPUS,
    FIELDS,
    LINE_ENDS,
    METHODS,
    PROXY_HEADERS,
    STATUSES,
    TARGETS,
    VERSIONS,
)


@dataclass
class Parts:
    """`lines[0]` is the start line; each line has its end beside it, so that the end can be another one."""

    lines: list[bytes]
    ends: list[bytes]
    body: bytes

    @classmethod
    def of(cls, raw: bytes) -> "Parts":
        head, _, body = raw.partition(b"\r\n\r\n")
        lines = head.split(b"\r\n")
        return cls(lines, [b"\r\n"] * len(lines), body)

    def joined(self) -> bytes:
        return b"".join(line + end for line, end in zip(self.lines, self.ends, strict=True)) + b"\r\n" + self.body

    def insert(self, at: int, line: bytes) -> None:
        self.lines.insert(at, line)
        self.ends.insert(at, b"\r\n")

    def field(self, rng: Random) -> int:
        """A field line's number; the start line's when there is none."""
        return rng.randrange(1, len(self.lines)) if len(self.lines) > 1 else 0


def add_field(rng: Random, parts: Parts) -> None:
    parts.insert(rng.randint(1, len(parts.lines)), rng.choice(FIELDS))


def repeat_field(rng: Random, parts: Parts) -> None:
    parts.insert(rng.randint(1, len(parts.lines)), parts.lines[parts.field(rng)])


def move_field(rng: Random, parts: Parts) -> None:
    line = parts.lines.pop(at := parts.field(rng))
    parts.ends.pop(at)
    parts.insert(rng.randint(0, len(parts.lines)), line)


def drop_field(rng: Random, parts: Parts) -> None:
    if len(parts.lines) > 1:
        at = parts.field(rng)
        del parts.lines[at], parts.ends[at]


def respell_name(rng: Random, parts: Parts) -> None:
    at = parts.field(rng)
    name, colon, value = parts.lines[at].partition(b":")
    how: Callable[[bytes], bytes] = rng.choice(
        (bytes.upper, bytes.lower, bytes.swapcase, lambda n: n.replace(b"-", b"_"), lambda n: n + rng.choice(BYTES),
         lambda n: rng.choice(BYTES) + n, lambda n: n.replace(b"-", b""), lambda n: n[:-1])
    )  # fmt: skip
    parts.lines[at] = how(name) + colon + value


def respell_value(rng: Random, parts: Parts) -> None:
    at = parts.field(rng)
    name, colon, value = parts.lines[at].partition(b":")
    how: Callable[[bytes], bytes] = rng.choice(
        (bytes.upper, bytes.strip, lambda v: v + rng.choice(BYTES), lambda v: rng.choice(BYTES) + v,
         lambda v: v + b"," + v, lambda v: b'"' + v.strip() + b'"', lambda v: b"\t " + v + b" \t", lambda v: b"",
         lambda v: v * rng.choice((2, 30)))
    )  # fmt: skip
    parts.lines[at] = name + colon + how(value)


def end_a_line_otherwise(rng: Random, parts: Parts) -> None:
    parts.ends[rng.randrange(len(parts.ends))] = rng.choice(LINE_ENDS)


def rewrite_request_line(rng: Random, parts: Parts) -> None:
    words = parts.lines[0].split(b" ")
    which = rng.randrange(4)
    if which == 3:
        parts.lines[0] = rng.choice((b"  ", b"\t", b"\x0b", b" \r")).join(words)
    else:
        words[which % len(words)] = rng.choice((METHODS, TARGETS, VERSIONS)[which])
        parts.lines[0] = b" ".join(words)


def rewrite_status_line(rng: Random, parts: Parts) -> None:
    parts.lines[0] = rng.choice(STATUSES)


def reframe(rng: Random, parts: Parts) -> None:
    """Other fields than before say where the body ends; most of them are right."""
    for at in range(len(parts.lines) - 1, 0, -1):
        if parts.lines[at].lower().startswith((b"content-length", b"transfer-encoding")):
            del parts.lines[at], parts.ends[at]
    content = rng.choice((b"", b"hello", b"0\r\n\r\n", b"GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n", rng.randbytes(9)))
    if rng.random() < 0.4:
        parts.insert(
            rng.randint(1, len(parts.lines)), b"Content-Length: %d" % (len(content) + rng.choice((0, 0, 0, 1, -1)))
        )
        parts.body = content
    else:
        parts.insert(rng.randint(1, len(parts.lines)), b"Transfer-Encoding: chunked")
        parts.body = chunks(rng, content)


def chunks(rng: Random, content: bytes) -> bytes:
    """This content in chunks, in a way that is allowed."""
    out = []
    while content:
        size = rng.randint(1, len(content))
        extension = rng.choice((b"", b"", b"", b";a", b";a=b", b' ;a="b;c"'))
        out.append(rng.choice((b"%x", b"%X", b"0%x")) % size + extension + b"\r\n" + content[:size] + b"\r\n")
        content = content[size:]
    trailer = rng.choice((b"", b"", b"X-T: 1\r\n", b"Content-Length: 5\r\n", b"Host: b\r\nX-U:\r\n"))
    return b"".join(out) + rng.choice((b"0", b"0", b"000", b"0;a")) + b"\r\n" + trailer + b"\r\n"


def break_a_chunk(rng: Random, parts: Parts) -> None:
    """One line in the body is another size, another end, or a field that has no place there."""
    lines = parts.body.split(b"\r\n")
    at = rng.randrange(len(lines))
    which = rng.randrange(4)
    if which == 0:
        lines[at] = rng.choice(CHUNK_SIZES)
    elif which == 1:
        lines.insert(at, rng.choice(FIELDS))
    elif which == 2:
        lines[at] += rng.choice(LINE_ENDS)
    else:
        del lines[at]
    parts.body = b"\r\n".join(lines)


def grow(rng: Random, parts: Parts) -> None:
    """To the edges of the limits, seldom."""
    which = rng.randrange(40)
    if which == 0:
        parts.insert(1, b"X-Long: " + b"x" * rng.choice((4000, 32_700, 33_000)))
    elif which == 1:
        for number in range(rng.choice((88, 92, 98, 101))):
            parts.insert(len(parts.lines), b"X-%d: y" % number)
    elif which == 2:
        parts.body = b"5;" + b"e" * rng.choice((4000, 4090, 4100)) + b"\r\nhello\r\n" + parts.body
    else:
        parts.insert(1, b"X-Pad: " + b"y" * which)


ON_PARTS = (
    add_field, add_field, repeat_field, move_field, drop_field, respell_name, respell_value, end_a_line_otherwise,
    reframe, reframe, break_a_chunk, grow,
)  # fmt: skip
REQUEST_MUTATIONS = (*ON_PARTS, rewrite_request_line)
RESPONSE_MUTATIONS = (*ON_PARTS, rewrite_status_line)


def break_a_byte(rng: Random, raw: bytes) -> bytes:
    at = rng.randrange(len(raw))
    which = rng.randrange(4)
    if which == 0:
        return raw[:at] + bytes((raw[at] ^ (1 << rng.randrange(8)),)) + raw[at + 1 :]
    if which == 1:
        return raw[:at] + rng.choice(BYTES) + raw[at:]
    if which == 2:
        return raw[:at] + raw[at + 1 :]
    return raw[:at] or b"G"


def splice(rng: Random, one: bytes, other: bytes) -> bytes:
    """The first part of one message, the last part of another: cut between lines, or anywhere."""
    if rng.random() < 0.5:
        first, second = one.split(b"\r\n"), other.split(b"\r\n")
        return b"\r\n".join(first[: rng.randint(0, len(first))] + second[rng.randrange(len(second)) :])
    return one[: rng.randint(1, len(one))] + other[rng.randrange(len(other)) :]


def _mutated(
    rng: Random, raw: bytes, others: list[bytes], mutations: tuple[Callable[[Random, Parts], None], ...]
) -> bytes:
    parts = Parts.of(raw)
    for _ in range(rng.choice((0, 1, 1, 1, 2, 3))):
        rng.choice(mutations)(rng, parts)
    raw = parts.joined()
    if rng.random() < 0.1:
        raw = break_a_byte(rng, raw)
    if rng.random() < 0.1:
        raw = splice(rng, raw, rng.choice(others)) or b"\r"
    return raw


def requests(rng: Random, seeds: list[bytes] = CORPUS) -> bytes:
    """What a client sends on one connection: one to three requests, at least one of them mutated."""
    raw = _mutated(rng, rng.choice(seeds), seeds, REQUEST_MUTATIONS)
    which = rng.randrange(8)
    if which == 0:
        raw = rng.choice(seeds) + raw
    elif which == 1:
        raw += _mutated(rng, rng.choice(seeds), seeds, REQUEST_MUTATIONS)
    elif which == 2:
        raw += raw
    return raw


def response(rng: Random, seeds: list[tuple[bytes, bytes]] = ANSWERS) -> tuple[bytes, bytes]:
    """A method, and what a backend sends as an answer to it."""
    method, raw = rng.choice(seeds)
    raw = _mutated(rng, raw, [other for _, other in seeds], RESPONSE_MUTATIONS)
    if rng.random() < 0.15:
        raw += rng.choice(seeds)[1]
    return method, raw


def cut(rng: Random, raw: bytes) -> list[bytes]:
    """The same bytes in pieces: some, or one byte at a time."""
    if len(raw) < 400 and rng.random() < 0.03:
        return [raw[at : at + 1] for at in range(len(raw))]
    places = sorted(rng.randint(1, max(1, len(raw) - 1)) for _ in range(rng.choice((1, 1, 2, 3))))
    return [raw[start:end] for start, end in zip([0, *places], [*places, len(raw)], strict=True) if start < end]


def proxy_header(rng: Random) -> bytes:
    """What a forwarder of the PROXY protocol sends first, broken in at most one place."""
    raw = rng.choice(PROXY_HEADERS)
    return break_a_byte(rng, raw) if rng.random() < 0.7 else raw
