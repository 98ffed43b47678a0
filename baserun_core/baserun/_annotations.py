"""Annotations of a session, trace or span: logs, tags, checks and feedback."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from hashlib import sha256
from typing import Any

from baserun._arguments import check_bool, check_metadata, check_text, is_number
from baserun._context import current
from baserun._current import recorder
from baserun._frame import Frame
from baserun._identity import check_session_identifier
from baserun._recorder import Recorder
from baserun._records import AnnotationAdded
from baserun._values import snapshot, snapshot_facts
from baserun.exceptions import ConfigurationError


def log(message: object, name: str | None = None, metadata: Mapping[str, Any] | None = None) -> None:
    """Record a message in the current trace or, outside any trace, in the current session.

    Args:
        message: Text or another value; recorded as content.
        name: A name by which to find such messages again.
        metadata: Facts about the message.

    Raises:
        ConfigurationError: `name` or `metadata` cannot be used.
    """
    frame = current()
    value = None if _is_contentless(frame) else message
    _annotate(frame, "log", check_text(name, "name") if name is not None else None, value=value, metadata=metadata)


def tag(key: str, value: object) -> None:
    """Label the current trace or, outside any trace, the current session; lists can be filtered by tags.

    Tags are not content: they are recorded with ``capture_content=False`` too.

    Args:
        key: The name of the tag.
        value: Its value, such as a str, number or bool; in a trace the last one with this key counts.

    Raises:
        ConfigurationError: `key` is not a non-empty str.
    """
    frame = current()
    check_text(key, "key")
    if frame is not None and frame.trace is not None and not frame.muted:
        tags: object = frame.trace.tags
        if isinstance(tags, dict):  # the application may have assigned something else, which is recorded as it is
            tags[key] = value
    _annotate(frame, "tag", key, value=value)


def check(
    name: str,
    result: bool,
    *,
    expected: object = None,
    actual: object = None,
    metadata: Mapping[str, Any] | None = None,
) -> bool:
    """Record whether an expectation was met.

    Args:
        name: What was checked.
        result: Whether the check passed.
        expected: The expected value; recorded as content.
        actual: The actual value; recorded as content.
        metadata: Facts about the check.

    Returns:
        `result`, so that a test can assert it.

    Raises:
        ConfigurationError: An argument cannot be used.
    """
    if not isinstance(result, bool):
        raise ConfigurationError(
            f"result of the check {name!r} must be True or False, not {type(result).__name__}; write bool(...)"
        )
    frame = current()
    value = None
    if (expected is not None or actual is not None) and not _is_contentless(frame):
        value = {"expected": expected, "actual": actual}
    _annotate(frame, "check", check_text(name, "name"), value=value, score=float(result), metadata=metadata)
    return result


def check_includes(
    name: str, actual: str, expected: str | Collection[str], *, metadata: Mapping[str, Any] | None = None
) -> bool:
    """Check that `actual` contains `expected`, or each of several texts, and record the result.

    Returns:
        Whether it does.

    Raises:
        ConfigurationError: `actual` is not a str, or `expected` neither a str nor a collection of them.
    """
    if not isinstance(actual, str):
        raise ConfigurationError(f"check_includes({name!r}) looks into a str, not {type(actual).__name__}")
    wanted = [expected] if isinstance(expected, str) else expected
    if not isinstance(wanted, Collection) or not all(isinstance(text, str) for text in wanted):
        raise ConfigurationError(f"check_includes({name!r}) looks for a str or a list of them, not {expected!r}")
    return check(name, all(text in actual for text in wanted), expected=expected, actual=actual, metadata=metadata)


def check_equals(name: str, actual: object, expected: object, *, metadata: Mapping[str, Any] | None = None) -> bool:
    """Check that `actual == expected`, record the result, and return it."""
    return check(name, bool(actual == expected), expected=expected, actual=actual, metadata=metadata)


def feedback(
    name: str,
    score: float | None = None,
    *,
    thumbsup: bool | None = None,
    stars: int | None = None,
    comment: str | None = None,
    session_id: str | None = None,
    trace_id: str | None = None,
    completion_id: str | None = None,
    metadata: Mapping[str, Any] | None = None,
) -> None:
    """Record a user's feedback on an answer, at once or long afterwards, from any process.

    Without an id it is about the current trace and session. Feedback on an id that is not in the store yet is kept, and
    attached when the record with that id arrives. Give one of `score`, `thumbsup` and `stars`, or a `comment`, or both.
    Each call adds a rating; several ratings of one answer are averaged.

    Args:
        name: What was rated, such as ``helpful``.
        score: From 0 (bad) to 1 (good).
        thumbsup: True is a score of 1, False of 0.
        stars: 1 to 5; each is a fifth of the score.
        comment: The user's own words; recorded as content.
        session_id: The session that it is about.
        trace_id: The trace that it is about.
        completion_id: The provider's id of the answer, such as ``completion.id``.
        metadata: Facts about the feedback.

    Raises:
        ConfigurationError: An argument cannot be used, or there is neither a rating nor a comment.
    """
    about = _about(session_id, trace_id, completion_id)
    _give(name, _score(score, thumbsup, stars), comment, metadata=metadata, about=about)


def feedback_by(
    giver: str,
    name: str,
    *,
    score: float | None = None,
    thumbsup: bool | None = None,
    stars: int | None = None,
    comment: str | None = None,
    session_id: str | None,
    trace_id: str,
) -> None:
    """Record what one person thinks of an answer: it takes the place of what they said of it before.

    A comment that comes alone leaves their judgement as it is, and takes the place of an earlier one that came alone.
    """
    judged = _score(score, thumbsup, stars)
    said = (giver, trace_id, "comment" if judged is None else "judgement", check_text(name, "name"))
    digest = sha256("\0".join(said).encode("utf-8", "surrogatepass")).hexdigest()
    _give(name, judged, comment, about=_about(session_id, trace_id, None), annotation_id=digest[:32])


def _give(
    name: str,
    judged: float | None,
    comment: str | None,
    *,
    about: dict[str, str] | None,
    metadata: Mapping[str, Any] | None = None,
    annotation_id: str | None = None,
) -> None:
    if judged is None and comment is None:
        raise ConfigurationError(f"feedback({name!r}) needs a score, thumbsup, stars or comment")
    if comment is not None and not isinstance(comment, str):
        raise ConfigurationError(f"comment must be str, not {type(comment).__name__}")
    frame = current()
    _annotate(
        frame,
        "feedback",
        check_text(name, "name"),
        score=judged,
        comment=None if _is_contentless(frame) else comment,
        metadata=metadata,
        about=about,
        annotation_id=annotation_id,
    )


def _score(score: float | None, thumbsup: bool | None, stars: int | None) -> float | None:
    given = [value for value in (score, thumbsup, stars) if value is not None]
    if len(given) > 1:
        raise ConfigurationError("give one of score, thumbsup and stars, not several")
    if thumbsup is not None:
        return float(check_bool(thumbsup, "thumbsup"))
    if stars is not None:
        if isinstance(stars, bool) or not isinstance(stars, int) or not 1 <= stars <= 5:
            raise ConfigurationError(f"stars must be a whole number from 1 to 5, not {stars!r}")
        return stars / 5
    if score is None:
        return None
    if not is_number(score) or not 0 <= score <= 1:
        raise ConfigurationError(f"score must be a number from 0 (bad) to 1 (good), not {score!r}")
    return float(score)


def _about(session_id: str | None, trace_id: str | None, completion_id: str | None) -> dict[str, str] | None:
    about = {}
    if session_id is not None:
        about["session_id"] = check_session_identifier(
            session_id, "session_id", "leave it out (or None) for the current session"
        )
    if trace_id is not None:
        about["trace_id"] = _checked_trace_id(trace_id)
    if completion_id is not None:
        about["completion_id"] = check_text(completion_id, "completion_id")
    return about or None


def _checked_trace_id(value: object) -> str:
    if isinstance(value, str) and len(value) == 32 and all(digit in "0123456789abcdef" for digit in value):
        return value
    raise ConfigurationError(f"trace_id must be the 32 hexadecimal digits of trace.id, not {value!r}")


def _annotate(
    frame: Frame | None,
    kind: str,
    name: str | None,
    *,
    value: object = None,
    score: float | None = None,
    comment: str | None = None,
    metadata: Mapping[str, Any] | None = None,
    about: dict[str, str] | None = None,
    annotation_id: str | None = None,
) -> None:
    checked = check_metadata(metadata)
    if frame is not None and frame.muted:
        return
    kept, size = (None, 0) if value is None else snapshot(value)
    facts, more = snapshot_facts(checked)
    current_recorder = recorder()
    record = AnnotationAdded(
        annotation_id or current_recorder.ids.annotation(),
        current_recorder.clock.now_us(),
        kind,
        name,
        **(_place(frame, current_recorder) if about is None else about),
        value=kept,
        score=score,
        comment=comment,
        metadata=facts,
    )
    current_recorder.annotate(record, size + more + (0 if comment is None else len(comment)))


def _place(frame: Frame | None, current_recorder: Recorder) -> dict[str, str | None]:
    if frame is None:
        return {}
    if frame.trace is not None and frame.trace.at_touch is not None:
        current_recorder.touch_trace(frame.trace)
    session = frame.session
    if session is not None and session.recorded_by is not current_recorder:
        current_recorder.open_touched_session(session)
    return {
        "session_id": None if session is None else session.id,
        "trace_id": None if frame.trace is None else frame.trace.id,
        "span_id": None if frame.span is None else frame.span.id,
    }


def _is_contentless(frame: Frame | None) -> bool:
    return not recorder().config.capture_content or (frame is not None and frame.contentless)
