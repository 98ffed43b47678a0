"""Pages over a store: who uses an application, what they asked, what came back and what it cost.

They run by themselves (``baserun ui``) or mounted inside an application; they read through the contract of
`baserun.store` and are never imported by `baserun`.
"""

from __future__ import annotations

from baserun_monitor._pages import Pages
from baserun_monitor._security import LOOPBACK

__all__ = ["LOOPBACK", "Pages"]
