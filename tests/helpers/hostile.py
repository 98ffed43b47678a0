"""Fills a store with hostile values, wherever a stranger can choose them."""

from __future__ import annotations

from contextlib import suppress

import baserun
from baserun.testing import capture
from recorded_calls import record_call

HOSTILE = (
    "</script><script>alert(1)</script><img src=x onerror=alert(2)> ![x](http://evil.test/p.png) javascript:alert(3) "
    "\x1b[31mred\x1b]0;t\x07 \u202eevil\u2066 \x00 {{ 7*7 }} '\"><svg onload=alert(4)>"
)


def fill(path: str) -> None:
    """Record a session in which every field that a stranger can choose is hostile."""
    with capture(store=path) as captured:
        owner = "=cmd|' /C calc'!A0 <script>"
        with baserun.with_session(owner, "hostile", metadata={HOSTILE: HOSTILE}):
            _misbehave()
        assert captured.flush()


def _misbehave() -> None:
    call = {"id": HOSTILE, "type": "function", "function": {"name": HOSTILE, "arguments": HOSTILE}}
    picture = {"type": "image_url", "image_url": {"url": "javascript:alert(5)"}}
    with suppress(ValueError), baserun.start_trace(HOSTILE):
        baserun.tag("tag", HOSTILE)
        baserun.log(HOSTILE, name=HOSTILE)
        record_call(
            HOSTILE,
            status="error",
            raised=ValueError(HOSTILE),
            provider=HOSTILE,
            operation=HOSTILE,
            request_model=HOSTILE,
            response_model=HOSTILE,
            response_id=HOSTILE,
            input=[
                {"role": HOSTILE, "content": HOSTILE},
                {"role": "user", "content": [picture]},
                {"role": "user", "content": "x" * 1_000_000},
            ],
            output=[{"role": "assistant", "content": HOSTILE, "tool_calls": [call]}],
            parameters={HOSTILE: HOSTILE},
            input_preview=HOSTILE,
            output_preview="=1+1",
        )
        baserun.feedback(HOSTILE, 0.1, comment=HOSTILE)
        raise ValueError(HOSTILE)
