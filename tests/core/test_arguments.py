"""Arguments that cannot be used raise at once, and the message says what to write instead."""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable
from enum import Enum
from typing import Any

import pytest

import baserun
from baserun.testing import Captured

TRACE = "0" * 31 + "1"
b: Any = baserun
"""`baserun` without types: these calls are wrong on purpose."""


async def redact_later(text: str, path: str) -> str:
    return text


WRONG: list[tuple[Callable[[], Any], str]] = [
    # Sessions
    (lambda: b.with_session(session_identifier=""), "session_identifier is empty; leave it out (or None)"),
    (lambda: b.with_session(session_identifier="x" * 300), "session_identifier has 300 characters, the most is 200"),
    (lambda: b.with_session(session_identifier="a\nb"), "'a\\nb' has a character that is not printable ASCII"),
    (lambda: b.with_session(session_identifier="ü"), "'ü' has a character that is not printable ASCII"),
    (lambda: b.with_session(session_identifier=b"bytes"), "session_identifier must be str, not bytes"),
    (lambda: b.with_session(session_identifier=7), "for an integer or UUID write str(value)"),
    (lambda: b.with_session(""), "user_identifier is empty; leave it out (or None) for an anonymous user"),
    (lambda: b.with_session("x" * 513), "user_identifier has 513 characters, the most is 512; use a hash of it"),
    (lambda: b.with_session("a\0b"), "'a\\x00b' has a control character; write baserun.hash_user(email)"),
    (lambda: b.with_session("\ud800"), "has a control character"),
    (lambda: b.with_session(b"bytes"), "user_identifier must be str, not bytes; write baserun.hash_user(email)"),
    (lambda: b.with_session(7), "user_identifier must be str, not int; write baserun.hash_user(email) or str(pk)"),
    (lambda: b.with_session(lambda: 1), "not function; call it; as a decorator, with_session is written wi"),
    (lambda: b.with_session(metadata=[1]), "metadata must be a dict such as {'plan': 'pro'}, not list"),
    (lambda: b.with_session(auto_end="no"), "auto_end must be True or False, not 'no'"),
    (lambda: b.with_session(capture_content=0), "capture_content must be True or False, not 0"),
    (lambda: b.start_session(7), "user_identifier must be str, not int"),
    (lambda: b.start_session(session_identifier=""), "session_identifier is empty"),
    (lambda: b.start_session(metadata="x"), "metadata must be a dict"),
    (lambda: b.end_session(""), "the id of the session is empty; write the session, or its id"),
    (lambda: b.end_session(None), "end_session() takes a session or its id, not NoneType"),
    (lambda: b.end_session(7), "not int; for an integer or UUID write str(value)"),
    (lambda: b.identify(None), "user_identifier must be str, not NoneType"),
    (lambda: b.identify(""), "user_identifier is empty"),
    (lambda: b.identify(str.title), "user_identifier must be str, not method_descriptor; call it"),
    (lambda: b.hash_user(b"a@b.c"), "hash_user() takes the e-mail address as str, not bytes"),
    (lambda: b.hash_user(None), "hash_user() takes the e-mail address as str, not NoneType"),
    (lambda: b.hash_user(""), "empty e-mail address; leave the user out for anonymous visitors"),
    # Traces
    (lambda: b.trace("answer"), "write @baserun.trace(name='answer'), or @baserun.trace alone"),
    (lambda: b.trace(7), "trace decorates functions, not int"),
    (lambda: b.trace(name=""), "name must be a non-empty str, not ''"),
    (lambda: b.trace(name=7), "name must be a non-empty str, not 7"),
    (lambda: b.trace(metadata=7), "metadata must be a dict"),
    (lambda: b.start_trace(""), "name must be a non-empty str, not ''"),
    (lambda: b.start_trace(None), "name must be a non-empty str, not None"),
    (
        lambda: b.start_trace(len),
        "start_trace() takes a name; as a decorator, it is written @baserun.start_trace('name')",
    ),
    (lambda: b.span(len), "span() takes a name; as a decorator, it is written @baserun.span('name')"),
    (lambda: b.start_trace("t", kind=""), "kind must be a non-empty str, not ''"),
    (lambda: b.start_trace("t", new=1), "new must be True or False, not 1"),
    (lambda: b.start_trace("t", metadata=7), "metadata must be a dict"),
    (lambda: b.span(7), "name must be a non-empty str, not 7"),
    (lambda: b.span("s", kind=None), "kind must be a non-empty str, not None"),
    (lambda: b.span("s", metadata=7), "metadata must be a dict"),
    (lambda: b.with_session()(7), "with_session(...) decorates functions, not int"),
    # Annotations
    (lambda: b.log("x", name=""), "name must be a non-empty str, not ''"),
    (lambda: b.log("x", metadata=[]), "metadata must be a dict"),
    (lambda: b.tag("", 1), "key must be a non-empty str, not ''"),
    (lambda: b.tag(7, 1), "key must be a non-empty str, not 7"),
    (lambda: b.check("c", 1), "result of the check 'c' must be True or False, not int; write bool(...)"),
    (lambda: b.check(None, True), "name must be a non-empty str, not None"),
    (lambda: b.check_includes("c", None, "x"), "check_includes('c') looks into a str, not NoneType"),
    (lambda: b.check_includes("c", "text", 7), "check_includes('c') looks for a str or a list of them, not 7"),
    (lambda: b.check_includes("c", "text", [7]), "check_includes('c') looks for a str or a list of them, not [7]"),
    (lambda: b.feedback("f"), "feedback('f') needs a score, thumbsup, stars or comment"),
    (lambda: b.feedback("", 1), "name must be a non-empty str, not ''"),
    (lambda: b.feedback("f", 1.5), "score must be a number from 0 (bad) to 1 (good), not 1.5"),
    (lambda: b.feedback("f", float("nan")), "score must be a number from 0 (bad) to 1 (good), not nan"),
    (lambda: b.feedback("f", True), "score must be a number from 0 (bad) to 1 (good), not True"),
    (lambda: b.feedback("f", "good"), "score must be a number from 0 (bad) to 1 (good), not 'good'"),
    (lambda: b.feedback("f", stars=6), "stars must be a whole number from 1 to 5, not 6"),
    (lambda: b.feedback("f", stars=True), "stars must be a whole number from 1 to 5, not True"),
    (lambda: b.feedback("f", thumbsup=1), "thumbsup must be True or False, not 1"),
    (lambda: b.feedback("f", 1, stars=5), "give one of score, thumbsup and stars, not several"),
    (lambda: b.feedback("f", comment=b"nice"), "comment must be str, not bytes"),
    (lambda: b.feedback("f", 1, session_id=""), "session_id is empty; leave it out (or None) for the current session"),
    (lambda: b.feedback("f", 1, trace_id="7"), "trace_id must be the 32 hexadecimal digits of trace.id, not '7'"),
    (lambda: b.feedback("f", 1, trace_id="A" * 32), "trace_id must be the 32 hexadecimal digits of trace.id"),
    (lambda: b.feedback("f", 1, completion_id=""), "completion_id must be a non-empty str, not ''"),
    # The rest
    (lambda: b.suppress(content_only="yes"), "content_only must be True or False, not 'yes'"),
    (lambda: b.propagate("work"), "propagate() takes the function that will run elsewhere, not str"),
    (lambda: b.inject(None), "inject() takes the headers as a dict, not NoneType"),
    (lambda: b.inject([]), "inject() takes the headers as a dict, not list"),
    (lambda: b.extract(None), "extract() takes the headers as a dict, not NoneType"),
    (lambda: b.extract([("a", "b")]), "extract() takes the headers as a dict, not list"),
    (lambda: b.mask_secrets(7), "mask_secrets() takes a text, not int; write str(value)"),
    (lambda: b.mask_secrets("x", None), "path must be a str such as 'metadata.api_key', not None"),
    (lambda: b.flush("soon"), "timeout must be a number of seconds, not 'soon'"),
    (lambda: b.flush(-1), "timeout must be a number of seconds, not -1"),
    (lambda: b.flush(float("nan")), "timeout must be a number of seconds, not nan"),
    (lambda: b.shutdown(None), "timeout must be a number of seconds, not None"),
    # Options
    (lambda: b.init("mongodb://localhost/x"), "The store 'mongodb://localhost/x' has an unknown scheme"),
    (lambda: b.init("postgresql://u:p@h/d"), "is not in this version, only SQLite is"),
    (lambda: b.init(7), "A store is named by a str or a path, not int"),
    (lambda: b.init(server_url="https://example.com"), "this version records to a local store only; leave it out"),
    (lambda: b.init(api_key=7), "api_key must be a non-empty str, not 7"),
    (lambda: b.init(environment=""), "environment must be a non-empty str, not ''"),
    (lambda: b.init(enabled="yes"), "enabled must be True or False, not 'yes'"),
    (lambda: b.init(capture_content=None), "capture_content must be True or False, not None"),
    (lambda: b.init(redact="all"), "redact must be 'default', None, or a function of (text, path), not 'all'"),
    (lambda: b.init(redact=redact_later), "redact must not be async"),
    (lambda: b.init(redact=lambda text: text), "is called with a text and its path; write def redact(text, path)"),
    (lambda: b.init(redact=str.title), "write def redact(text, path), not <method 'title'"),
    (lambda: b.init(user_key=""), "user_key must be a non-empty str, not ''"),
    (lambda: b.init(instrument="opnai"), "instrument must be 'auto', 'none', or some of 'openai'"),
    (lambda: b.init(instrument=7), "instrument must be 'auto', 'none', or some of"),
    (
        lambda: b.init(instrument=[["openai"]]),
        "some of 'openai'; not [['openai']]",
    ),
    (lambda: b.init(retention_days=0), "retention_days must be a number above 0, not 0"),
    (lambda: b.init(flush_interval=-1), "flush_interval must be a number above 0, not -1"),
    (lambda: b.init(queue_bytes="64MB"), "queue_bytes must be a number above 0, not '64MB'"),
    (lambda: b.init(queue_bytes=1.5), "queue_bytes must be a whole number of bytes, not 1.5"),
    (lambda: b.init(exit_timeout=float("inf")), "exit_timeout must be a number above 0, not inf"),
    (lambda: setattr(b, "api_key", 7), "api_key must be a non-empty str, not 7"),
    (lambda: setattr(b, "capture_content", False), "has no effect; write baserun.init(capture_content=...)"),
    (lambda: setattr(b, "store", "x.sqlite3"), "baserun.store = ... has no effect; write baserun.init(store=...)"),
]


@pytest.mark.parametrize(("wrong", "message"), WRONG, ids=[message for _, message in WRONG])
def test_wrong_argument(wrong: Callable[[], Any], message: str, captured: Captured) -> None:
    """A wrong argument raises a `ConfigurationError` (a `ValueError`), and nothing is recorded."""
    with pytest.raises(baserun.ConfigurationError) as raised:
        wrong()

    assert message in str(raised.value)
    assert isinstance(raised.value, ValueError)
    assert captured.stats.captured == 0
    assert baserun.current_session() is None


def test_misspelt_option() -> None:
    """A misspelt option is a `TypeError`, as for any function, with a suggestion."""
    with pytest.raises(TypeError, match=r"init\(\) has no option 'capture_contents'; did you mean 'capture_content'\?"):
        b.init(capture_contents=False)


def test_unknown_option() -> None:
    """For an option that resembles no other the message lists all options."""
    with pytest.raises(TypeError, match="init\\(\\) has no option 'zzz'; the options are store, server_url, api_key"):
        b.init(zzz=1)


def test_unknown_argument() -> None:
    """Other functions refuse an unknown argument as Python does."""
    with pytest.raises(TypeError, match="unexpected keyword argument 'user'"):
        b.with_session(user="u")


@pytest.mark.parametrize(
    "right",
    [
        lambda: b.with_session("ü b@c", session_identifier="x" * 200),
        lambda: b.with_session(None, None, metadata={}),
        lambda: b.flush(float("inf")),
        lambda: b.flush(0),
        lambda: b.propagate(threading.Event().set),
        lambda: b.init(redact=functools.partial(b.mask_secrets)),
        lambda: b.init(redact=lambda *texts: texts[0]),
        lambda: b.init(flush_interval=10**400, exit_timeout=1e300, retention_days=1e300),
        lambda: b.feedback("f", 1, trace_id=TRACE),
    ],
)
def test_unusual_but_right_arguments(right: Callable[[], Any], captured: Captured) -> None:
    """Arguments at the limits of what is allowed are accepted."""
    right()


class Tenant(str, Enum):  # noqa: UP042  (a StrEnum shows its text)
    ACME = "acme"


class Markup(str):
    def __len__(self) -> int:
        return 1

    def isprintable(self) -> bool:
        return True

    def __format__(self, spec: str) -> str:
        return "something else"


def test_ids_of_subclasses_of_str_are_the_text_they_hold(captured: Captured) -> None:
    """A str enum member, or a str subclass with methods of its own, counts as its text, here and in headers."""
    with b.with_session(Tenant.ACME, Markup("chat")) as session:
        headers = b.inject({})

    assert (f"{session.user_identifier}", f"{session.id}") == ("acme", "chat")
    assert headers == {"baggage": "session.id=chat,enduser.pseudo.id=acme"}


def test_a_session_is_given_the_text_that_a_subclass_of_str_holds(captured: Captured) -> None:
    """`session.identify` takes the text of a str subclass too."""
    with b.with_session() as session:
        session.identify(Tenant.ACME)

    assert f"{session.user_identifier}" == "acme"


@pytest.mark.parametrize("wrong", [Markup("x" * 513), Markup("a\n")])
def test_ids_of_subclasses_of_str_are_checked_as_text(wrong: str) -> None:
    """An id is checked by its text, whatever the methods of its class return."""
    with pytest.raises(baserun.ConfigurationError):
        b.with_session(wrong)
    with pytest.raises(baserun.ConfigurationError):
        b.with_session(session_identifier=wrong)


def test_wrong_init_changes_nothing(captured: Captured) -> None:
    """An `init` that fails leaves the previous configuration in place."""
    with pytest.raises(baserun.ConfigurationError):
        b.init("memory:other", environment=7)
    with baserun.start_trace("t"):
        pass

    assert [trace.name for trace in captured.traces] == ["t"]
