"""Transfer-Encoding: `chunked`, once, alone, in HTTP/1.1; anything else is refused (RFC 9112 sections 6 and 7)."""

# fmt: off
from tests.conformance.rows import forwarded, get, message, post, refused

BODY = "5\r\nhello\r\n0\r\n\r\n"


def coding(value: str, *others: str) -> bytes:
    return post(f"Transfer-Encoding: {value}", *others, body=BODY)


PLAIN = coding("chunked")

ROWS = [
    # What it may be
    forwarded("RFC 9112 7.1", "chunked", PLAIN),
    forwarded("RFC 9112 7", "in capitals: goes on in small letters", coding("CHUNKED"), PLAIN),
    forwarded("RFC 9112 7", "in mixed case: goes on in small letters", coding("cHuNkEd"), PLAIN),
    forwarded("RFC 9112 5", "a tab before it ends here", post("Transfer-Encoding:\tchunked", body=BODY), PLAIN),
    forwarded("RFC 9112 5", "a tab after it ends here", coding("chunked\t"), PLAIN),
    forwarded("RFC 9112 5", "blanks around it end here", coding("  chunked  "), PLAIN),
    forwarded("RFC 9112 5", "no blank after the colon: one goes on",
              post("Transfer-Encoding:chunked", body=BODY), PLAIN),
    forwarded("RFC 9110 5.1", "its name in any case", post("tRANSFER-ENCODING: chunked", body=BODY)),
    forwarded("RFC 9110 9.3.1", "a GET has a chunked body, too (TE.0)", get("Transfer-Encoding: chunked", body=BODY)),
    forwarded("RFC 9110 9.3.7", "so has OPTIONS (TE.0 at Google's load balancer)",
              message("OPTIONS / HTTP/1.1", "Host: a", "Transfer-Encoding: chunked", body=BODY)),
    forwarded("RFC 9112 6.1", "an empty chunked body", post("Transfer-Encoding: chunked", body="0\r\n\r\n")),
    forwarded("RFC 9112 6.3", "a chunk that looks like a request stays a chunk",
              post("Transfer-Encoding: chunked", body="21\r\nGET /x HTTP/1.1\r\nHost: victim\r\n\r\n\r\n0\r\n\r\n")),

    # With Content-Length
    refused("CVE-2024-47220", "with Content-Length before it (WEBrick)",
            post("Content-Length: 5", "Transfer-Encoding: chunked", body=BODY)),
    refused("CVE-2020-10109", "with Content-Length after it (Twisted took the length)",
            coding("chunked", "Content-Length: 5")),
    refused("CVE-2019-20445", "with Content-Length: 0 (Netty)", coding("chunked", "Content-Length: 0")),
    refused("RFC 9112 6.1", "with the length that the whole body has", coding("chunked", "Content-Length: 15")),
    refused("RFC 9112 6.3", "with two lengths", coding("chunked", "Content-Length: 5", "Content-Length: 5")),
    refused("RFC 9112 6.1", "both in a GET", get("Content-Length: 5", "Transfer-Encoding: chunked", body=BODY)),
    refused("CVE-2023-40225", "with an empty length", coding("chunked", "Content-Length:")),
    refused("CVE-2024-1135", "an unknown coding with a length (gunicorn)", coding("xchunked", "Content-Length: 5")),
    refused("CVE-2020-1935", "an empty coding with a length (Tomcat)", coding("", "Content-Length: 5")),
    refused("RFC 9112 6.1", "identity with a length", coding("identity", "Content-Length: 5")),
    refused("RFC 9110 7.6.1", "with a length that Connection would take away on the way",
            coding("chunked", "Content-Length: 5", "Connection: content-length")),

    # In HTTP/1.0
    refused("RFC 9112 6.1", "in HTTP/1.0",
            message("POST / HTTP/1.0", "Host: a", "Transfer-Encoding: chunked", body=BODY)),
    refused("CVE-2026-2835", "in HTTP/1.0 with keep-alive (Pingora)",
            message("POST / HTTP/1.0", "Host: a", "Connection: keep-alive", "Transfer-Encoding: chunked", body=BODY)),
    refused("CVE-2021-33037", "in HTTP/1.0 with a length (Tomcat ignored the coding)",
            message("POST / HTTP/1.0", "Host: a", "Transfer-Encoding: chunked", "Content-Length: 5", body=BODY)),

    # Other codings
    refused("RFC 9112 6.1", "gzip before chunked: a coding that we do not know", coding("gzip, chunked"), 501),
    refused("RFC 9112 6.1", "deflate before chunked", coding("deflate,chunked"), 501),
    refused("RFC 9112 6.3", "gzip last: the length cannot be known", coding("gzip")),
    refused("RFC 9112 6.3", "chunked not last", coding("chunked, gzip")),
    refused("CVE-2024-6827", "an unknown coding (gunicorn fell back to Content-Length)", coding("cow")),
    refused("CVE-2020-25613", "a coding that begins like chunked (WEBrick)", coding("chunkedx")),
    refused("CVE-2022-1705", "a coding that ends like chunked (Go)", coding("xchunked")),
    refused("CVE-2022-32213", "chunked in the middle of a word (node)", coding("chunkedchunked")),
    refused("RFC 9112 7", "identity, which was never of use and is gone", coding("identity")),
    refused("CVE-2021-33037", "chunked, identity (Tomcat)", coding("chunked, identity")),
    refused("CVE-2021-33037", "identity, chunked: no coding of this name is registered",
            coding("identity, chunked"), 501),
    refused("RFC 9112 7.1", "chunked with a parameter", coding("chunked;q=1")),
    refused("RFC 9112 7.1", "chunked with an empty parameter", coding("chunked;")),
    refused("RFC 9110 5.6.4", "quoted chunked", coding('"chunked"')),
    refused("RFC 9110 5.6.4", "chunked in single quotes", coding("'chunked'")),
    refused("RFC 9112 7", "chunked in brackets", coding("[chunked]")),
    refused("RFC 9112 7", "chunked in two words", coding("chun ked")),
    refused("RFC 9112 7", "chunked beside another word", coding("chunked x")),
    refused("RFC 9112 7", "an equals sign before chunked", coding("=chunked")),
    refused("RFC 9112 7", "a colon before chunked", post("Transfer-Encoding:: chunked", body=BODY)),
    refused("RFC 9112 6.1", "empty", coding("")),
    refused("RFC 9112 6.1", "null", coding("null")),

    # More than once
    refused("RFC 9112 6.1", "chunked, chunked", coding("chunked, chunked")),
    refused("CVE-2020-8287", "chunked in two fields (node)", coding("chunked", "Transfer-Encoding: chunked")),
    refused("CVE-2020-8287", "chunked, then another coding in a field of its own (node)",
            coding("chunked", "Transfer-Encoding: false")),
    refused("RFC 9112 6.1", "another coding, then chunked in a field of its own",
            coding("cow", "Transfer-Encoding: chunked")),
    refused("RFC 9112 6.1", "gzip, then chunked in a field of its own", coding("gzip", "Transfer-Encoding: chunked")),
    refused("RFC 9112 6.1", "an empty field, then chunked", coding("", "Transfer-Encoding: chunked")),
    refused("RFC 9110 5.1", "twice, in different case", coding("chunked", "transfer-encoding: identity")),
    refused("RFC 9110 5.6.1", "a comma behind chunked", coding("chunked,")),
    refused("RFC 9110 5.6.1", "a comma before chunked", coding(",chunked")),
    refused("CVE-2022-32213", "a comma and a blank before chunked", coding(" , chunked")),

    # In disguise
    refused("CVE-2019-18277", "a vertical tab before chunked (HAProxy)", coding("\x0bchunked")),
    refused("CVE-2019-18277", "a form feed before chunked", coding("\x0cchunked")),
    refused("RFC 9110 5.5", "a NUL after chunked", coding("chunked\0")),
    refused("RFC 9110 5.5", "a NUL before chunked", coding("\0chunked")),
    refused("RFC 9110 5.5", "a backspace before chunked", coding("\x08chunked")),
    refused("RFC 9110 5.5", "DEL after chunked", coding("chunked\x7f")),
    refused("RFC 9110 5.6.3", "a no-break space before chunked", coding("\xa0chunked")),
    refused("RFC 9110 5.6.3", "a no-break space after chunked", coding("chunked\xa0")),
    refused("RFC 9112 7", "a Kelvin sign, which lower() would make a k", coding("chun\xe2\x84\xaaed")),
    refused("RFC 9112 2.2", "a bare CR before chunked", coding("\rchunked")),
    refused("RFC 9112 2.2", "a bare CR after chunked", coding("chunked\r")),
    refused("CVE-2022-32214", "a bare LF before chunked (node)", coding("\nchunked")),
    refused("CVE-2022-32215", "folded (node)", post("Transfer-Encoding:", " chunked", body=BODY)),
    refused("CVE-2022-32215", "folded by a tab", post("Transfer-Encoding:", "\tchunked", body=BODY)),
    refused("CVE-2022-32215", "a second coding, folded", post("Transfer-Encoding: chunked", " , identity", body=BODY)),
    refused("RFC 9112 5.2", "an empty line of blanks folded to it",
            post("Transfer-Encoding: chunked", " ", body=BODY)),
    refused("CVE-2019-16276", "a blank before the colon (Go)", post("Transfer-Encoding : chunked", body=BODY)),
    refused("CVE-2019-16276", "a tab before the colon", post("Transfer-Encoding\t: chunked", body=BODY)),
    refused("CVE-2019-20444", "no colon (Netty)", post("Transfer-Encoding chunked", body=BODY)),
    refused("RFC 9112 2.2", "a blank before the name", post(" Transfer-Encoding: chunked", body=BODY)),
    refused("RFC 3875 4.1.18", "an underscore: CGI and WSGI read Transfer-Encoding",
            post("Transfer_Encoding: chunked", body=BODY)),
    refused("RFC 3875 4.1.18", "a tilde for the hyphen", post("Transfer~Encoding: chunked", body=BODY)),
    refused("CVE-2020-8201", "a CR in the name, which becomes a hyphen (node)",
            post("Transfer\rEncoding: chunked", body=BODY)),
    refused("RFC 9110 5.1", "a NUL in the name", post("Transfer-Encoding\0: chunked", body=BODY)),
    refused("RFC 9110 5.1", "a letter above ASCII in the name", post("Transfer-Encod\xefng: chunked", body=BODY)),
    forwarded("RFC 9110 5.1", "another name that ends with it is another name",
              post("X-Transfer-Encoding: chunked", "Content-Length: 5", body="hello")),
    forwarded("RFC 9110 10.1.4", "TE speaks of answers, not of this body; it ends here",
              post("TE: chunked", "Content-Length: 5", body="hello"), post("Content-Length: 5", body="hello")),
    forwarded("RFC 9110 8.4", "Content-Encoding: chunked is no framing",
              post("Content-Encoding: chunked", "Content-Length: 5", body="hello")),
]
