"""The session of a request: from a header or cookie, or new; with the owner checked against the visitor."""

from __future__ import annotations

import functools
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from baserun.exceptions import ConfigurationError
from baserun.testing import Captured, FakeClock
from baserun.web import ANONYMOUS, UNKNOWN, SessionPolicy, Visitor, known
from baserun.web._token import Keys

SECRET = "a secret of the tests, long enough"
pytestmark = pytest.mark.usefixtures("captured")


def token(policy: SessionPolicy, session_id: str, user: str | None = None) -> str:
    keys = policy.keys
    return keys.sign(session_id, keys.now(), keys.owner(user))


def test_no_token_gives_a_new_session() -> None:
    """A visitor without a token gets a new session with no previous one."""
    decision = SessionPolicy().decide([], known("ann"), None)

    assert not decision.is_resumed
    assert decision.previous_id is None


@pytest.mark.parametrize(
    ("owner", "visitor"),
    [("ann", known("ann")), (None, ANONYMOUS), (None, UNKNOWN), ("ann", UNKNOWN)],
    ids=["own", "nobody's", "nobody's, unknown", "somebody's, provisionally"],
)
def test_resumes(owner: str | None, visitor: Visitor) -> None:
    """A known visitor resumes their own session, an anonymous one a session without owner, an unknown one any."""
    policy = SessionPolicy()

    decision = policy.decide([("cookie", token(policy, "s", owner))], visitor, None)

    assert (decision.session_id, decision.is_resumed, decision.previous_id) == ("s", True, None)


@pytest.mark.parametrize(
    ("owner", "visitor"),
    [("ann", known("bob")), ("ann", ANONYMOUS), (None, known("ann"))],
    ids=["another user", "logout", "login"],
)
def test_a_token_of_another_owner_gives_a_linked_session(owner: str | None, visitor: Visitor) -> None:
    """A token of another owner, after a login or logout, gives a new session of the visitor, linked to the old one."""
    policy = SessionPolicy()

    decision = policy.decide([("cookie", token(policy, "s", owner))], visitor, None)

    assert not decision.is_resumed
    assert decision.session_id != "s"
    assert decision.previous_id == "s"
    assert policy.keys.is_owner(decision.owner, visitor.identifier)
    assert policy.ignored == {"foreign": 1}


def test_an_identified_user_counts() -> None:
    """A user known by `identify` only resumes their own session, and no other."""
    policy = SessionPolicy()
    brought = [("cookie", token(policy, "s", "ann"))]

    assert policy.decide(brought, UNKNOWN, "ann").is_resumed
    assert not policy.decide(brought, UNKNOWN, "bob").is_resumed


def test_rest_ends_a_session(clock: FakeClock) -> None:
    """After more than 30 idle minutes the same owner gets a new session linked to the old one."""
    policy = SessionPolicy()
    brought = [("cookie", token(policy, "s", "ann"))]
    clock.advance(30 * 60 + 1)

    decision = policy.decide(brought, known("ann"), None)

    assert (decision.is_resumed, decision.previous_id) == (False, "s")
    assert policy.ignored == {"expired": 1}


def test_rest_keeps_the_owner_of_an_unknown_visitor(clock: FakeClock) -> None:
    """The session that follows an expired one keeps its owner when the visitor is unknown."""
    policy = SessionPolicy()
    brought = [("cookie", token(policy, "s", "ann"))]
    clock.advance(30 * 60 + 1)

    decision = policy.decide(brought, UNKNOWN, None)

    assert policy.keys.is_owner(decision.owner, "ann")


def test_an_expired_token_of_another_user_links_nothing(clock: FakeClock) -> None:
    """An expired token of another user gives a new session without a link."""
    policy = SessionPolicy()
    brought = [("cookie", token(policy, "s", "ann"))]
    clock.advance(30 * 60 + 1)

    assert policy.decide(brought, known("bob"), None).previous_id is None


def test_limits_can_be_chosen(clock: FakeClock) -> None:
    """The option `idle` sets how long a session may rest."""
    policy = SessionPolicy(idle=5)
    brought = [("cookie", token(policy, "s"))]
    clock.advance(6)

    assert not policy.decide(brought, UNKNOWN, None).is_resumed


def test_the_header_counts_before_the_cookie() -> None:
    """A token in the header takes precedence over one in the cookie."""
    policy = SessionPolicy()
    brought = [("header", token(policy, "h")), ("cookie", token(policy, "c"))]

    decision = policy.decide(brought, UNKNOWN, None)

    assert (decision.session_id, decision.source) == ("h", "header")


def test_the_first_valid_one_counts() -> None:
    """Forged tokens before a genuine one, such as a cookie planted by a sibling domain, are skipped."""
    policy = SessionPolicy()
    brought = [("header", "forged.1..x.y"), ("cookie", "garbage"), ("cookie", token(policy, "c"))]

    assert policy.decide(brought, UNKNOWN, None).session_id == "c"


def test_own_token_is_found_after_another_users() -> None:
    """A visitor's own token is found after one of another user."""
    policy = SessionPolicy()
    brought = [("header", token(policy, "theirs", "bob")), ("cookie", token(policy, "mine", "ann"))]

    assert policy.decide(brought, known("ann"), None).session_id == "mine"


@given(brought=st.lists(st.tuples(st.sampled_from(["header", "cookie"]), st.text()), max_size=5))
def test_garbage_is_a_new_session_and_is_counted(brought: list[tuple[str, str]]) -> None:
    """Garbage values give a new session without a link, and each is counted."""
    policy = SessionPolicy(SECRET)

    decision = policy.decide(brought, UNKNOWN, None)

    assert (decision.is_resumed, decision.previous_id) == (False, None)
    assert sum(policy.ignored.values()) == len(brought)


@given(
    owners=st.lists(st.sampled_from([None, "ann", "bob"]), max_size=4),
    visitor=st.sampled_from([UNKNOWN, ANONYMOUS, known("ann"), known("bob")]),
)
def test_nobody_resumes_the_session_of_another_user(owners: list[str | None], visitor: Visitor) -> None:
    """With any genuine tokens, a known or anonymous visitor resumes only a session of theirs."""
    policy = SessionPolicy(SECRET)
    brought = [("cookie", token(policy, f"s{n}", owner)) for n, owner in enumerate(owners)]

    decision = policy.decide(brought, visitor, None)

    if decision.is_resumed and visitor is not UNKNOWN:
        assert owners[int(decision.session_id[1:])] == visitor.identifier
    if not decision.is_resumed:
        assert policy.keys.is_owner(decision.owner, visitor.identifier)


def test_secrets_can_change_while_it_runs() -> None:
    """A function given as `secrets` is called each time, so that secrets can change while the process runs."""
    now = ["old"]
    policy = SessionPolicy(lambda: now)
    brought = [("cookie", token(policy, "s"))]

    now[:] = ["new", "old"]
    assert policy.decide(brought, UNKNOWN, None).is_resumed
    now[:] = ["new"]
    assert not policy.decide(brought, UNKNOWN, None).is_resumed


def test_a_token_outlives_the_secret_that_bound_it_to_its_owner() -> None:
    """A token renewed after a rotation stays valid for its owner when the old secret is dropped."""
    now = ["old"]
    policy = SessionPolicy(lambda: now)
    brought = token(policy, "s", "ann")

    now[:] = ["new", "old"]
    decision = policy.decide([("cookie", brought)], known("ann"), None)
    renewed = policy.keys.sign(decision.session_id, decision.started, decision.owner)
    now[:] = ["new"]

    assert policy.decide([("cookie", renewed)], known("ann"), None).is_resumed


@pytest.mark.parametrize("secrets", [7, object(), LookupError("no secret today")])
def test_a_function_of_secrets_that_fails_fails_no_request(secrets: Any, caplog: pytest.LogCaptureFixture) -> None:
    """While the function of secrets raises, or returns none, the default secret signs tokens, and a line says so."""

    def ask() -> Any:
        if isinstance(secrets, Exception):
            raise secrets
        return secrets

    policy = SessionPolicy(ask)

    decision = policy.decide([("cookie", token(policy, "s"))], UNKNOWN, None)

    assert decision.is_resumed
    assert "asking for the secrets that sign tokens" in caplog.text


@pytest.mark.parametrize("secrets", [None, "", [None], ["", None], ["good", None], ["good", ""], [7, b"x"]])
def test_unusable_secrets_of_a_framework_fail_no_request(secrets: Any) -> None:
    """Unusable secrets, such as a fallback from an unset variable, are skipped; without any the default one is used."""
    policy = SessionPolicy(lambda: secrets)

    decision = policy.decide([("cookie", token(policy, "s"))], UNKNOWN, None)

    assert decision.is_resumed


def test_the_configured_secret_is_used_where_the_framework_has_none(captured: Captured) -> None:
    """Without a secret of the framework, tokens are signed with the one of `init(secret=...)`."""
    assert isinstance(captured, Captured)
    theirs = Keys([SECRET], SessionPolicy().keys.now)

    assert theirs.read(token(SessionPolicy(), "s")).session_id == "s"


def test_an_unsigned_id_counts_for_nothing() -> None:
    """An unsigned id in place of a token is not resumed."""
    policy = SessionPolicy()

    assert not policy.decide([("header", "conversation-1")], UNKNOWN, None).is_resumed


def test_a_trusted_id_is_resumed() -> None:
    """A trusted service names the session by id, or the session and user by W3C baggage."""
    policy = SessionPolicy(trust_session_header=True)

    by_id = policy.trusted("conversation-1", None)
    by_baggage = policy.trusted(None, "session.id=conversation-2,enduser.pseudo.id=ann")

    assert by_id is not None
    assert by_id.session_id == "conversation-1"
    assert by_baggage is not None
    assert (by_baggage.session_id, by_baggage.user_identifier) == ("conversation-2", "ann")


@pytest.mark.parametrize("header", ["x" * 201, "b\u00e4d", "a\tb"])
def test_a_trusted_id_must_be_one(header: str) -> None:
    """An invalid id is ignored and counted even from a trusted service."""
    policy = SessionPolicy(trust_session_header=True)

    assert policy.trusted(header, None) is None
    assert policy.ignored == {"malformed": 1}


async def later(request: object) -> str:
    return "ann"


class Later:
    async def __call__(self, request: object) -> str:
        return "ann"


class WithMethod:
    def user(self, request: object) -> str:
        return "ann"


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"record_requests": "some"}, "record_requests must be 'touched' or 'all', not 'some'"),
        ({"cookie": "a b"}, "cookie must be a name such as 'baserun' or None, not 'a b'"),
        ({"cookie_samesite": "Lax"}, "cookie_samesite must be 'lax', 'strict' or 'none', not 'Lax'"),
        ({"cookie": "__Host-chat"}, "cookie is the name without '__Host-', which it gets on https; write 'chat'"),
        ({"cookie_domain": "a;b"}, "cookie_domain must be a host without scheme, port and path, or None, not 'a;b'"),
        ({"cookie_domain": "bücher.example"}, "cookie_domain must be a host .* not 'bücher.example'"),
        ({"cookie_domain": "https://example.com"}, "without scheme, port and path, or None, not 'https://example.com'"),
        ({"cookie_domain": "localhost:8000"}, "without scheme, port and path, or None, not 'localhost:8000'"),
        ({"cookie_domain": ""}, "cookie_domain must be a host .* or None, not ''"),
        ({"cookie_path": "chat"}, "cookie_path must begin with '/' .* not 'chat'"),
        ({"cookie_path": "/größe"}, "cookie_path .* in ASCII, not '/größe'"),
        ({"cookie_path": None}, "cookie_path must begin with '/' .* not None"),
        ({"cookie_secure": "auto"}, "cookie_secure must be True, False or None, not 'auto'"),
        ({"cookie_secure": False, "cookie_samesite": "none"}, "leave cookie_secure out"),
        ({"header": ""}, "header must be a name"),
        ({"idle": 0}, "idle must be a number of seconds above 0, not 0"),
        ({"absolute": True}, "absolute must be a number of seconds above 0, not True"),
        ({"excluded": "/health"}, r"excluded must be a list such as \['/health', '/static/\*'\], not '/health'"),
        ({"excluded": ["health"]}, "begins with '/'"),
        ({"excluded": lambda: True}, r"excluded is called with a path .* write def excluded\(path\), not <function"),
        ({"excluded": later}, r"write def excluded\(path\), not <function later"),
        ({"get_user": "ann"}, "get_user must be a function of the request, not str"),
        ({"get_user": lambda: "ann"}, r"get_user is called with the request; write def get_user\(request\), not <func"),
        ({"get_user": Later()}, r"get_user must not be async.*baserun\.identify"),
        ({"get_user": later}, r"get_user must not be async.*baserun\.identify"),
        ({"send_session_header": 1}, "send_session_header must be True or False, not 1"),
        ({"secrets": ["", "x"]}, "a secret must be a non-empty str or bytes"),
        ({"secrets": 7}, "or a list of such with the newest first"),
        ({"secrets": {"new", "old"}}, "or a list of such with the newest first"),
        ({"secrets": lambda app: "s"}, r"is called with nothing; write def secrets\(\), not <function"),
        ({"secrets": later}, r"write def secrets\(\), not <function later"),
    ],
)
def test_a_wrong_option_says_what_to_write(given: dict[str, object], message: str) -> None:
    """An option that cannot be used raises at once, with its value and what to write instead."""
    with pytest.raises(ConfigurationError, match=message):
        SessionPolicy(**given)  # type: ignore[arg-type]


def first_argument(request: object, *more: object, name: str = "id") -> object:
    return request


@pytest.mark.parametrize(
    "function", [first_argument, functools.partial(first_argument, name="sub"), str, len, WithMethod().user]
)
def test_any_function_of_one_argument_will_do(function: Any) -> None:
    """Whatever can be called with one argument is taken as a `get_user` and as `excluded`."""
    policy = SessionPolicy(get_user=function, excluded=function)

    assert policy.options.get_user is function


def test_an_unknown_option_is_refused_with_the_nearest_name() -> None:
    """A mistyped option is a TypeError that suggests the nearest name."""
    with pytest.raises(TypeError, match=r"there is no option 'exclude'; did you mean 'excluded'\?"):
        SessionPolicy(exclude=["/x"])
