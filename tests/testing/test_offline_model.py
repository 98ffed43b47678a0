"""The server of the offline model: starting, stopping, and many clients at once."""

from __future__ import annotations

import asyncio
import http.client
import importlib
import os
import socket
import subprocess
import sys
import threading
from typing import Any

import openai
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from baserun.testing import OfflineModel
from waiting import eventually

# Both may be installed; clients before 3.0 use the older one.
httpx2: Any = importlib.import_module("httpx2" if int(openai.__version__.split(".")[0]) >= 3 else "httpx")

# Only newer clients wrap errors inside a stream.
CUT = (openai.APIConnectionError, httpx2.TransportError)
MESSAGES: Any = [{"role": "user", "content": "Hello"}]


def own_threads() -> list[str]:
    """Return the names of the threads of offline models."""
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("baserun-offline")]


def connect(model: OfflineModel) -> socket.socket:
    """Open a bare connection to the server."""
    host, _, port = model.azure_endpoint.removeprefix("http://").partition(":")
    return socket.create_connection((host, int(port)), timeout=30)


def test_leaves_nothing_behind() -> None:
    """After `stop` there is no thread and no listening socket, even with an answer in progress."""
    with OfflineModel(reply=lambda messages: "Said.") as model, connect(model) as idle:
        with openai.OpenAI(base_url=model.url, api_key="offline") as client:
            client.chat.completions.create(model="gpt-4o", messages=MESSAGES)
            model.next(chunk_delay=60)
            stream = client.chat.completions.create(model="gpt-4o", messages=MESSAGES, stream=True)
            address = idle.getpeername()
            model.stop()
            with pytest.raises(CUT):
                list(stream)

        assert own_threads() == []
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(address)


def test_starts_and_stops_by_hand() -> None:
    """`start` and `stop` work without a block, and repeatedly."""
    model = OfflineModel()

    for _ in range(2):
        assert model.start() is model
        assert model.url.endswith("/v1")
        model.stop()
        model.stop()

    with pytest.raises(RuntimeError, match="does not serve yet"):
        _ = model.url


def test_cannot_start_twice(model: OfflineModel) -> None:
    """Starting a running server raises with its URL."""
    with pytest.raises(RuntimeError, match=model.url):
        model.start()


def test_step_and_fault_exclude_each_other() -> None:
    """`next` takes a reply or a fault's fields, and raises for both."""
    with pytest.raises(TypeError, match="not both"):
        OfflineModel().next("Hello", status=500)


def test_environment_reaches_programs(model: OfflineModel) -> None:
    """With `environment()` the module-level client of a subprocess uses this server."""
    program = (
        "import openai; print(openai.chat.completions.create(model='gpt-4o',"
        " messages=[{'role': 'user', 'content': 'Say \"hello\"'}]).choices[0].message.content)"
    )

    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, **model.environment()},
        capture_output=True,
        text=True,
        check=True,
    )

    assert done.stdout == "hello\n"
    assert model.requests[0].headers["authorization"] == "Bearer offline"


def test_keeps_what_it_received(model: OfflineModel) -> None:
    """`requests` has each request with its method, path, query and body."""
    with openai.OpenAI(base_url=model.url, api_key="offline") as client:
        client.chat.completions.create(model="gpt-4o", messages=MESSAGES, user="u1", extra_query={"a": "b"})

    (request,) = model.requests
    assert (request.method, request.path, request.query) == ("POST", "/v1/chat/completions", {"a": "b"})
    assert request.json == {"model": "gpt-4o", "messages": MESSAGES, "user": "u1"}
    assert model.answers[0].request is request


def test_keeps_the_latest_only() -> None:
    """`keep` limits the number of requests that are kept."""
    with OfflineModel(keep=2) as model, openai.OpenAI(base_url=model.url, api_key="offline") as client:
        for number in range(3):
            client.embeddings.create(model="text-embedding-3-small", input=str(number))

        assert [request.json["input"] for request in model.requests] == ["1", "2"]


def test_connection_is_kept_alive(model: OfflineModel) -> None:
    """One connection serves several requests, also with chunked bodies."""
    host = model.azure_endpoint.removeprefix("http://")
    connection = http.client.HTTPConnection(host, timeout=30)

    connection.request("GET", "/v1/models")
    first = connection.getresponse().read()
    used = connection.sock
    connection.request("POST", "/v1/moderations", iter([b'{"in', b'put": "hi"}']), encode_chunked=True)
    second = connection.getresponse().read()

    assert b'"object":"list"' in first
    assert b'"flagged":false' in second
    assert connection.sock is used
    connection.close()


def test_early_close_is_noticed(model: OfflineModel) -> None:
    """The answer to a client that leaves a stream early ends as ``client_left``."""
    model.script("word " * 2000)
    model.next()

    with openai.OpenAI(base_url=model.url, api_key="offline") as client:
        with client.chat.completions.create(model="gpt-4o#chunk-delay=0.01", messages=MESSAGES, stream=True) as stream:
            next(iter(stream))
        list(client.chat.completions.create(model="gpt-4o", messages=MESSAGES, stream=True))

    eventually(lambda: len(model.answers) >= 2)
    ends = {answer.request.json["model"]: answer.end for answer in model.answers}
    assert ends == {"gpt-4o#chunk-delay=0.01": "client_left", "gpt-4o": "complete"}


async def test_two_hundred_streams_at_once(model: OfflineModel) -> None:
    """Two hundred streams that are open at once each get their own text."""

    async def read(client: openai.AsyncOpenAI, number: int) -> str:
        stream = await client.chat.completions.create(
            model="gpt-4o", messages=[{"role": "user", "content": f'Say "stream number {number}"'}], stream=True
        )
        await gate.wait()
        return "".join([chunk.choices[0].delta.content or "" async for chunk in stream])

    gate = asyncio.Barrier(200)
    async with openai.AsyncOpenAI(base_url=model.url, api_key="offline", max_retries=0) as client:
        texts = await asyncio.gather(*(read(client, number) for number in range(200)))

    assert texts == [f"stream number {number}" for number in range(200)]
    assert [answer.end for answer in model.answers] == ["complete"] * 200


def test_threads_at_once() -> None:
    """A reply function that blocks does not delay other requests."""
    together = threading.Barrier(16)

    def reply(messages: list[dict[str, str]]) -> str:
        together.wait(timeout=30)
        return messages[-1]["content"].upper()

    told: dict[int, str | None] = {}

    def ask(client: openai.OpenAI, number: int) -> None:
        messages: Any = [{"role": "user", "content": f"n{number}"}]
        told[number] = client.chat.completions.create(model="gpt-4o", messages=messages).choices[0].message.content

    with OfflineModel(reply=reply) as model, openai.OpenAI(base_url=model.url, api_key="k", max_retries=0) as client:
        threads = [threading.Thread(target=ask, args=(client, number)) for number in range(16)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    assert told == {number: f"N{number}" for number in range(16)}


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.binary(max_size=300))
def test_any_bytes_are_survived(model: OfflineModel, data: bytes) -> None:
    """After any bytes instead of HTTP the server still answers others."""
    with connect(model) as hostile:
        hostile.sendall(data + b"\r\n\r\n")
        hostile.shutdown(socket.SHUT_WR)
        while hostile.recv(4096):
            pass

    with connect(model) as good:
        good.sendall(b"GET /v1/models HTTP/1.1\r\nConnection: close\r\n\r\n")
        assert good.recv(12) == b"HTTP/1.1 200"
