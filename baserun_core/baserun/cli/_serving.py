"""What uvicorn has no need to say when one of our own servers ends."""

from __future__ import annotations

import logging


def end_quietly() -> None:
    """Let the log say nothing of pages that follow the store: they never leave, so the end of the server ends them.

    To be called when the server was made, which sets its logs up.
    """
    logging.getLogger("uvicorn.error").addFilter(_is_news)


def _is_news(record: logging.LogRecord) -> bool:
    import asyncio  # which a command line that serves nothing does not need

    error = record.exc_info[1] if record.exc_info else None
    return not isinstance(error, asyncio.CancelledError) and not record.getMessage().startswith("Cancel ")
