"""A call recorded by Baserun, and the set-up of the other libraries, each of which encodes what it records."""

from __future__ import annotations

from typing import Any

from baserun.instrumentation import CallDetails, finish_call, start_call

OURS = ("baserun, untouched", "baserun, resumed + call")


class Told:
    """The source of a small call's details, as an integration would give them."""

    def describe(self) -> CallDetails:
        return CallDetails(provider="openai", operation="chat", request_model="gpt-4o-mini", input_preview="hello")


def call() -> None:
    """Record one call."""
    span = start_call("chat gpt-4o-mini")
    if span is not None:
        finish_call(span, Told(), 200)


def opentelemetry() -> Any:
    """Make a provider whose exporter only encodes every span as JSON, on its own thread."""
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult

    class Encoding(SpanExporter):
        def export(self, spans: Any) -> SpanExportResult:
            for span in spans:
                span.to_json()
            return SpanExportResult.SUCCESS

    provider = TracerProvider()
    provider.add_span_processor(BatchSpanProcessor(Encoding(), max_queue_size=100_000))
    return provider


def sentry(integration: Any) -> None:
    """Start Sentry's SDK so that every request is traced and encoded, and sent nowhere."""
    import sentry_sdk
    from sentry_sdk.transport import Transport

    class Encoding(Transport):
        def capture_envelope(self, envelope: Any) -> None:
            envelope.serialize()

    sentry_sdk.init(
        dsn="http://key@127.0.0.1:9/1",
        traces_sample_rate=1.0,
        transport=Encoding,
        default_integrations=False,
        auto_enabling_integrations=False,
        integrations=[integration],
    )


def switch_sentry(*, is_on: bool) -> None:
    """Switch Sentry on or off: it changes every application of a process, but does next to nothing without a client."""
    import sentry_sdk

    scope = sentry_sdk.get_global_scope()
    if scope.client.is_active():
        _clients.append(scope.client)
    scope.set_client(_clients[-1] if is_on else None)


_clients: list[Any] = []
