"""Chunks: sizes, extensions, and the CRLF after each (RFC 9112 section 7.1)."""

# fmt: off
from tests.conformance.rows import forwarded, post, refused_in_body, unfinished


def chunked(body: str) -> bytes:
    return post("Transfer-Encoding: chunked", body=body)


HELLO = chunked("5\r\nhello\r\n0\r\n\r\n")

ROWS = [
    # Sizes as they may be
    forwarded("RFC 9112 7.1", "several chunks stay the chunks they are", chunked("1\r\na\r\n2\r\nbc\r\n0\r\n\r\n")),
    forwarded("RFC 9112 7.1", "a size in small letters", chunked("a\r\n0123456789\r\n0\r\n\r\n")),
    forwarded("RFC 9112 7.1", "a size in capitals", chunked("A\r\n0123456789\r\n0\r\n\r\n")),
    forwarded("RFC 9112 7.1", "zeros before a size end here", chunked("0005\r\nhello\r\n0\r\n\r\n"), HELLO),
    forwarded("RFC 9112 7.1", "zeros before a hexadecimal letter end here",
              chunked("00A\r\n0123456789\r\n0\r\n\r\n"), chunked("a\r\n0123456789\r\n0\r\n\r\n")),
    forwarded("RFC 9112 7.1", "a last chunk of many zeros is one", chunked("5\r\nhello\r\n000\r\n\r\n"), HELLO),
    forwarded("RFC 9112 7.1", "data that looks like the last chunk is data", chunked("5\r\n0\r\n\r\n\r\n0\r\n\r\n")),
    forwarded("RFC 9112 7.1", "data that is a CRLF", chunked("2\r\n\r\n\r\n0\r\n\r\n")),
    forwarded("RFC 9112 7.1", "data of NUL and DEL", chunked("2\r\n\0\x7f\r\n0\r\n\r\n")),

    # Sizes that are none
    refused_in_body("RFC 9112 7.1", "no size", chunked("\r\nhello\r\n0\r\n\r\n")),
    refused_in_body("RFC 9112 7.1", "a size that is no number", chunked("g\r\nhello\r\n0\r\n\r\n")),
    refused_in_body("CVE-2022-24801", "a plus sign (Twisted)", chunked("+5\r\nhello\r\n0\r\n\r\n")),
    refused_in_body("CVE-2013-2028", "a minus sign (nginx)", chunked("-5\r\nhello\r\n0\r\n\r\n")),
    refused_in_body("CVE-2013-2028", "minus zero", chunked("-0\r\n\r\n")),
    refused_in_body("CVE-2022-24801", "0x (Twisted)", chunked("0x5\r\nhello\r\n0\r\n\r\n")),
    refused_in_body("CVE-2022-24801", "0X", chunked("0X5\r\nhello\r\n0\r\n\r\n")),
    refused_in_body("CVE-2022-24801", "an underscore, which Python's int() takes",
                    chunked("1_0\r\n" + "x" * 16 + "\r\n0\r\n\r\n")),
    refused_in_body("RFC 9112 7.1", "a blank before it", chunked(" 5\r\nhello\r\n0\r\n\r\n")),
    refused_in_body("RFC 9112 7.1", "a tab before it", chunked("\t5\r\nhello\r\n0\r\n\r\n")),
    refused_in_body("RFC 9112 7.1", "a blank after it, where no extension follows",
                    chunked("5 \r\nhello\r\n0\r\n\r\n")),
    refused_in_body("RFC 9112 7.1", "a tab after it", chunked("5\t\r\nhello\r\n0\r\n\r\n")),
    refused_in_body("RFC 9112 7.1", "a blank inside it", chunked("0 5\r\nhello\r\n0\r\n\r\n")),
    refused_in_body("RFC 9112 7.1", "quoted", chunked('"5"\r\nhello\r\n0\r\n\r\n')),
    refused_in_body("RFC 9112 7.1", "a fraction", chunked("5.0\r\nhello\r\n0\r\n\r\n")),
    refused_in_body("RFC 9112 7.1", "a comma", chunked("5,5\r\nhello\r\n0\r\n\r\n")),
    refused_in_body("RFC 9112 7.1", "a digit of another script", chunked("\xd9\xa5\r\nhello\r\n0\r\n\r\n")),
    refused_in_body("RFC 9112 7.1", "a NUL after it", chunked("5\0\r\nhello\r\n0\r\n\r\n")),
    refused_in_body("RFC 9112 7.1", "a vertical tab after it", chunked("5\x0b\r\nhello\r\n0\r\n\r\n")),
    refused_in_body("CVE-2017-7657", "2^64: zero after an overflow (Jetty)",
                    chunked("10000000000000000\r\n\r\n0\r\n\r\n")),
    refused_in_body("CVE-2021-32714", "2^64 + 5: five after an overflow (hyper)",
                    chunked("10000000000000005\r\nhello\r\n0\r\n\r\n")),
    refused_in_body("CVE-2021-32714", "2^32 + 5, sixteen digits long",
                    chunked("0000000100000005\r\nhello\r\n0\r\n\r\n")),
    refused_in_body("CVE-2015-3183", "2^64 - 1: minus one after an overflow (Apache)",
                    chunked("ffffffffffffffff\r\nhello")),
    refused_in_body("CVE-2021-32714", "zeros without end", chunked("0" * 100 + "5\r\nhello\r\n0\r\n\r\n")),

    # Extensions: they mean something to nobody, and end here
    forwarded("RFC 9112 7.1.1", "an extension ends here", chunked("5;a\r\nhello\r\n0\r\n\r\n"), HELLO),
    forwarded("RFC 9112 7.1.1", "one with a value", chunked("5;a=b\r\nhello\r\n0\r\n\r\n"), HELLO),
    forwarded("RFC 9112 7.1.1", "one with a quoted value", chunked('5;a="b;c"\r\nhello\r\n0\r\n\r\n'), HELLO),
    forwarded("RFC 9112 7.1.1", "several", chunked("5;a;b=c;d\r\nhello\r\n0\r\n\r\n"), HELLO),
    forwarded("RFC 9112 7.1.1", "blanks around the semicolon", chunked("5 ; a\r\nhello\r\n0\r\n\r\n"), HELLO),
    forwarded("RFC 9112 7.1.1", "one at the last chunk", chunked("5\r\nhello\r\n0;a=b\r\n\r\n"), HELLO),
    forwarded("RFC 9112 7.1.1", "one that looks like a size", chunked("5;0\r\nhello\r\n0\r\n\r\n"), HELLO),
    forwarded("RFC 9112 7.1.1", "a semicolon with nothing behind it", chunked("5;\r\nhello\r\n0\r\n\r\n"), HELLO),
    refused_in_body("CVE-2025-22871", "a bare LF ends the line of one (Go)", chunked("5;\nhello\r\n0\r\n\r\n")),
    refused_in_body("CVE-2025-55315", "a bare LF in one: two lines, or one (Kestrel, EXT.TERM)",
                    chunked("2;\nxx\r\n45\r\n0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: a\r\nX: 0\r\n\r\n")),
    refused_in_body("CVE-2025-55315", "a bare LF in the value of one (TERM.EXT)",
                    chunked("5;a=\n0\r\nhello\r\n0\r\n\r\n")),
    refused_in_body("CVE-2025-55315", "a bare CR in one", chunked("5;a\rb\r\nhello\r\n0\r\n\r\n")),
    refused_in_body("CVE-2021-22960", "CRs at the end of one (node)", chunked("5;a\r\r\nhello\r\n0\r\n\r\n")),
    refused_in_body("CVE-2021-22960", "a LF, then CRLF (node)", chunked("5;a\n\r\nhello\r\n0\r\n\r\n")),
    refused_in_body("CVE-2024-52304", "a bare LF in a quoted value (aiohttp)",
                    chunked('5;a="\n"\r\nhello\r\n0\r\n\r\n')),
    refused_in_body("RFC 9112 7.1.1", "a CRLF in a quoted value: what follows is data, and not of this size",
                    chunked('5;a="\r\n"\r\nhello\r\n0\r\n\r\n')),
    refused_in_body("RFC 9112 7.1.1", "a NUL in one", chunked("5;a\0\r\nhello\r\n0\r\n\r\n")),
    refused_in_body("RFC 9112 7.1.1", "one without its semicolon", chunked("5 a=b\r\nhello\r\n0\r\n\r\n")),
    refused_in_body("CVE-2024-22019", "one of five kilobytes (node and Puma read on for ever)",
                    chunked("5;" + "a" * 5000 + "\r\nhello\r\n0\r\n\r\n")),

    forwarded("RFC 9112 7.1.1", "one as long as we read", chunked("5;" + "a" * 4092 + "\r\nhello\r\n0\r\n\r\n"), HELLO),
    refused_in_body("RFC 9112 7.1.1", "one of one byte more", chunked("5;" + "a" * 4093 + "\r\nhello\r\n0\r\n\r\n")),

    # Lines and their ends
    refused_in_body("RFC 9112 2.2", "a bare LF after the size", chunked("5\nhello\r\n0\r\n\r\n")),
    refused_in_body("RFC 9112 2.2", "a bare CR after the size", chunked("5\rhello\r\n0\r\n\r\n")),
    refused_in_body("RFC 9112 7.1", "CR CR LF after the size", chunked("5\r\r\nhello\r\n0\r\n\r\n")),
    refused_in_body("RFC 9112 2.2", "a bare LF after the data", chunked("5\r\nhello\n0\r\n\r\n")),
    refused_in_body("RFC 9112 2.2", "a bare CR after the data", chunked("5\r\nhello\r0\r\n\r\n")),
    refused_in_body("CVE-2025-47905", "nothing after the data (Varnish)", chunked("5\r\nhello0\r\n\r\n")),
    refused_in_body("CVE-2025-43859", "two other bytes for the CRLF after the data (h11)",
                    chunked("5\r\nhelloXX0\r\n\r\n")),
    refused_in_body("CVE-2025-66373", "more data than its size (Akamai)", chunked("4\r\nhello\r\n0\r\n\r\n")),
    refused_in_body("RFC 9112 7.1", "less data than its size", chunked("6\r\nhello\r\n0\r\n\r\n")),
    refused_in_body("RFC 9112 7.1", "an empty line between two chunks", chunked("5\r\nhello\r\n\r\n0\r\n\r\n")),
    refused_in_body("RFC 9112 7.1", "a bare LF after the last chunk", chunked("5\r\nhello\r\n0\n\r\n")),
    refused_in_body("RFC 9112 7.1", "bare LFs all through", chunked("5\nhello\n0\n\n")),
    refused_in_body("RFC 9112 7.1", "no chunk at all but a request", chunked("GET /smuggled HTTP/1.1\r\n\r\n")),
    refused_in_body("RFC 9112 7.1", "a bare LF for the empty line at the end", chunked("5\r\nhello\r\n0\r\n\n")),
    unfinished("RFC 9112 8", "no last chunk: not a whole request",
               chunked("5\r\nhello\r\n"), chunked("5\r\nhello\r\n")),
    unfinished("RFC 9112 8", "a size line cut short", chunked("5\r\nhello\r\n1"), chunked("5\r\nhello\r\n")),
    unfinished("RFC 9112 8", "data cut short", chunked("5\r\nhel"), chunked("5\r\nhel")),
    unfinished("RFC 9112 8", "the empty line at the end missing",
               chunked("5\r\nhello\r\n0\r\n"), chunked("5\r\nhello\r\n")),
]
