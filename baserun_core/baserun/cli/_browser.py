"""Showing an address in a browser."""

from __future__ import annotations

import os
import sys
import threading
import webbrowser


def open_browser(address: str) -> None:
    """Open a window on `address`, where there can be one; nobody waits for it.

    Without a window, as over SSH, Python would take a browser for terminals and wait for its end, which does not come:
    what it asks for is to be served by whoever waits.
    """
    if _has_window():
        threading.Thread(target=webbrowser.open, args=(address,), name="baserun-browser", daemon=True).start()


def _has_window() -> bool:
    """Whether a browser that shows windows can be started, or one was chosen."""
    return not sys.platform.startswith("linux") or any(
        os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER")
    )
