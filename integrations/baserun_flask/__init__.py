"""Sessions and users for Flask: one line.

from baserun_flask import Baserun

Baserun(app)                                    # or: baserun = Baserun(); baserun.init_app(app)
"""

from __future__ import annotations

from baserun_flask._extension import Baserun
from baserun_flask._feedback import feedback_view

__all__ = ["Baserun", "feedback_view"]
