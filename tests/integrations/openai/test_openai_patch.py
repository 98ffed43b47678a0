"""The instrumented client behaves as without us: its methods, results and exceptions."""

from __future__ import annotations

import copy
import functools
import gc
import inspect
import itertools
import pickle
import threading
import traceback
from collections.abc import Iterator
from pathlib import Path
from types import FunctionType
from typing import Any

import openai
import pytest
from openai._base_client import AsyncAPIClient, BaseClient, SyncAPIClient

import baserun
import baserun_openai
from baserun.testing import Captured, OfflineModel, capture

CHAT: Any = {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": 'Say "a b c"'}]}

METHODS = [
    (BaseClient, "_build_request"),
    (SyncAPIClient, "_process_response"),
    (AsyncAPIClient, "_process_response"),
    (SyncAPIClient, "request"),
    (AsyncAPIClient, "request"),
]


@pytest.fixture(autouse=True)
def _plain() -> Iterator[None]:
    baserun_openai.uninstrument()
    yield
    baserun_openai.uninstrument()


@pytest.fixture(name="captured")
def _captured() -> Iterator[Captured]:
    with capture(instrument="none") as captured:
        yield captured


@pytest.fixture(name="client")
def _client(offline: OfflineModel) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=offline.url, api_key="offline", max_retries=0) as client:
        yield client


@pytest.mark.parametrize(("owner", "name"), METHODS)
def test_methods_look_the_same(owner: type, name: str) -> None:
    """A patched method has the name, signature, documentation and kind of the original."""
    before = _look(getattr(owner, name))

    baserun_openai.instrument()

    assert _look(getattr(owner, name)) == before


def _look(method: Any) -> dict[str, Any]:
    names = ("__name__", "__qualname__", "__module__", "__doc__")
    return {name: getattr(method, name) for name in names} | {
        "signature": inspect.signature(method),
        "is_coroutine": inspect.iscoroutinefunction(method),
    }


@pytest.mark.parametrize(("owner", "name"), METHODS)
def test_restored_exactly(owner: type, name: str) -> None:
    """`uninstrument` puts back the very same objects, however often `instrument` was called."""
    before = dict(owner.__dict__)

    baserun_openai.instrument()
    baserun_openai.instrument()
    assert owner.__dict__[name] is not before[name]
    baserun_openai.uninstrument()
    baserun_openai.uninstrument()

    assert dict(owner.__dict__) == before


def test_somebody_elses_wrapper_is_kept(offline: OfflineModel, captured: Captured) -> None:
    """Another tool's wrapper around ours is kept by `uninstrument`; after `instrument` calls are recorded again."""
    asked: list[str] = []
    original = SyncAPIClient.request
    baserun_openai.instrument()
    ours = SyncAPIClient.request

    @functools.wraps(ours)
    def theirs(*args: Any, **kwargs: Any) -> Any:
        asked.append("theirs")
        return ours(*args, **kwargs)

    SyncAPIClient.request = theirs  # type: ignore[method-assign]
    try:
        with openai.OpenAI(base_url=offline.url, api_key="offline") as client:
            baserun_openai.uninstrument()
            client.chat.completions.create(**CHAT)
            assert captured.calls == []
            baserun_openai.instrument()
            client.chat.completions.create(**CHAT)
    finally:
        SyncAPIClient.request = ours  # type: ignore[method-assign]
        baserun_openai.uninstrument()

    assert asked == ["theirs", "theirs"]
    assert len(captured.calls) == 1
    assert SyncAPIClient.request is original


class TheirMethod:
    """A replacement for a method like those of the library `wrapt`, which must be bound to know its client."""

    def __init__(self, wrapped: Any, seen: list[Any], client: Any = None) -> None:
        self.__wrapped__ = wrapped
        self._seen = seen
        self._client = client
        functools.update_wrapper(self, wrapped)

    @property  # type: ignore[misc]
    def __class__(self) -> Any:
        return FunctionType

    def __get__(self, client: Any, owner: type) -> TheirMethod:
        return TheirMethod(self.__wrapped__, self._seen, client)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        self._seen.append(self._client)
        return self.__wrapped__(self._client, *args, **kwargs)


@pytest.fixture(name="their_request")
def _their_request() -> Iterator[list[Any]]:
    """The clients seen by another tool, which has wrapped the inherited method in the class `OpenAI` itself."""
    seen: list[Any] = []
    openai.OpenAI.request = TheirMethod(openai.OpenAI.request, seen)  # type: ignore[method-assign]
    yield seen
    del openai.OpenAI.request


def test_somebody_else_was_first(
    client: openai.OpenAI, offline: OfflineModel, captured: Captured, their_request: list[Any]
) -> None:
    """If another tool patched the client's class before us, calls are recorded once, and its method is restored."""
    theirs = vars(openai.OpenAI)["request"]

    baserun_openai.instrument()
    client.chat.completions.create(**CHAT)
    list(client.chat.completions.create(**CHAT, stream=True))
    offline.next(status=429, retry_after_ms=1)
    client.with_options(max_retries=1).chat.completions.create(**CHAT)
    baserun_openai.uninstrument()
    client.chat.completions.create(**CHAT)

    assert [call.retries for call in captured.calls] == [0, 0, 1]
    assert their_request[0] is client
    assert len(their_request) == 4
    assert vars(openai.OpenAI)["request"] is theirs


def test_somebody_else_leaves_what_was_before_us(client: openai.OpenAI, captured: Captured) -> None:
    """If another tool restores the original method and so removes our wrapper, instrumenting again adds it."""
    before = SyncAPIClient.request
    baserun_openai.instrument()
    SyncAPIClient.request = before  # type: ignore[method-assign]
    client.chat.completions.create(**CHAT)
    assert captured.calls == []

    baserun_openai.instrument()
    client.chat.completions.create(**CHAT)
    baserun_openai.uninstrument()

    assert len(captured.calls) == 1
    assert SyncAPIClient.request is before


def test_somebody_else_hides_ours(client: openai.OpenAI, offline: OfflineModel, captured: Captured) -> None:
    """If another tool's wrapper hides ours, and we instrument again around it, a call is still one record."""
    baserun_openai.instrument()
    ours = {name: getattr(owner, name) for owner, name in METHODS[:2]} | {"request": SyncAPIClient.request}
    hidden: Any = {name: _hiding(method) for name, method in ours.items()}
    BaseClient._build_request = hidden["_build_request"]  # type: ignore[method-assign]
    SyncAPIClient._process_response = hidden["_process_response"]  # type: ignore[method-assign]
    SyncAPIClient.request = hidden["request"]  # type: ignore[method-assign]
    try:
        baserun_openai.instrument()
        offline.next(status=429, retry_after_ms=1)
        client.with_options(max_retries=1).chat.completions.create(**CHAT)
    finally:
        baserun_openai.uninstrument()
        for owner, name in ((BaseClient, "_build_request"), (SyncAPIClient, "_process_response")):
            setattr(owner, name, ours[name].__wrapped__)
        SyncAPIClient.request = ours["request"].__wrapped__  # type: ignore[method-assign]

    (call,) = captured.calls
    assert (call.retries, call.finish_reasons) == (1, ["stop"])


def _hiding(method: Any) -> Any:
    return lambda *args, **kwargs: method(*args, **kwargs)


def test_instrumented_by_many_threads() -> None:
    """Instrumenting from many threads at the same time wraps the methods once."""
    original = SyncAPIClient.request
    threads = [threading.Thread(target=baserun_openai.instrument) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert SyncAPIClient.request.__wrapped__ is original  # type: ignore[attr-defined]


def test_same_answer(client: openai.OpenAI, offline: OfflineModel, captured: Captured) -> None:
    """An answer has the same type and content, and can be copied and pickled."""
    plain = client.chat.completions.create(**CHAT)
    baserun_openai.instrument()

    answer = client.chat.completions.create(**CHAT)

    assert type(answer) is type(plain)
    assert set(vars(answer)) == set(vars(plain))
    assert answer.choices[0].model_dump() == plain.choices[0].model_dump()
    assert answer._request_id == offline.answers[-1].headers["x-request-id"]
    assert pickle.loads(pickle.dumps(answer)) == answer
    assert copy.deepcopy(answer) == answer


def test_same_stream(client: openai.OpenAI, captured: Captured) -> None:
    """A stream has the same type, is an iterator, and gives the same chunks."""
    plain = client.chat.completions.create(**CHAT, stream=True)
    texts = [chunk.choices[0].delta.content for chunk in plain if chunk.choices]
    baserun_openai.instrument()

    stream = client.chat.completions.create(**CHAT, stream=True)

    assert type(stream) is type(plain)
    assert set(vars(stream)) == set(vars(plain))
    assert next(stream).choices
    assert [chunk.choices[0].delta.content for chunk in stream if chunk.choices] == texts[1:]
    assert stream.response.is_closed
    assert stream.response.elapsed.total_seconds() > 0


def test_same_raw_stream(client: openai.OpenAI, captured: Captured) -> None:
    """A raw response gives the same bytes, and can still be pickled."""
    baserun_openai.instrument()

    with client.chat.completions.with_streaming_response.create(**CHAT, stream=True) as response:
        body = b"".join(response.iter_bytes())

    assert body.endswith(b"data: [DONE]\n\n")
    assert response.http_response.num_bytes_downloaded == len(body)
    assert pickle.loads(pickle.dumps(response.http_response)).status_code == 200


def test_same_body(client: openai.OpenAI, captured: Captured) -> None:
    """An unread body can be copied but not pickled, as without us; dropping a copy does not end the record."""
    outcomes = []
    for is_recorded in (False, True):
        if is_recorded:
            baserun_openai.instrument()
        with client.chat.completions.with_streaming_response.create(**CHAT, stream=True) as response:
            body = response.http_response.stream
            outcomes.append(type(copy.copy(body)))
            with pytest.raises((TypeError, pickle.PicklingError)):
                pickle.dumps(body)
            del body
            gc.collect()
            response.read()

    assert outcomes[0] is outcomes[1]
    assert [call.stream_end for call in captured.calls] == ["complete"]


def test_same_error(client: openai.OpenAI, offline: OfflineModel, captured: Captured) -> None:
    """An error has the same type and message, and a traceback that is one frame longer."""
    plain = _refused(client, offline)
    baserun_openai.instrument()

    error = _refused(client, offline)

    assert (type(error), str(error), error.__cause__) == (type(plain), str(plain), plain.__cause__)
    assert len(traceback.extract_tb(error.__traceback__)) == len(traceback.extract_tb(plain.__traceback__)) + 1


def _refused(client: openai.OpenAI, offline: OfflineModel) -> Exception:
    offline.next(status=400, message="No.")
    with pytest.raises(openai.BadRequestError) as raised:
        client.chat.completions.create(**CHAT)
    return raised.value


def test_caller_keeps_its_options(client: openai.OpenAI, captured: Captured) -> None:
    """The caller's arguments are not changed."""
    baserun_openai.instrument()
    given = copy.deepcopy(CHAT) | {"extra_body": {"seed": 1}, "extra_headers": {"x-own": "1"}}
    before = copy.deepcopy(given)

    client.chat.completions.create(**given)

    assert given == before


@pytest.mark.parametrize("environments", [("staging",), ("staging", "production")])
def test_init_beside_calls(offline: OfflineModel, tmp_path: Path, environments: tuple[str, ...]) -> None:
    """While `init` is called again and again, with the same options or others, no call of another thread is lost."""
    path = tmp_path / "store.sqlite3"
    baserun.init(path, environment=environments[0])
    calling = threading.Event()

    def work() -> None:
        with openai.OpenAI(base_url=offline.url, api_key="offline", max_retries=0) as client, baserun.with_session():
            for _ in range(25):
                client.chat.completions.create(**CHAT)
                calling.set()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    calling.wait(30)
    turns = itertools.cycle(environments)
    while any(thread.is_alive() for thread in threads):
        baserun.init(path, environment=next(turns))
    for thread in threads:
        thread.join()
    baserun.shutdown()

    stored = baserun.open_store(path)
    assert [session.llm_calls for session in stored.sessions()] == [25] * 4
    assert stored.verify() == []
