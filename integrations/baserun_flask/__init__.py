"""Sessions and users for Flask: one line.

Set the extension up with the application:

    from baserun_flask import Baserun

    Baserun(app)                                    # or: sessions = Baserun(); sessions.init_app(app)
"""

from __future__ import annotations

from baserun_flask._extension import Baserun
from baserun_flask._feedback import feedback_view

__all__ = ["Baserun", "feedback_view"]
