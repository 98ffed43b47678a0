"""Opening an address in a browser."""

from __future__ import annotations

import os
import sys
import threading
import webbrowser


def open_browser(address: str) -> None:
    """Open `address` in a browser window, where there can be one, without waiting for it.

    Without windows, as over SSH, Python would start a text browser and wait for its exit, which never comes: the page
    that it loads would have to be served by the program that waits.
    """
    if _has_window():
        threading.Thread(target=webbrowser.open, args=(address,), name="baserun-browser", daemon=True).start()


def _has_window() -> bool:
    """Whether a browser with windows can be started, or ``BROWSER`` names one."""
    return not sys.platform.startswith("linux") or any(
        os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER")
    )
