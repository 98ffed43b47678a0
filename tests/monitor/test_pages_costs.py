"""The reason of an unknown cost: in a tooltip beside the conversation, and as text on the page of the call's trace."""

from __future__ import annotations

import html
import re
from typing import Any

import pytest

import baserun
from baserun.instrumentation import Usage
from baserun.testing import capture
from page_visitors import visitor_of
from recorded_calls import record_call

COUNTED = Usage(input_tokens=12, output_tokens=5)
ASKED = {"stream_options": {"include_usage": True}}
FAILED: dict[str, Any] = {"status": "error", "error": ValueError("no")}
UNASKED = "the stream reported no usage; it does if the call has stream_options={'include_usage': True}"
LEFT = "the stream was not read to its end, where its usage is reported"
NOT_TOLD = "the provider reported no usage"


CHAT = {"provider": "openai", "operation": "chat", "request_model": "gpt-4o-mini"}
PAGES = ("/", "/sessions", "/users", "/traces", "/users/ada")
"""Pages with figures and lists."""


def pages_of(
    *calls: tuple[dict[str, Any], dict[str, Any]], paths: tuple[str, ...] = (), kind: str = "llm"
) -> list[str]:
    """Record calls, each given by its ending and details; return their session's page, their trace's, and `paths`."""
    with capture() as captured:
        with baserun.with_session("ada") as session, baserun.start_trace("POST /chat") as trace:
            for ending, details in calls:
                record_call("chat gpt-4o-mini", kind, **ending, **{**CHAT, **details})
        assert captured.flush()
        visitor = visitor_of(captured.store)
        visited = (f"/sessions/{session.id}", f"/traces/{trace.id}", *paths)
        return [visitor.get(path).raise_for_status().text for path in visited]


def told(ending: dict[str, Any], **details: Any) -> tuple[list[str], list[str]]:
    """Return the reasons for an unknown cost in the session's tooltips and on the trace's page."""
    beside, opened = pages_of((ending, details))
    hints = re.findall(r'<span class="why" title="([^"]*)">cost unknown</span>', beside)
    words = re.findall(r"<dt>cost</dt><dd>([^<]*)</dd>", opened)
    return [html.unescape(hint) for hint in hints], [html.unescape(word) for word in words]


@pytest.mark.parametrize(
    ("why", "details"),
    [
        (UNASKED, {"stream": True, "stream_end": "complete"}),
        (UNASKED, {"stream": True, "stream_end": "complete", "parameters": {"stream_options": None}}),
        (UNASKED, {"stream": True, "operation": "text_completion"}),
        (NOT_TOLD, {"stream": True, "stream_end": "complete", "parameters": ASKED}),
        (NOT_TOLD, {"stream": True, "stream_end": "complete", "response_id": "resp_1"}),
        (NOT_TOLD, {"operation": "moderations"}),
        (NOT_TOLD, {"usage": Usage(reasoning_tokens=4)}),
        (LEFT, {"stream": True, "stream_end": "closed"}),
        (LEFT, {"stream": True, "stream_end": "cancelled", "parameters": ASKED}),
        ("no price of our-own-model was known when the call was recorded",
         {"usage": COUNTED, "request_model": "our-own-model"}),
        ("no price of <b>our-own</b> was known when the call was recorded",
         {"usage": COUNTED, "response_model": "<b>our-own</b>", "request_model": None}),
        ("the model is not known", {"usage": COUNTED, "request_model": None}),
    ],
)  # fmt: skip
def test_a_page_says_why_a_cost_is_unknown(why: str, details: dict[str, Any]) -> None:
    """The pages say why a cost is unknown: each reason for missing usage, or no price."""
    assert told({}, **details) == ([why], [f"unknown: {why}"])


@pytest.mark.parametrize(
    ("why", "ending"),
    [
        ("the call failed, and no usage was reported", FAILED),
        ("the call was cancelled before its usage was reported", {"status": "cancelled"}),
    ],
)
def test_a_call_without_an_answer_has_no_usage(why: str, ending: dict[str, Any]) -> None:
    """For a failed or cancelled call, that is the reason of the unknown cost."""
    assert told(ending) == ([why], [f"unknown: {why}"])


def test_a_known_cost_needs_no_reason() -> None:
    """A known cost is shown without a reason."""
    hints, (amount,) = told({}, usage=COUNTED)

    assert (hints, amount[:2]) == ([], "$0")


def test_a_sum_says_what_it_leaves_out() -> None:
    """The cost of a session or trace sums the known costs, and says how many calls have none."""
    for page in pages_of(({}, {"usage": COUNTED}), (FAILED, {}), ({}, {"stream": True})):
        assert re.search(r"<span>\$0\.0\d+ and 2 calls of unknown cost</span>", page)

    for page in pages_of(({}, {"usage": COUNTED})):
        assert "of unknown cost" not in page


@pytest.mark.parametrize("page", PAGES)
def test_lists_and_figures_mark_a_sum_that_lacks_something(page: str) -> None:
    """An incomplete sum has a plus, and a tooltip with the number of calls of unknown cost."""
    *_, told = pages_of(({}, {"usage": COUNTED}), (FAILED, {}), ({}, {"stream": True}), paths=(page,))
    assert re.search(r'<span class="why" title="and 2 calls of unknown cost">\$0\.0\d+\+</span>', told)

    *_, whole = pages_of(({}, {"usage": COUNTED}), paths=(page,))
    assert re.search(r"\$0\.0\d+<", whole)
    assert "unknown cost" not in whole

    *_, none = pages_of((FAILED, {}), paths=(page,))
    assert "$0" not in re.sub(r"(?s)<(svg|table class=\"values).*?</\1", "", none)


@pytest.mark.parametrize("page", [None, *PAGES])
def test_what_was_paid_without_a_call_is_told(page: str | None) -> None:
    """Tokens and cost of embeddings, which are no LLM calls, are shown wherever those of calls are."""
    embedding = {
        "operation": "embeddings",
        "request_model": "text-embedding-3-small",
        "usage": Usage(input_tokens=5000),
    }

    for told in pages_of(({}, embedding), paths=() if page is None else (page,), kind="embedding"):
        assert re.search(r">5,000( tokens in)?<", told)  # and none out, which is not "unknown"
        assert ">$0.0001<" in told


@pytest.mark.parametrize("page", [None, *PAGES])
def test_speech_of_unknown_cost_is_missing(page: str | None) -> None:
    """What nobody priced is not among the calls either, and is told wherever a sum lacks it."""
    speech = {"operation": "speech", "request_model": "tts-1"}
    embedding = {**speech, "request_model": "text-embedding-3-small", "usage": Usage(input_tokens=5000)}
    paths = () if page is None else (page,)

    for alone in pages_of(({}, speech), paths=paths, kind="audio"):
        assert re.search(r">(cost )?unknown<", alone)
    *_, beside = pages_of(({}, speech), ({}, embedding), paths=paths, kind="audio")
    hint = '<span class="why" title="and 1 call of unknown cost">$0.0001+</span>'
    assert (hint if page else ">$0.0001 and 1 call of unknown cost<") in beside


def test_unknown_tokens_are_as_quiet_as_an_unknown_cost() -> None:
    """In lists, unknown tokens and costs are shown in the same muted way."""
    sessions = pages_of((FAILED, {}), paths=("/sessions",))[-1]

    for name in ("tokens", "cost"):
        assert re.search(rf'<td data-name="{name}" class="number"><span class="none">unknown</span></td>', sessions)


def test_unknown_tokens_of_a_call_are_told_beside_its_trace() -> None:
    """In a trace, the tokens of a call without usage are unknown in its own row too, as its cost is."""
    _, trace = pages_of((FAILED, {}))
    _, *rows = re.findall(r"(?s)<tr.*?</tr>", trace[trace.index('<table class="waterfall">') :])

    assert [row.count(">unknown<") for row in rows] == [2, 2]
