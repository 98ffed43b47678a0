"""Sessions, spans and logs: what they cost the caller and the process, OpenTelemetry's SDK beside them."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from typing import Any

from benchmarks._measure import Cost, measure
from benchmarks._report import Row

TARGETS = {
    "session, new": Cost(5.0, float("nan")),
    "session, resumed": Cost(2.5, float("nan")),
    "span with 5 attributes": Cost(4.0, 15.0),
}
"""On the machine of `performance.md`: see `yardstick`."""


def run() -> list[Row]:
    """Measure ours, then OpenTelemetry's where its SDK is installed."""
    rows = [Row("baserun", name, cost, TARGETS.get(name)) for name, cost in _ours().items()]
    rows += [Row("opentelemetry-sdk", name, cost, None) for name, cost in _opentelemetry().items()]
    return rows


def _attributes(target: Any) -> None:
    target["model"] = "gpt-4o-mini"
    target["attempt"] = 1
    target["score"] = 0.5
    target["cached"] = True
    target["question"] = "How do I cancel my order?"


def _ours() -> dict[str, Cost]:
    import baserun

    with tempfile.TemporaryDirectory() as folder:
        baserun.init(store=os.path.join(folder, "core.sqlite3"), redact=None, instrument="none")

        def new() -> None:
            with baserun.with_session(user_identifier="u"):
                pass

        def resumed() -> None:
            with baserun.with_session(session_identifier="s", auto_end=False):
                pass

        def inherited() -> None:
            with baserun.with_session():
                pass

        def span() -> None:
            with baserun.span("lookup", kind="tool") as opened:
                _attributes(opened.metadata)

        def log() -> None:
            baserun.log("an order was cancelled")

        def settle() -> None:
            baserun.flush(60)

        costs = measure({"session, new": new, "session, resumed": resumed}, number=4000, settle=settle)
        with baserun.with_session(), baserun.start_trace("benchmark"):
            inside: dict[str, Callable[[], None]] = {
                "session, inherited": inherited,
                "span with 5 attributes": span,
                "log": log,
            }
            costs |= measure(inside, number=4000, settle=settle)
        baserun.shutdown()
    return costs


def _opentelemetry() -> dict[str, Cost]:
    try:
        from opentelemetry import baggage, context
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
    except ImportError:
        return {}

    class Encoding(SpanExporter):
        """The least that any exporter does: every span becomes JSON text."""

        def export(self, spans: Any) -> SpanExportResult:
            for span in spans:
                span.to_json()
            return SpanExportResult.SUCCESS

    provider = TracerProvider()
    provider.add_span_processor(BatchSpanProcessor(Encoding(), max_queue_size=100_000))
    tracer = provider.get_tracer("benchmark")

    def session() -> None:
        token = context.attach(baggage.set_baggage("session.id", "s"))
        context.detach(token)

    def span() -> None:
        with tracer.start_as_current_span("lookup") as opened:
            values: dict[str, Any] = {}
            _attributes(values)
            opened.set_attributes(values)

    def settle() -> None:
        provider.force_flush(60_000)

    costs = measure({"session, resumed": session}, number=4000)
    with tracer.start_as_current_span("benchmark"):
        costs |= measure({"span with 5 attributes": span}, number=2000, settle=settle)
    provider.shutdown()
    return costs
