"""An answer as it arrives, read by llhttp, which reads everything that Node.js hears."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser
from urllib3 import HTTPHeaderDict, HTTPResponse, exceptions

if TYPE_CHECKING:
    from collections.abc import Callable

_LARGEST, _LARGEST_RECEIVED = 5_000_000, 10_000_000
_CHUNK = 1_000_000
# As many as the standard library takes: what says more is no vendor.
_MOST_HEADERS, _LARGEST_HEAD = 100, 65_536
_FIRST_FINAL = 200
_RECEIVED_AT_ONCE = 65_536
# What was said is beyond doubt in these cases, whatever the standard makes of them.
_TOLERATED = {
    "lenient_headers": True,
    "lenient_chunked_length": True,
    "lenient_data_after_close": True,
    "lenient_optional_cr_before_lf": True,
    "lenient_spaces_after_chunk_size": True,
}


class Unreadable(Exception):
    """What came is no answer, not all of one, or larger than any should be."""


class ResponseParser:
    """One answer. Its first methods are called by the parser, in the order of what arrives."""

    def __init__(self) -> None:
        self._parser = HttpResponseParser(self)
        self._parser.set_dangerous_leniencies(**_TOLERATED)
        # Found in any case; what was said more than once is joined with commas.
        self.headers = HTTPHeaderDict()
        self.status = 0
        self.is_whole = False
        # Whether the next call may go over the same connection, and will get its own answer.
        self.lasts = False
        self._is_begun = False
        self._body = bytearray()
        self._heads = self._head_size = self._received = 0

    def on_message_begin(self) -> None:
        """Another answer that nobody asked for may follow the first."""
        self.lasts = False

    def on_header(self, name: bytes, value: bytes) -> None:
        """One header, whole."""
        # What follows a body that came in chunks is nobody's business.
        if not self._is_begun:
            self.headers.add(name.decode("latin-1"), value.decode("latin-1"))
            self._heads += 1
            self._head_size += len(name) + len(value)

    def on_headers_complete(self) -> None:
        """The head is over."""
        if not self.is_whole:
            self._is_begun = True
            self.status = self._parser.get_status_code()

    def on_body(self, data: bytes) -> None:
        """A part of the body, without what frames it."""
        if not self.is_whole:
            self._body += data

    def on_message_complete(self) -> None:
        """The answer is whole."""
        if not self.is_whole:
            self.is_whole = True
            # Known only now: the parser forgets it with the answer.
            self.lasts = self._parser.should_keep_alive()

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
        """The body, decompressed; raises `Unreadable`."""
        body = bytes(self._body)
        if "Content-Encoding" not in self.headers:
            return body
        decoding = HTTPResponse(io.BytesIO(body), self.headers, preload_content=False)
        plain = b""
        try:
            while chunk := decoding.read(_CHUNK, decode_content=True):
                plain += chunk
                if len(plain) > _LARGEST:
                    raise Unreadable("larger than any answer should be")
        except exceptions.HTTPError as error:
            raise Unreadable("it can't be decompressed") from error
        return plain

    def _feed(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except (HttpParserError, HttpParserUpgrade) as error:
            self.lasts = False
            if not self.is_whole:
                raise Unreadable("it is no HTTP") from error
        if self._is_begun and self.status < _FIRST_FINAL:
            # The answer proper follows, and would be taken for that of the next call.
            raise Unreadable("an interim answer that nobody asked for")
        # Of a header that has no end yet, before the body or after it, the parser says nothing.
        self._received += len(data)
        most = _LARGEST_RECEIVED if self._is_begun else _LARGEST_HEAD
        is_long = self._head_size > _LARGEST_HEAD or self._heads > _MOST_HEADERS or self._received > most
        if is_long or len(self._body) > _LARGEST:
            raise Unreadable("larger than any answer should be")

    def _end(self) -> None:
        """The other side says no more, which is how an answer ends that does not tell its length."""
        length = self.headers.get("Content-Length")
        is_cut = length is not None and length != str(len(self._body))
        if not self._is_begun or is_cut or "chunked" in self.headers.get("Transfer-Encoding", "").lower():
            raise Unreadable("it was cut off")
        self.is_whole = True
