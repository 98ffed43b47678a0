"""Sending one answer: slow, incomplete or compressed if a fault says so."""

from __future__ import annotations

import asyncio
import socket
import struct
import zlib
from collections.abc import Callable

from baserun.testing._offline.damage import cut_position, damaged
from baserun.testing._offline.exchange import Answer, End, ReceivedRequest, SentAnswer
from baserun.testing._offline.fault import Fault
from baserun.testing._offline.wire import chunk, head_bytes

GLANCE = 0.05  # seconds between checks that the client is still connected
NO_FAULT = Fault()
GZIP = 31  # zlib's window bits for a gzip container


class ClientLeftError(Exception):
    """The client closed the connection before the whole answer was sent."""


class CutError(Exception):
    """The fault cuts the connection here."""


class Delivery:
    """Sends one answer to the client."""

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        fault: Fault | None,
        *,
        request: ReceivedRequest,
        sent: Callable[[SentAnswer], None],
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._request = request
        self._tell = sent
        self._fault = fault or NO_FAULT
        self._gzip = zlib.compressobj(wbits=GZIP) if self._fault.gzip else None
        self._sent = bytearray()
        self._end: End | None = None
        self._status: int | None = None
        self._headers: dict[str, str] = {}

    async def send(self, answer: Answer, headers: dict[str, str]) -> bool:
        """Send the answer and report what was sent; return whether the connection can be used again."""
        try:
            await self._send_all(damaged(answer, self._fault), headers)
        except CutError:
            self._ended("cut")
            self._cut()
        except (ClientLeftError, ConnectionError):
            self._ended("client_left")
        except asyncio.CancelledError:
            self._ended("cut")
            raise
        return self._end == "complete"

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
            self._sent += answer.body
            self._ended("complete")
            self._writer.write(head + body)
        else:
            self._writer.write(head)
            await self._pause(self._fault.first_chunk_delay)
            await self._trickle(body[:position], answer.body[:position], last=position is None)
        await self._writer.drain()
        if position is not None:
            raise CutError

    async def _send_events(
        self, answer: Answer, events: tuple[bytes, ...], headers: dict[str, str], position: int | None
    ) -> None:
        self._writer.write(self._head(answer, {**headers, "transfer-encoding": "chunked"}))
        await self._pause(self._fault.first_chunk_delay)
        for index, event in enumerate(events):
            if index == position:
                break
            # Streams take turns here, even without a delay.
            await self._pause(self._fault.chunk_delay if index else 0, yielding=True)
            await self._trickle(chunk(self._squeezed(event)), event, last=index == len(events) - 1)
            await self._writer.drain()
        if position is not None:
            raise CutError
        rest = self._squeezed(b"", last=True)
        self._writer.write((chunk(rest) if rest else b"") + b"0\r\n\r\n")
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

    async def _trickle(self, data: bytes, of_body: bytes, *, last: bool) -> None:
        while self._fault.bytes_per_second is not None and len(data) > 1:
            self._writer.write(data[:1])
            data = data[1:]
            await self._pause(1 / self._fault.bytes_per_second)
        self._sent += of_body
        if last:
            self._ended("complete")
        self._writer.write(data)

    def _ended(self, end: End) -> None:
        """Report how the answer ended, before the client can notice: a test looks as soon as its call returns."""
        if self._end is not None:
            return
        self._end = end
        self._tell(
            SentAnswer(
                request=self._request,
                status=self._status,
                headers=self._headers,
                body=bytes(self._sent),
                end=end,
            )
        )

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

    def _cut(self) -> None:
        connection: socket.socket = self._writer.get_extra_info("socket")
        if self._fault.reset:
            # A linger time of zero makes the kernel reset the connection.
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self._writer.transport.abort()
        else:
            self._writer.close()
