"""Sessions and users for LLM applications."""

from baserun import _module
from baserun._annotations import check, check_equals, check_includes, feedback, log, tag
from baserun._flush import flush, shutdown, stats
from baserun._identity import hash_user
from baserun._init import init, mask_secrets
from baserun._ledger import Stats
from baserun._model import Session, Span, Trace
from baserun._propagation import extract, inject, propagate
from baserun._propagation import propagate as thread_wrapper
from baserun._reading import open_store
from baserun._sessions import current_session, end_session, expect_calls, identify, start_session, with_session
from baserun._suppress import suppress
from baserun._traces import current_span, current_trace, span, start_trace, trace
from baserun.exceptions import BaserunError, ConfigurationError

__all__ = [
    "BaserunError",
    "ConfigurationError",
    "Session",
    "Span",
    "Stats",
    "Trace",
    "check",
    "check_equals",
    "check_includes",
    "current_session",
    "current_span",
    "current_trace",
    "end_session",
    "expect_calls",
    "extract",
    "feedback",
    "flush",
    "hash_user",
    "identify",
    "init",
    "inject",
    "log",
    "mask_secrets",
    "open_store",
    "propagate",
    "shutdown",
    "span",
    "start_session",
    "start_trace",
    "stats",
    "suppress",
    "tag",
    "thread_wrapper",
    "trace",
    "with_session",
]

# For type checkers; `baserun._module` is what answers.
__version__: str
api_key: str | None

_module.install(__name__)
