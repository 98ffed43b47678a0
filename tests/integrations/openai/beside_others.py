"""Together with other tools' instrumentation, in both orders: each call is one record of ours and one of theirs.

Run by `test_openai_beside_others.py`, in an environment that has the other tools.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from importlib import import_module
from typing import Any

import openai
import pytest

import baserun_openai
from baserun.testing import Captured, OfflineModel, capture

OTHERS = {
    "OpenTelemetry": "opentelemetry.instrumentation.genai.openai",
    "OpenInference": "openinference.instrumentation.openai",
}
CHAT: Any = {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": 'Say "one two three"'}]}


class ConsumerError(Exception):
    """Raised by the application while it reads a stream."""


@pytest.fixture(name="captured")
def _captured() -> Iterator[Captured]:
    with capture(instrument="none") as captured:
        yield captured


@pytest.fixture(name="spans", params=OTHERS)
def _spans(request: pytest.FixtureRequest, is_first: bool) -> Iterator[Any]:
    """The exporter of the other tool, which instrumented the client after us or before us."""
    tracing = import_module("opentelemetry.sdk.trace")
    exporter = import_module("opentelemetry.sdk.trace.export.in_memory_span_exporter").InMemorySpanExporter()
    provider = tracing.TracerProvider()
    provider.add_span_processor(tracing.export.SimpleSpanProcessor(exporter))
    other = import_module(OTHERS[request.param]).OpenAIInstrumentor()
    baserun_openai.uninstrument()
    steps: list[Callable[[], object]] = [
        baserun_openai.instrument,
        lambda: other.instrument(tracer_provider=provider),
    ]
    for step in steps if is_first else reversed(steps):
        step()
    yield exporter
    undone = [other.uninstrument, baserun_openai.uninstrument]
    for undo in undone if is_first else reversed(undone):
        undo()
    for kind in (openai.OpenAI, openai.AsyncOpenAI):
        if "request" in vars(kind):  # the inherited method, which the other tool leaves in the class
            del kind.request


def create(client: openai.OpenAI) -> None:
    client.chat.completions.create(**CHAT)


def raw(client: openai.OpenAI) -> None:
    client.chat.completions.with_raw_response.create(**CHAT).parse()


def read(client: openai.OpenAI) -> None:
    list(client.chat.completions.create(**CHAT, stream=True))


def closed(client: openai.OpenAI) -> None:
    stream = client.chat.completions.create(**CHAT, stream=True)
    next(iter(stream))
    stream.close()


def dropped(client: openai.OpenAI) -> None:
    stream = client.chat.completions.create(**CHAT, stream=True)
    next(iter(stream))


def raised(client: openai.OpenAI) -> None:
    stream = client.chat.completions.create(**CHAT, stream=True)
    with pytest.raises(ConsumerError), stream:
        next(iter(stream))
        raise ConsumerError("enough")


STYLES: list[tuple[Callable[[openai.OpenAI], None], str | None, str]] = [
    (create, None, "ok"),
    (raw, None, "ok"),
    (read, "complete", "ok"),
    (closed, "closed", "ok"),
    (dropped, "collected", "ok"),
    (raised, "error", "error"),
]


@pytest.mark.parametrize("is_first", [True, False], ids=["we first", "they first"])
@pytest.mark.parametrize(("style", "stream_end", "status"), STYLES)
def test_one_record_each(
    offline: OfflineModel,
    captured: Captured,
    spans: Any,
    style: Callable[[openai.OpenAI], None],
    stream_end: str | None,
    status: str,
) -> None:
    """A call is one record of ours and one of the other tool's, and ours has how it ended."""
    with openai.OpenAI(base_url=offline.url, api_key="offline", max_retries=0) as client:
        style(client)
        gc.collect()

    (call,) = captured.calls
    assert (call.stream_end, call.status, call.input) == (stream_end, status, CHAT["messages"])
    assert len(spans.get_finished_spans()) == 1
