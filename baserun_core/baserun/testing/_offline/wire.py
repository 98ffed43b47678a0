"""HTTP/1.1 on an asyncio stream, as far as clients of the API need it."""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from urllib.parse import parse_qsl, unquote, urlsplit

from baserun.testing._offline.exchange import ReceivedRequest

BIGGEST_HEAD = 256 * 1024  # bytes
PHRASES = {status.value: status.phrase for status in HTTPStatus}


class NotHTTPError(Exception):
    """The data received is not a valid HTTP request."""


async def read_request(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> ReceivedRequest | None:
    """Read the next request of a connection; None if the client has closed it.

    Raises:
        NotHTTPError: The data received is not a valid request.
    """
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except (asyncio.IncompleteReadError, ConnectionError):
        return None
    except asyncio.LimitOverrunError:
        raise NotHTTPError(f"The head of the request is longer than {BIGGEST_HEAD} bytes.") from None
    method, target, headers = _parse_head(head)
    if headers.get("expect", "").lower() == "100-continue":
        writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    try:
        body = await _read_body(reader, headers)
    except (asyncio.IncompleteReadError, ConnectionError):
        return None
    url = urlsplit(target)
    query = dict(parse_qsl(url.query, keep_blank_values=True))
    return ReceivedRequest(method=method, path=unquote(url.path), query=query, headers=headers, body=body)


def head_bytes(status: int, headers: dict[str, str]) -> bytes:
    """Return the status line and headers of an answer."""
    phrase = PHRASES.get(status, "Error")
    lines = [f"HTTP/1.1 {status} {phrase}", *(f"{name}: {value}" for name, value in headers.items())]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1", errors="replace")


def chunk(data: bytes) -> bytes:
    """Return one chunk of a body in chunked transfer encoding."""
    return f"{len(data):x}\r\n".encode() + data + b"\r\n"


def _parse_head(head: bytes) -> tuple[str, str, dict[str, str]]:
    first, *lines = head.decode("latin-1").rstrip("\r\n").split("\r\n")
    words = first.split(" ")
    if len(words) != 3 or not words[2].startswith("HTTP/1."):
        raise NotHTTPError(f"Not an HTTP request: {first[:100]!r}")
    pairs = (line.partition(":") for line in lines)
    return words[0], words[1], {name.strip().lower(): value.strip() for name, _, value in pairs}


async def _read_body(reader: asyncio.StreamReader, headers: dict[str, str]) -> bytes:
    if headers.get("transfer-encoding", "").lower() == "chunked":
        return await _read_chunks(reader)
    length = headers.get("content-length", "0")
    if not length.isdigit():
        raise NotHTTPError(f"Content-Length is not a number: {length!r}")
    return await reader.readexactly(int(length))


async def _read_chunks(reader: asyncio.StreamReader) -> bytes:
    body = bytearray()
    while True:
        line = (await reader.readuntil(b"\r\n")).partition(b";")[0].strip()
        try:
            size = int(line, 16)
        except ValueError:
            raise NotHTTPError(f"Not the size of a chunk: {line[:100]!r}") from None
        body += await reader.readexactly(size)
        await reader.readexactly(2)
        if size == 0:
            return bytes(body)
