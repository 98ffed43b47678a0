"""Sending one answer, as slowly, incompletely or squeezed as a fault wants it."""

from __future__ import annotations

import asyncio
import socket
import struct
import zlib

from baserun.testing._offline.damage import cut_position, damaged
from baserun.testing._offline.exchange import Answer, ReceivedRequest, SentAnswer
from baserun.testing._offline.fault import Fault
from baserun.testing._offline.wire import chunk, head_bytes

GLANCE = 0.05  # seconds between looks whether the client is still there
NO_FAULT = Fault()
GZIP = 31  # zlib's window bits for a gzip container


class ClientLeftError(Exception):
    """The client closed the connection before it had the whole answer."""


class CutError(Exception):
    """The fault wants the connection cut here."""


class Delivery:
    """The way of one answer to the client."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, fault: Fault | None) -> None:
        self._reader = reader
        self._writer = writer
        self._fault = fault or NO_FAULT
        self._gzip = zlib.compressobj(wbits=GZIP) if self._fault.gzip else None
        self._sent = bytearray()
        self._status: int | None = None
        self._headers: dict[str, str] = {}

    async def send(self, request: ReceivedRequest, answer: Answer, headers: dict[str, str]) -> SentAnswer:
        """Send the answer and say what went out. Unless its end is `complete`, the connection is of no more use."""
        answer = damaged(answer, self._fault)
        end: str = "complete"
        try:
            await self._send_all(answer, headers)
        except CutError:
            end = "cut"
            await self._cut()
        except (ClientLeftError, ConnectionError):
            end = "client_left"
        return SentAnswer(
            request=request,
            status=self._status,
            headers=self._headers,
            body=bytes(self._sent),
            end=end,  # type: ignore[arg-type]
        )

    async def _send_all(self, answer: Answer, headers: dict[str, str]) -> None:
        await self._pause(self._fault.delay)
        if self._fault.cut == "headers":
            raise CutError
        position = cut_position(answer, self._fault)
        if answer.events is None:
            await self._send_body(answer, headers, position)
        else:
            await self._send_events(answer, answer.events, headers, position)

    async def _send_body(self, answer: Answer, headers: dict[str, str], position: int | None) -> None:
        body = self._squeezed(answer.body, last=True)
        head = self._head(answer, {**headers, "content-length": str(len(body))})
        if position is None and self._is_quick():
            self._write(head + body, of_body=answer.body)
        else:
            self._write(head)
            await self._pause(self._fault.first_chunk_delay)
            await self._trickle(body if position is None else body[:position], answer.body[:position])
        await self._writer.drain()
        if position is not None:
            raise CutError

    async def _send_events(
        self, answer: Answer, events: tuple[bytes, ...], headers: dict[str, str], position: int | None
    ) -> None:
        self._write(self._head(answer, {**headers, "transfer-encoding": "chunked"}))
        await self._pause(self._fault.first_chunk_delay)
        for index, event in enumerate(events):
            if index == position:
                break
            # Streams take turns here, even when nobody wants them slow.
            await self._pause(self._fault.chunk_delay if index else 0, yielding=True)
            await self._trickle(chunk(self._squeezed(event)), event)
            await self._writer.drain()
        if position is not None:
            raise CutError
        rest = self._squeezed(b"", last=True)
        self._write((chunk(rest) if rest else b"") + b"0\r\n\r\n")
        await self._writer.drain()

    def _head(self, answer: Answer, headers: dict[str, str]) -> bytes:
        self._status = answer.status
        self._headers = {"content-type": answer.content_type, **headers, **answer.headers}
        if self._gzip is not None:
            self._headers["content-encoding"] = "gzip"
        return head_bytes(answer.status, self._headers)

    def _squeezed(self, data: bytes, *, last: bool = False) -> bytes:
        if self._gzip is None:
            return data
        return self._gzip.compress(data) + self._gzip.flush(zlib.Z_FINISH if last else zlib.Z_SYNC_FLUSH)

    async def _trickle(self, data: bytes, of_body: bytes) -> None:
        if self._fault.bytes_per_second is None:
            self._write(data, of_body=of_body)
            return
        for index in range(len(data)):
            self._write(data[index : index + 1])
            await self._pause(1 / self._fault.bytes_per_second)
        self._sent += of_body

    def _write(self, data: bytes, *, of_body: bytes = b"") -> None:
        self._writer.write(data)
        self._sent += of_body

    async def _pause(self, duration: float, *, yielding: bool = False) -> None:
        if duration > 0 or yielding:
            loop = asyncio.get_running_loop()
            end = loop.time() + duration
            await asyncio.sleep(min(duration, GLANCE))
            while not self._has_left() and (rest := end - loop.time()) > 0:
                await asyncio.sleep(min(rest, GLANCE))
        if self._has_left():
            raise ClientLeftError

    def _has_left(self) -> bool:
        return self._reader.at_eof() or self._writer.transport.is_closing()

    def _is_quick(self) -> bool:
        return not self._fault.first_chunk_delay and self._fault.bytes_per_second is None

    async def _cut(self) -> None:
        connection: socket.socket = self._writer.get_extra_info("socket")
        if self._fault.reset:
            # A linger time of zero makes the kernel reset the connection.
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self._writer.transport.abort()
        else:
            self._writer.close()
