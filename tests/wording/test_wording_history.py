"""Finding the new messages of a call."""

from __future__ import annotations

from baserun.wording.history import History
from baserun.wording.messages import Message


def test_a_conversation_that_is_sent_again_is_shown_once() -> None:
    """Of a second call's messages only those after the last answer are new."""
    history = History()
    first = [Message("system", "be kind"), Message("user", "yes")]
    history.new(first)
    history.told([Message("assistant", "good")])
    history.next_trace()

    unknown, new = history.new([*first, Message("assistant", "good"), Message("user", "yes")])

    assert (unknown, new) == (0, [Message("user", "yes")])


def test_an_unrecorded_history_is_counted() -> None:
    """Earlier messages that were not recorded are counted, and only the new ones returned."""
    told = [Message("user", "a"), Message("assistant", "b"), Message("user", "c")]

    assert History().new(told) == (2, [Message("user", "c")])


def test_a_retry_in_one_trace_is_shown_once() -> None:
    """The same message twice in one trace is new once; in the next trace it is new again."""
    history, asked = History(), [Message("user", "well?")]
    history.new(asked)

    assert history.new(asked) == (0, [])
    history.next_trace()
    assert history.new(asked) == (0, asked)


def test_a_question_without_an_answer_is_shown_once() -> None:
    """An unanswered message is new again when sent alone, but not when sent along with the next one."""
    history, asked = History(), Message("user", "well?")
    history.new([asked])
    history.next_trace()

    again = history.new([asked])
    history.next_trace()
    with_more = history.new([asked, Message("user", "hello?")])

    assert (again, with_more) == ((0, [asked]), (0, [Message("user", "hello?")]))
