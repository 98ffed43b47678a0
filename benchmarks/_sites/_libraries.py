"""What the sites are measured with: a call of ours, and the other libraries, each encoding what it records."""

from __future__ import annotations

from typing import Any

from baserun.instrumentation import CallDetails, finish_call, start_call

OURS = ("baserun, untouched", "baserun, resumed + call")


class Told:
    """A call to a model as an integration tells it, small and in memory."""

    def describe(self) -> CallDetails:
        return CallDetails(provider="openai", operation="chat", request_model="gpt-4o-mini", input_preview="hello")


def call() -> None:
    """One call's worth of trace."""
    span = start_call("chat gpt-4o-mini")
    if span is not None:
        finish_call(span, Told(), 200)


def opentelemetry() -> Any:
    """A provider whose exporter does the least that any does: every span becomes JSON text, on a thread of its own."""
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
    """Every request is traced, encoded, and sent nowhere."""
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
    """Sentry changes every application of a process; without its client those changes do next to nothing."""
    import sentry_sdk

    scope = sentry_sdk.get_global_scope()
    if scope.client.is_active():
        _clients.append(scope.client)
    scope.set_client(_clients[-1] if is_on else None)


_clients: list[Any] = []
