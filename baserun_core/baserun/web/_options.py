"""The options of the middlewares, the same in every framework."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any, TypedDict

import msgspec

from baserun._arguments import check_bool, check_names, check_positive, is_async, takes
from baserun.exceptions import ConfigurationError
from baserun.web._excluded import Exclude, excluder

TOUCHED = "touched"
ALL = "all"

_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}\Z")
_DOMAIN = re.compile(r"[A-Za-z0-9._-]+\Z")
_SAME_SITE = ("lax", "strict", "none")


class OptionArguments(TypedDict, total=False):
    """The options as keyword arguments; see `WebOptions` for their meaning."""

    get_user: Callable[[Any], Any] | None
    excluded: Sequence[str | re.Pattern[str]] | Callable[[str], bool]
    record_requests: str
    cookie: str | None
    cookie_domain: str | None
    cookie_path: str
    cookie_secure: bool | None
    cookie_samesite: str
    cookie_partitioned: bool
    header: str | None
    send_session_header: bool
    trust_session_header: bool
    idle: float
    absolute: float


class WebOptions(msgspec.Struct, frozen=True, kw_only=True):
    """The options of every Baserun middleware, with their defaults."""

    get_user: Callable[[Any], Any] | None = None
    """A function of the framework's request that returns a `user_identifier`, a user object, or None for nobody (yet).
    It must not be `async`, and is called at the first touch, before the headers, and at the end of the request."""
    excluded: Sequence[str | re.Pattern[str]] | Callable[[str], bool] = ()
    """Paths without a session: ``"/health"``, ``"/static/*"``, a compiled expression, or a function of the path."""
    record_requests: str = TOUCHED
    """``touched`` stores requests in which something was recorded; ``all`` stores every request."""
    cookie: str | None = "baserun"
    """The name of the cookie, on https with the prefix ``__Host-``; None neither sends nor reads a cookie."""
    cookie_domain: str | None = None
    """The cookie's ``Domain``; with one, or another path than ``/``, there is no ``__Host-``."""
    cookie_path: str = "/"
    """The cookie's ``Path``."""
    cookie_secure: bool | None = None
    """The cookie's ``Secure``. None: when the request is https. True behind a proxy that the server does not trust."""
    cookie_samesite: str = "lax"
    """``lax``, ``strict``, or ``none`` (for pages in another site's frame; needs https)."""
    cookie_partitioned: bool = False
    """The cookie's ``Partitioned`` (CHIPS), for browsers that block third-party cookies."""
    header: str | None = "Baserun-Session"
    """The request header in which clients without cookies send their token; None reads no header."""
    send_session_header: bool = False
    """Also send the token in that header, in each response whose request touched a session."""
    trust_session_header: bool = False
    """Trust an unsigned id in that header, and W3C baggage; only for services that no outsider can reach."""
    idle: float = 30 * 60
    """Seconds without a touch after which a new session follows."""
    absolute: float = 24 * 60 * 60
    """Seconds from its start after which a new session follows, however busy it is."""
    is_excluded: Exclude
    """`excluded`, compiled."""


OPTION_NAMES = tuple(OptionArguments.__annotations__)


def check_options(given: dict[str, Any]) -> WebOptions:
    """Check the options and build `WebOptions`.

    Raises:
        ConfigurationError: An option cannot be used; the message says what to write instead.
        TypeError: There is no such option.
    """
    check_names(given, OPTION_NAMES, "there is no option")
    options = WebOptions(**given, is_excluded=excluder(given.get("excluded", ())))
    _check_user(options)
    _check_cookie(options)
    for name in ("send_session_header", "trust_session_header", "cookie_partitioned"):
        check_bool(getattr(options, name), name)
    if options.record_requests not in (TOUCHED, ALL):
        raise ConfigurationError(f"record_requests must be 'touched' or 'all', not {options.record_requests!r}")
    if options.header is not None and not _is_name(options.header):
        raise ConfigurationError(f"header must be a name such as 'Baserun-Session' or None, not {options.header!r}")
    for name in ("idle", "absolute"):
        check_positive(getattr(options, name), name, "a number of seconds")
    return options


def _is_name(value: object) -> bool:
    return isinstance(value, str) and _NAME.match(value) is not None


def _check_user(options: WebOptions) -> None:
    get_user = options.get_user
    if get_user is None:
        return
    if not callable(get_user):
        raise ConfigurationError(f"get_user must be a function of the request, not {type(get_user).__name__}")
    if not takes(get_user, 1):
        raise ConfigurationError(f"get_user is called with the request; write def get_user(request), not {get_user!r}")
    if is_async(get_user):
        raise ConfigurationError(
            "get_user must not be async: it is asked in the middle of a call; return what the request already knows, "
            "or call baserun.identify() where your code finds the user"
        )


def _check_cookie(options: WebOptions) -> None:
    if options.cookie is not None and not _is_name(options.cookie):
        raise ConfigurationError(f"cookie must be a name such as 'baserun' or None, not {options.cookie!r}")
    if options.cookie_secure not in (None, True, False):
        raise ConfigurationError(f"cookie_secure must be True, False or None, not {options.cookie_secure!r}")
    if options.cookie_samesite not in _SAME_SITE:
        raise ConfigurationError(f"cookie_samesite must be 'lax', 'strict' or 'none', not {options.cookie_samesite!r}")
    if options.cookie is not None and options.cookie.startswith("__Host-"):
        bare = options.cookie.removeprefix("__Host-")
        raise ConfigurationError(f"cookie is the name without '__Host-', which it gets on https; write {bare!r}")
    domain: object = options.cookie_domain
    if domain is not None and not (isinstance(domain, str) and _DOMAIN.match(domain)):
        raise ConfigurationError(f"cookie_domain must be a host without scheme, port and path, or None, not {domain!r}")
    if not _fits_cookie(options.cookie_path) or not options.cookie_path.startswith("/"):
        raise ConfigurationError(
            f"cookie_path must begin with '/' and be as browsers send it, in ASCII, not {options.cookie_path!r}"
        )
    if options.cookie_secure is False and (options.cookie_samesite == "none" or options.cookie_partitioned):
        raise ConfigurationError("browsers refuse SameSite=None and Partitioned without https; leave cookie_secure out")


def _fits_cookie(value: object) -> bool:
    return isinstance(value, str) and value.isascii() and value.isprintable() and ";" not in value
