"""The libraries whose cost is compared: how each is started and flushed, and how it learns the session and user.

Each runs as its documentation says, with content on, and really exports: ours to an SQLite file, the others to a server
on this machine.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import AbstractContextManager, contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks import _stored

OTHERS_INTERVAL = 5.0
"""Seconds between two batches of OpenTelemetry's SDK, used here for ours too instead of 0.05, so that no background
work runs during the measured calls: on small machines it slows them by a quarter, those of the plain client too.
"""
USER = "4f2a" * 16
SESSION = "8d3b5f0e-8f6e-4f1c-9a53-6e1f1f5a7c11"


class Library(NamedTuple):
    """One library, started."""

    settle: Callable[[], object]
    """Sends everything queued, and returns when it is sent."""
    session: Callable[[], AbstractContextManager[Any]]
    """A block in which the session and the user are set."""
    stop: Callable[[], object]
    index: Callable[[], object] = lambda: None
    """Does the work that comes after: our search index is filled off the write path."""


Start = Callable[[str, str], Library]
"""Takes the URL of the sink and a folder, and instruments the client."""


def _baserun(redact: str | None) -> Start:
    def start(sink: str, folder: str) -> Library:
        import baserun

        store = os.path.join(folder, "store.sqlite3")
        _stored.keep_index_apart()
        baserun.init(store=store, redact=redact, instrument="openai", flush_interval=OTHERS_INTERVAL)
        return Library(
            settle=lambda: baserun.flush(60),
            session=lambda: baserun.with_session(USER, SESSION, auto_end=False),
            stop=baserun.shutdown,
            index=lambda: _stored.index(Path(store)),
        )

    return start


def _opentelemetry(sink: str, folder: str) -> Library:
    os.environ["OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT"] = "SPAN_ONLY"
    os.environ["OTEL_SEMCONV_STABILITY_OPT_IN"] = "gen_ai_latest_experimental"
    from opentelemetry import baggage, context

    provider = _provider(sink)
    import_module("opentelemetry.instrumentation.genai.openai").OpenAIInstrumentor().instrument(
        tracer_provider=provider
    )

    @contextmanager
    def session() -> Any:
        token = context.attach(baggage.set_baggage("user.id", USER, baggage.set_baggage("session.id", SESSION)))
        try:
            yield
        finally:
            context.detach(token)

    return Library(lambda: provider.force_flush(60_000), session, provider.shutdown)


def _openinference(sink: str, folder: str) -> Library:
    using_attributes = import_module("openinference.instrumentation").using_attributes
    provider = _provider(sink)
    import_module("openinference.instrumentation.openai").OpenAIInstrumentor().instrument(tracer_provider=provider)
    return Library(
        settle=lambda: provider.force_flush(60_000),
        session=lambda: using_attributes(session_id=SESSION, user_id=USER),
        stop=provider.shutdown,
    )


def _langfuse(sink: str, folder: str) -> Library:
    import_module("langfuse.openai")  # importing it instruments the client
    langfuse = import_module("langfuse")
    client = langfuse.Langfuse(public_key="pk-lf-benchmark", secret_key="sk-lf-benchmark", base_url=sink)
    return Library(
        settle=client.flush,
        session=lambda: langfuse.propagate_attributes(user_id=USER, session_id=SESSION),
        stop=client.shutdown,
    )


def _provider(sink: str) -> Any:
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    provider = TracerProvider()
    exporting = import_module("opentelemetry.exporter.otlp.proto.http.trace_exporter")
    exporter = exporting.OTLPSpanExporter(endpoint=f"{sink}/v1/traces")
    provider.add_span_processor(BatchSpanProcessor(exporter, max_queue_size=100_000))
    return provider


LIBRARIES: dict[str, Start] = {
    "baserun": _baserun(None),
    "baserun, default redaction": _baserun("default"),
    "opentelemetry-genai": _opentelemetry,
    "langfuse": _langfuse,
    "openinference": _openinference,
}
