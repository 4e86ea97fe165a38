"""The whole table: a chapter a file."""

from tests.conformance.requests import (
    chunks,
    content_length,
    end_to_end,
    expectations,
    field_lines,
    hop_by_hop,
    hosts,
    limits,
    line_ends,
    other_protocols,
    pipelines,
    request_lines,
    targets,
    trailers,
    transfer_encoding,
)
from tests.conformance.responses import bodyless, chunked_answers, early, fields, framing, interim, status_lines
from tests.conformance.rows import Request, Response

REQUESTS: dict[str, list[Request]] = {
    "request lines": request_lines.ROWS,
    "targets": targets.ROWS,
    "hosts": hosts.ROWS,
    "field lines": field_lines.ROWS,
    "line ends": line_ends.ROWS,
    "content-length": content_length.ROWS,
    "transfer-encoding": transfer_encoding.ROWS,
    "chunks": chunks.ROWS,
    "trailers": trailers.ROWS,
    "hop by hop": hop_by_hop.ROWS,
    "expectations": expectations.ROWS,
    "end to end": end_to_end.ROWS,
    "pipelines": pipelines.ROWS,
    "limits": limits.ROWS,
    "other protocols": other_protocols.ROWS,
}
RESPONSES: dict[str, list[Response]] = {
    "status lines": status_lines.ROWS,
    "fields": fields.ROWS,
    "framing": framing.ROWS,
    "chunked": chunked_answers.ROWS,
    "bodyless": bodyless.ROWS,
    "interim": interim.ROWS,
    "early": early.ROWS,
}
