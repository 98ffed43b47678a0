"""Log probabilities: made up, but always the same for a token."""

from __future__ import annotations

from zlib import crc32

from baserun.testing._offline import tokens
from baserun.testing._offline.exchange import Json
from baserun.testing._offline.reply import Reply


def chat_logprobs(reply: Reply, top: int) -> Json:
    """Return the `logprobs` of a choice."""
    return {
        "content": token_logprobs(reply.text, top) if reply.text else None,
        "refusal": token_logprobs(reply.refusal, top) if reply.refusal else None,
    }


def token_logprobs(text: str, top: int) -> list[Json]:
    """Return one entry for each token, with the `top` likeliest alternatives."""
    return [{**_entry(token), "top_logprobs": _alternatives(token, top)} for token in tokens.split(text)]


def logprob(token: str) -> float:
    """Return the log probability of a token, between -1 and 0."""
    return -(crc32(token.encode(errors="surrogatepass")) % 1000) / 1000


def _alternatives(token: str, top: int) -> list[Json]:
    others = [_entry(f"{token}{index}", lower_by=index) for index in range(1, top)]
    return [_entry(token), *others][:top]


def _entry(token: str, *, lower_by: int = 0) -> Json:
    return {
        "token": token,
        "logprob": logprob(token) - lower_by,
        "bytes": list(token.encode(errors="surrogatepass")),
    }
