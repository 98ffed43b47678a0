"""Keeping needless messages of uvicorn out of the log when one of our servers ends."""

from __future__ import annotations

import logging


def end_quietly() -> None:
    """Do not log that the server, when it ends, cancels open pages: they follow the store and never end by themselves.

    Call it after the server is made, which sets up its logs.
    """
    logging.getLogger("uvicorn.error").addFilter(_is_news)


def _is_news(record: logging.LogRecord) -> bool:
    import asyncio  # not at the top: commands that serve nothing do not need it

    error = record.exc_info[1] if record.exc_info else None
    return not isinstance(error, asyncio.CancelledError) and not record.getMessage().startswith("Cancel ")
