"""GET /models."""

from __future__ import annotations

from baserun.testing._offline import names
from baserun.testing._offline.call import Call
from baserun.testing._offline.exchange import Answer, Json, json_answer

RELEASED = 1721172741  # the same for all models


async def list_models(call: Call) -> Answer:
    """List the known models; any other name works as well."""
    known = sorted({*names.SNAPSHOTS, *names.SNAPSHOTS.values(), *names.OTHER_MODELS})
    return json_answer({"object": "list", "data": [_model(name) for name in known]})


async def show_model(call: Call) -> Answer:
    """Return one model, whatever its name."""
    return json_answer(_model(call.parts["id"]))


def _model(name: str) -> Json:
    return {"id": name, "object": "model", "created": RELEASED, "owned_by": "openai"}
