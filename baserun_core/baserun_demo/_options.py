"""The options of the demo, and its error."""

from __future__ import annotations

from dataclasses import dataclass

from baserun.exceptions import BaserunError

DEFAULT_PORT = 4321  # beside the pages, which are at 4320


class DemoError(BaserunError):
    """The demo cannot start; the message says why and what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoOptions:
    """Options of the demo, as on its command line."""

    port: int | None = None
    """None: 4321, or any free port if that is taken."""
    keep: bool = False
    """Keep the store, in `./baserun-demo`."""
    browser: bool = True
    """Open a browser if there is one."""
    local_model: bool = False
    """Chat with the small model of the extra `local-model`."""
