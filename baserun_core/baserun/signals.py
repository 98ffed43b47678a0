"""Signals that an application can listen to (blinker signals; see https://blinker.readthedocs.io).

    from baserun import signals

    @signals.llm_call_finished.connect
    def on_call(span, **_):
        ...

The sender is the session, trace or span itself; other values are keyword arguments. Receivers run at once, on the
thread that sends the signal, so they should be quick. An exception in one is logged and goes no further. A signal
without receivers costs nothing. Connections are weak: keep a reference to a receiver that is not a module-level
function.
"""

from __future__ import annotations

from types import CoroutineType
from typing import Any

from blinker import NamedSignal

from baserun._guard import report

session_started = NamedSignal("session-started", "A session was started. Sender: the session.")
session_resumed = NamedSignal("session-resumed", "A session was resumed by its id. Sender: the session.")
session_ended = NamedSignal("session-ended", "A session was ended. Sender: the session, or its id.")
user_identified = NamedSignal("user-identified", "A session's user became known. Sender: the session.")
trace_started = NamedSignal("trace-started", "A trace was started. Sender: the trace.")
trace_finished = NamedSignal("trace-finished", "A trace was finished. Sender: the trace.")
llm_call_started = NamedSignal("llm-call-started", "A call to a model was started. Sender: its span.")
llm_call_finished = NamedSignal("llm-call-finished", "A call to a model was finished. Sender: its span.")
annotation_added = NamedSignal("annotation-added", "A log, tag, feedback or check. Sender: the annotation's record.")
records_dropped = NamedSignal("records-dropped", "Records were given up. Sender: the reason; `count`: how many.")

ALL = (
    session_started,
    session_resumed,
    session_ended,
    user_identified,
    trace_started,
    trace_finished,
    llm_call_started,
    llm_call_finished,
    annotation_added,
    records_dropped,
)


def emit(signal: NamedSignal, sender: Any, **values: Any) -> None:
    """Send `signal`. On hot paths check ``signal.receivers`` before the call."""
    if signal.is_muted:
        return
    # Not `signal.send`, which stops at the first receiver that raises.
    for receiver in signal.receivers_for(sender):
        try:
            answer = receiver(sender, **values)
            if isinstance(answer, CoroutineType):  # nobody here can await it
                answer.close()
                raise TypeError(f"the receiver {receiver!r} is async; signals call plain functions")
        except Exception as error:
            report(f"sending the signal {signal.name}", error)
