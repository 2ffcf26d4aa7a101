"""The parser of one HTTP answer, fed as bytes arrive: llhttp reads it, which reads everything that Node.js accepts."""

from __future__ import annotations

import io
import re
from typing import TYPE_CHECKING

from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser
from urllib3 import HTTPHeaderDict, HTTPResponse, exceptions

if TYPE_CHECKING:
    from collections.abc import Callable

# Bytes of a body, decompressed or not; with what frames a body, a quarter more may arrive.
LARGEST_BODY = 20_000_000
_LARGEST_RECEIVED = LARGEST_BODY * 5 // 4
_CHUNK = 1_000_000
# As many as the standard library takes: what says more is no vendor.
_MOST_HEADERS, _LARGEST_HEAD = 100, 65_536
_FIRST_FINAL = 200
_SWITCHING_PROTOCOLS = 101
_RECEIVED_AT_ONCE = 65_536
# What was said is beyond doubt in these cases, whatever the standard makes of them.
_TOLERATED = {
    "lenient_headers": True,
    "lenient_chunked_length": True,
    "lenient_data_after_close": True,
    "lenient_optional_cr_before_lf": True,
    "lenient_spaces_after_chunk_size": True,
}
_HEAD_END = re.compile(rb"\n\r?\n")
_LENGTH_LINE = re.compile(rb"(?im)^content-length[ \t]*:([^\r\n]*)\r?\n")


class Unreadable(Exception):
    """What came is no HTTP answer, or not all of one."""


class TooLarge(Unreadable):
    """What came is larger than any answer should be."""


class ResponseParser:
    """One answer: `read` takes it in, then `status`, `headers` (found in any case) and `body()` hold it.

    Interim answers (1xx) are skipped (RFC 9110 §15.2); a change of the protocol (101), which nobody asked for, is none.
    The methods `on_…` are called by llhttp in the order of what arrives.
    """

    def __init__(self) -> None:
        self._parser = self._new_parser()
        # What was said more than once is joined with commas.
        self.headers = HTTPHeaderDict()
        self.status = 0
        self.is_whole = False
        # Whether the next call may go over the same connection, and will get its own answer.
        self.lasts = False
        self._is_begun = False
        self._is_mended = False
        self._head = b""
        self._body = bytearray()
        self._headers_seen = self._head_size = self._received = 0

    def on_message_begin(self) -> None:
        """Give the connection up: another answer that nobody asked for may follow the first."""
        self.lasts = False

    def on_header(self, name: bytes, value: bytes) -> None:
        """Add one whole header, unless it is a trailer: those could contradict what was acted upon."""
        if not self._is_begun:
            self.headers.add(name.decode("latin-1"), value.decode("latin-1"))
            self._headers_seen += 1
            self._head_size += len(name) + len(value)

    def on_headers_complete(self) -> None:
        """Take the status."""
        if not self.is_whole:
            self._is_begun = True
            self.status = self._parser.get_status_code()

    def on_body(self, data: bytes) -> None:
        """Add a part of the body, which comes without what frames it."""
        if not self.is_whole:
            self._body += data

    def on_message_complete(self) -> None:
        """Note that the answer is whole, or forget one that is only an interim answer."""
        if self.is_whole:
            return
        if self.status < _FIRST_FINAL and self.status != _SWITCHING_PROTOCOLS:
            self._forget_head()
            return
        self.is_whole = True
        # Known only now: the parser forgets it with the answer. Where two lengths were given, whoever is in between may
        # have believed the other one, and what follows here could be of its making (RFC 9112 §6.3).
        self.lasts = self._parser.should_keep_alive() and not self._is_mended and not self._has_two_lengths()

    def read(self, receive: Callable[[int], bytes]) -> None:
        """Take in what `receive` returns, until the answer is whole; once only.

        Raises `Unreadable`, and whatever `receive` raises.
        """
        try:
            while not self.is_whole:
                data = receive(_RECEIVED_AT_ONCE)
                if not data:
                    self._end()
                else:
                    self._feed(data)
        finally:
            # It refers to us: without this, every answer would be garbage that only a search for circles finds.
            del self._parser

    def body(self) -> bytes:
        """Return the body, decompressed; raise `Unreadable` when it is not what its `Content-Encoding` says."""
        body = bytes(self._body)
        if "Content-Encoding" not in self.headers:
            return body
        decoding = HTTPResponse(io.BytesIO(body), self.headers, preload_content=False)
        plain = b""
        try:
            while chunk := decoding.read(_CHUNK, decode_content=True):
                plain += chunk
                if len(plain) > LARGEST_BODY:
                    raise TooLarge("decompressed")
        except exceptions.HTTPError as error:
            raise Unreadable("it can't be decompressed") from error
        return plain

    def _new_parser(self) -> HttpResponseParser:
        parser = HttpResponseParser(self)
        parser.set_dangerous_leniencies(**_TOLERATED)
        return parser

    def _forget_head(self) -> None:
        self.headers = HTTPHeaderDict()
        self._is_begun = False
        self._headers_seen = self._head_size = 0

    def _has_two_lengths(self) -> bool:
        return "Transfer-Encoding" in self.headers and "Content-Length" in self.headers

    def _feed(self, data: bytes) -> None:
        if not self._is_begun:
            self._head += data
        self._received += len(data)
        try:
            self._parser.feed_data(data)
        except (HttpParserError, HttpParserUpgrade) as error:
            self.lasts = False
            if not self.is_whole:
                self._merge_equal_lengths(error)
        if self._is_begun and self.status < _FIRST_FINAL:
            raise Unreadable("it changes the protocol")
        # Of a header that has no end yet, before the body or after it, the parser says nothing.
        most = _LARGEST_RECEIVED if self._is_begun else _LARGEST_HEAD
        is_long = self._head_size > _LARGEST_HEAD or self._headers_seen > _MOST_HEADERS or self._received > most
        if is_long or len(self._body) > LARGEST_BODY:
            raise TooLarge("received")

    def _merge_equal_lengths(self, error: Exception) -> None:
        """Read a head anew that gives the same length twice, which llhttp refuses and RFC 9110 §8.6 permits.

        Waits for more (llhttp fails again then) while the head is not all there; raises `Unreadable` for all else.
        """
        if self._is_begun or self._is_mended or "Content-Length" not in str(error):
            raise Unreadable("it is no HTTP") from error
        end = _HEAD_END.search(self._head)
        if end is None:
            return
        lines, rest = self._head[: end.start() + 1], self._head[end.start() + 1 :]
        lengths = {part.strip() for found in _LENGTH_LINE.findall(lines) for part in found.split(b",")}
        length = lengths.pop()
        if lengths or not length.isdigit():
            raise Unreadable("it gives several lengths") from error
        self._is_mended = True
        self._forget_head()
        self._parser = self._new_parser()
        self._received = 0
        self._feed(_LENGTH_LINE.sub(b"", lines) + b"Content-Length: " + length + b"\r\n" + rest)

    def _end(self) -> None:
        """Take the end of the connection for that of the answer, unless it tells its length."""
        length = self.headers.get("Content-Length")
        is_cut = length is not None and length != str(len(self._body))
        if not self._is_begun or is_cut or "chunked" in self.headers.get("Transfer-Encoding", "").lower():
            raise Unreadable("it was cut off")
        self.is_whole = True
