"""Two visits of one person, recorded with a model server that runs on this machine: no key, no network."""

from __future__ import annotations

import openai

import baserun
from baserun.testing import OfflineModel


def ask(client: openai.OpenAI, question: str) -> str:
    completion = client.chat.completions.create(model="gpt-4o-mini", messages=[{"role": "user", "content": question}])
    return completion.choices[0].message.content or ""


def main() -> None:
    ada = baserun.hash_user("ada@example.com")
    with OfflineModel() as model, openai.OpenAI(base_url=model.url, api_key="offline") as client:
        with baserun.with_session(user_identifier=ada) as session:
            print(ask(client, 'Say "good morning"'))
        with baserun.with_session(user_identifier=ada, session_identifier=session.id):
            print(ask(client, 'Say "here we are again"'))
            baserun.feedback("helpful", thumbsup=True)
    baserun.flush()
    print(f"recorded in .baserun/baserun.sqlite3; look at it with: baserun sessions show {session.id}")


if __name__ == "__main__":
    main()
