"""The one file of a multipart body, in pieces as they arrive: neither memory nor a temporary file holds all of it."""

from collections.abc import AsyncIterable, AsyncIterator

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from superfacility.facility.errors import InvalidInput

_PART = b"file"
_MISSING = "The body has no part named `file`: send the file as multipart/form-data, `curl -F file=@NAME`."


class _FilePart:
    """Collects what the parser finds of the part named `file`, until it is taken."""

    def __init__(self) -> None:
        self._field = bytearray()
        self._value = bytearray()
        self._disposition = b""
        self._inside = False
        self._pieces: list[bytes] = []
        self.seen = False
        self.complete = False

    def parser(self, boundary: bytes) -> MultipartParser:
        return MultipartParser(
            boundary,
            {
                "on_part_begin": self._begin,
                "on_header_field": lambda data, start, end: self._field.extend(data[start:end]),
                "on_header_value": lambda data, start, end: self._value.extend(data[start:end]),
                "on_header_end": self._header,
                "on_headers_finished": self._headers,
                "on_part_data": self._data,
                "on_end": self._end,
            },
        )

    def _begin(self) -> None:
        self._disposition = b""
        self._inside = False

    def _header(self) -> None:
        if bytes(self._field).lower() == b"content-disposition":
            self._disposition = bytes(self._value)
        self._field.clear()
        self._value.clear()

    def _headers(self) -> None:
        _, options = parse_options_header(self._disposition)
        self._inside = options.get(b"name") == _PART
        if self._inside and self.seen:
            raise InvalidInput("The body has several parts named `file`; send one file a request.")
        self.seen = self.seen or self._inside

    def _data(self, data: bytes, start: int, end: int) -> None:
        if self._inside:
            self._pieces.append(data[start:end])

    def _end(self) -> None:
        self.complete = True

    def take(self) -> list[bytes]:
        pieces, self._pieces = self._pieces, []
        return pieces


def _boundary(content_type: str) -> bytes:
    kind, options = parse_options_header(content_type)
    boundary = options.get(b"boundary")
    if kind != b"multipart/form-data" or not boundary:
        raise InvalidInput(_MISSING)
    return boundary


async def file_part(content_type: str, body: AsyncIterable[bytes]) -> AsyncIterator[bytes]:
    """The bytes of the part named `file`; raises `InvalidInput` for a body without one, or one that ends early."""
    part = _FilePart()
    try:
        parser = part.parser(_boundary(content_type))
        async for data in body:
            parser.write(data)
            for piece in part.take():
                yield piece
        parser.finalize()
    except FormParserError as error:
        raise InvalidInput(f"The multipart body cannot be read: {error}") from error
    if not part.seen:
        raise InvalidInput(_MISSING)
    if not part.complete:
        raise InvalidInput("The multipart body ends early; nothing was written. Send it again.")
