"""The fixture of the offline model: it answers every client, whatever its host and wherever it was made."""

from __future__ import annotations

import importlib.util
from typing import Any

from baserun.testing import OfflineModel

TESTS = """
import asyncio
from functools import cache

import openai
import pytest

SAID = {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "Hello"}]}
KEY = {"api_key": "none"}
made_before = openai.OpenAI(**KEY)
elsewhere = openai.OpenAI(**KEY, base_url="https://llm.invalid/gateway/api/v1")
azure = openai.AzureOpenAI(**KEY, azure_endpoint="https://ours.openai.azure.invalid", api_version="2024-10-21")
kept = cache(openai.OpenAI)
CLIENTS = {"made before": made_before, "of another provider": elsewhere, "azure": azure}


def ask(client):
    return client.chat.completions.create(**SAID).choices[0].message.content


@pytest.mark.parametrize("name", CLIENTS)
def test_client(baserun_offline, baserun_calls, name):
    assert ask(CLIENTS[name]) == "You said: Hello"
    assert [request.json["model"] for request in baserun_offline.requests] == ["gpt-4o-mini"]
    assert len(baserun_calls) == 1


def test_module_level(baserun_offline):
    assert ask(openai) == "You said: Hello"


@pytest.mark.parametrize("number", [1, 2])
def test_kept(baserun_offline, number):
    assert ask(kept()) == "You said: Hello"
    assert len(baserun_offline.requests) == 1


@pytest.mark.parametrize("carrier", CARRIERS)
def test_async(baserun_offline, carrier):
    async def stream():
        options = {} if carrier == "httpx" else {"http_client": openai.DefaultAioHttpClient()}
        async with openai.AsyncOpenAI(base_url="https://llm.invalid/v1", **options) as client:
            chunks = await client.chat.completions.create(**SAID, stream=True)
            return "".join([chunk.choices[0].delta.content or "" async for chunk in chunks if chunk.choices])

    assert asyncio.run(stream()) == "You said: Hello"


def test_one_of_its_own(baserun_offline):
    from baserun.testing import OfflineModel

    with OfflineModel() as second, openai.OpenAI(base_url=second.url) as client:
        assert ask(client) == "You said: Hello"
        assert (len(baserun_offline.requests), len(second.requests)) == (0, 1)


def test_afterwards():
    with pytest.raises(openai.APIConnectionError):
        elsewhere.with_options(max_retries=0).chat.completions.create(**SAID)
"""


def test_every_client_is_directed_to_it(project: Any) -> None:
    """Every client is directed to it: made at import or in a function, cached, of another provider, over aiohttp."""
    carriers = ["httpx", "aiohttp"] if importlib.util.find_spec("aiohttp") else ["httpx"]
    project.write("test_clients.py", f"CARRIERS = {carriers}\n{TESTS}")

    done = project.run("-p", "no:asyncio")

    assert (done.code, {name for name, case in done.cases.items() if case.outcome != "passed"}) == (0, set()), (
        done.output
    )
    assert len(done.cases) == 9 + len(carriers) - 1


def test_a_client_that_is_made_meanwhile_can_be_recorded_afterwards(project: Any) -> None:
    """A client first made in a test with the offline model reaches the real provider in a later, recording test."""
    project.write(
        "test_late.py",
        """
        from functools import cache

        import openai
        import pytest

        kept = cache(lambda: openai.OpenAI(max_retries=0))


        def ask():
            said = [{"role": "user", "content": "Hello"}]
            return kept().chat.completions.create(model="gpt-4o-mini", messages=said).choices[0].message.content


        def test_offline(baserun_offline):
            assert ask() == "You said: Hello"


        @pytest.mark.baserun_replay
        def test_recorded():
            assert ask() == "the provider"


        @pytest.mark.baserun_replay
        def test_recorded_of_the_offline_model(baserun_offline):
            assert ask() == "You said: Hello"
        """,
    )
    with OfflineModel(reply=lambda messages: "the provider") as provider:
        environment = {"OPENAI_BASE_URL": provider.url, "OPENAI_API_KEY": "of the provider"}

        done = project.run("--baserun-record=once", **environment)

    assert done.code == 0, done.output
    (request,) = provider.requests
    assert request.headers["authorization"] == "Bearer of the provider"
    assert project.run().code == 0


def test_each_test_begins_with_a_new_model(project: Any) -> None:
    """Neither requests nor scripted answers of one test are left for the next one."""
    project.write(
        "test_two.py",
        """
        import pytest

        said = []

        @pytest.mark.parametrize("number", [1, 2])
        def test_one(baserun_offline, number):
            assert baserun_offline.requests == []
            baserun_offline.script(None, "left over", "left over")
            answer = baserun_offline.client.chat.completions.create(
                model="gpt-4o-mini", messages=[{"role": "user", "content": "Hello"}]
            )
            assert answer.choices[0].message.content == "You said: Hello"
            said.append(answer.id)
            assert len(set(said)) == 1
        """,
    )

    done = project.run()

    assert done.code == 0, done.output
