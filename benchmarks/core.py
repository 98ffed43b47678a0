"""The cost of sessions, spans and logs, for the caller and the process, compared with OpenTelemetry's SDK."""

from __future__ import annotations

import os
import tempfile
from typing import Any

from benchmarks._libraries import OTHERS_INTERVAL
from benchmarks._measure import Cost, Measured, measure
from benchmarks._report import Row
from benchmarks._sizes import Size
from benchmarks._stored import keep_index_apart

TARGETS = {
    "session, new": Cost(5.0, float("nan")),
    "session, resumed": Cost(2.5, float("nan")),
    "span with 5 attributes": Cost(4.0, 15.0),
}
"""On the machine of the targets: see `yardstick`."""


def run(size: Size) -> list[Row]:
    """Measure Baserun, then OpenTelemetry's SDK if it is installed."""
    number = 20 if size == "smoke" else 4000
    theirs = _opentelemetry(number)
    missing = [] if theirs else [Row("opentelemetry-sdk", "", None, remark="not installed")]
    return [*_rows("baserun", _ours(number)), *_rows("opentelemetry-sdk", theirs), *missing]


def _rows(library: str, measured: list[Measured]) -> list[Row]:
    targets = TARGETS if library == "baserun" else {}
    return [
        Row(library, name, cost, targets.get(name), each.scale)
        for each in measured
        for name, cost in each.costs.items()
    ]


def _attributes(target: Any) -> None:
    target["model"] = "gpt-4o-mini"
    target["attempt"] = 1
    target["score"] = 0.5
    target["cached"] = True
    target["question"] = "How do I cancel my order?"


def _ours(number: int) -> list[Measured]:
    import baserun

    with tempfile.TemporaryDirectory() as folder:
        store = os.path.join(folder, "core.sqlite3")
        keep_index_apart()
        baserun.init(store=store, redact=None, instrument="none", flush_interval=OTHERS_INTERVAL)

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

        outside = measure({"session, new": new, "session, resumed": resumed}, number=number, settle=settle)
        with baserun.with_session(), baserun.start_trace("benchmark"):
            inherits = measure({"session, inherited": inherited, "log": log}, number=number, settle=settle)
            spans = measure({"span with 5 attributes": span}, number=number, settle=settle)
        baserun.shutdown()
    return [outside, inherits, spans]


def _opentelemetry(number: int) -> list[Measured]:
    try:
        from opentelemetry import baggage, context
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
    except ImportError:
        return []

    class Encoding(SpanExporter):
        """An exporter that does only the minimum: it encodes every span as JSON."""

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

    sessions = measure({"session, resumed": session}, number=number)
    with tracer.start_as_current_span("benchmark"):
        spans = measure({"span with 5 attributes": span}, number=number, settle=settle)
    provider.shutdown()
    return [sessions, spans]
