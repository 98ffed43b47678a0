"""The offline model and a client of it, for the tests of its endpoints."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from baserun.testing import OfflineModel

if TYPE_CHECKING:
    import openai


@pytest.fixture(name="model")
def _model() -> Iterator[OfflineModel]:
    with OfflineModel() as model:
        yield model


@pytest.fixture(name="client")
def _client(model: OfflineModel) -> Iterator[openai.OpenAI]:
    import openai  # not at the top: the bare environment has none

    with openai.OpenAI(base_url=model.url, api_key="offline", max_retries=0) as client:
        yield client
