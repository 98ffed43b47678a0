"""Visitors of the pages, without a server."""

from __future__ import annotations

from starlette.testclient import TestClient

from baserun.store import Store
from baserun_monitor import LOOPBACK, Pages

HOME = "http://127.0.0.1:4320"


def visitor_of(store: Store) -> TestClient:
    """Return a visitor of the pages of `store`, as `baserun ui` serves them to this machine."""
    return TestClient(Pages(store, allow=lambda request: True, hosts=LOOPBACK), base_url=HOME, follow_redirects=False)
