"""The default redaction: what it masks, what it leaves unchanged, and that no text can make it slow."""

from __future__ import annotations

import hashlib
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

import baserun
from baserun._redact import mask_secrets
from baserun.testing import capture

# Assembled at run time, so that secret scanners of the repository do not take them for real ones.
API_KEYS = [
    "sk-" + "a1B2" * 12,
    "sk-" + "abcdefghijklmnopqrstuvwxyz",
    "sk-proj-" + "Ab1_" * 10,
    "sk-ant-" + "api03-" + "xY9-" * 10,
    "ghp_" + "a1B2" * 9,
    "gho_" + "a1B2" * 9,
    "github_pat_" + "11AAAA" + "b_2" * 10,
    "AKIA" + "IOSFODNN7EXAMPLE",
    "ASIA" + "IOSFODNN7EXAMPLE",
    "AIza" + "SyA1-b2_" * 4 + "abc",
    "xoxb-" + "123456789012-abcdef",
    "xoxp-" + "123456789012-abcdef",
    "hf_" + "aB1c" * 8,
    "glpat-" + "aB1c" * 5,
    "sk_live_" + "aB1c" * 6,
    "rk_live_" + "aB1c" * 6,
    "gsk_" + "aB1c" * 8,
    "csk-" + "a1b2" * 12,
    "xai-" + "aB1c" * 20,
    "pplx-" + "aB1c" * 12,
    "nvapi-" + "aB1_c-" * 10,
]
JWT = ".".join(["eyJ" + "hbGciOiJIUzI1NiJ9", "eyJ" + "zdWIiOiIxMjM0NTY3ODkwIn0", "dozjgNryP4J3jVmNHl0w5N_XgL0n3I9P"])
PEM = "\n".join(
    ["-----BEGIN RSA " + "PRIVATE KEY-----", *["MIIEpAIBAAKCAQEA" * 4] * 20, "abcd=", "-----END RSA PRIVATE KEY-----"]
)
CARDS = [
    "4111111111111111",
    "4111 1111 1111 1111",
    "5555-5555-5555-4444",
    "378282246310005",
    "3782 822463 10005",
    "4222222222222",
]


@pytest.mark.parametrize("key", API_KEYS)
@pytest.mark.parametrize("template", ["{}", "my key is {} ok?", 'key="{}"', "KEY={}\n", "(“{}”)"])
def test_api_keys_are_masked(key: str, template: str) -> None:
    """API keys of known providers are masked anywhere in a text, and nothing around them."""
    masked = mask_secrets(template.format(key), "input")

    assert masked == template.format("[masked: api key]")


@pytest.mark.parametrize("word", ["Bearer", "bearer", "BEARER"])
def test_bearer_tokens_are_masked(word: str) -> None:
    """A token after the word bearer is masked whatever it looks like."""
    masked = mask_secrets(f"Authorization: {word} abc123def456ghi789/+== done", "input")

    assert masked == f"Authorization: {word} [masked: bearer token] done"


@pytest.mark.parametrize(
    "header",
    ["Authorization: Basic dXNlcjpwYXNz", '"authorization": "Basic dXNlcjpwYXNz"', "X-Api-Key: a1b2c3d4e5f6g7h8"],
)
def test_credentials_of_headers_are_masked(header: str) -> None:
    """Credentials in headers that were pasted into a text are masked."""
    masked = mask_secrets(header, "input")

    assert "[masked: authorization]" in masked
    assert "dXNlcjpwYXNz" not in masked
    assert "a1b2c3d4e5f6g7h8" not in masked


@pytest.mark.parametrize(
    "path",
    [
        "metadata.headers.Authorization",
        "metadata.headers.authorization[0]",
        "metadata.HTTP_AUTHORIZATION",
        "input.x-api-key",
        "api_key",
        "input[0].proxy-authorization",
        "metadata.environ.AZURE_OPENAI_API_KEY",
    ],
)
def test_values_under_the_name_of_a_credential_are_masked(path: str) -> None:
    """A value under the name of a credential is masked whatever it looks like."""
    assert mask_secrets("hunter2", path) == "[masked: authorization]"


def test_a_redact_function_can_extend_the_default() -> None:
    """A `redact` function can call `mask_secrets` and change more."""

    def redact(text: str, path: str) -> str:
        return baserun.mask_secrets(text, path).replace("Ada", "[name]")

    with capture(redact=redact) as captured:
        with baserun.with_session():
            baserun.log({"said": f"Ada has {API_KEYS[0]}", "api_key": "hunter2"})

        (note,) = captured.annotations
        assert note.value == {"said": "[name] has [masked: api key]", "api_key": "[masked: authorization]"}


def test_web_tokens_are_masked() -> None:
    """A JSON Web Token is masked as a whole."""
    assert mask_secrets(f"token {JWT}, thanks", "input") == "token [masked: token], thanks"


@pytest.mark.parametrize("text", [PEM, PEM.replace("\n", "\\n"), PEM.rsplit("\n", 1)[0]])
def test_private_keys_are_masked(text: str) -> None:
    """A PEM private key is masked, also on one line with escaped newlines, and when its end is missing."""
    masked = mask_secrets(f"here: {text}", "input")

    assert masked.strip() == "here: [masked: private key]"


@pytest.mark.parametrize("number", CARDS)
def test_card_numbers_are_masked(number: str) -> None:
    """Payment card numbers are masked, in one piece or in their usual groups."""
    assert mask_secrets(f"card {number}, 12/29", "input") == "card [masked: card number], 12/29"


@pytest.mark.parametrize(
    "text",
    [
        "4111111111111112",  # wrong check digit
        "1712345678901",  # milliseconds
        "1712345678901234567",  # nanoseconds
        "2024-01-01 12:00:00.123456",
        "+49 170 1234567",
        "(555) 123-4567",
        "0.4111111111111111",
        "550e8400-e29b-41d4-a716-446655440000",
        hashlib.sha256(b"user@example.com").hexdigest(),
        "jane@example.com",
        "chatcmpl-9aBcDeFgHiJkLmNoPqRsTuVwXyZ01",
        "risk-adjusted-return-on-capital-employed",
        "task-oriented, desk-bound, sk-learn-compatible-estimators",
        "the bearer of this letter understands internationalization",
        "sk-123",
        "disk-management-and-other-things, xai-based-explanations-of-models",
        "Authorization: required",
        "the authorization header is missing",
        "-----BEGIN PUBLIC KEY-----",
    ],
)
def test_ordinary_text_is_left_alone(text: str) -> None:
    """Identifiers, times, phone numbers, hashes, e-mail addresses and prose are not taken for secrets."""
    assert mask_secrets(text, "input") == text


@given(st.uuids())
def test_uuids_are_left_alone(value: uuid.UUID) -> None:
    """No UUID is taken for a card number."""
    assert mask_secrets(f"session {value} ended", "input") == f"session {value} ended"


@given(st.text())
def test_any_text_is_taken(text: str) -> None:
    """Any text can be masked, and masking it again changes nothing."""
    masked = mask_secrets(text, "input")

    assert mask_secrets(masked, "input") == masked


@pytest.mark.parametrize(
    "piece",
    [
        "sk-",
        "sk-a-",
        "eyJ",
        "eyJa.",
        "eyJaaaaaaaa.",
        "eyJaaaaaaaa.aaaaaaaa",
        "-----BEGIN PRIVATE KEY-----",
        "-----BEGIN ",
        "4111 ",
        "4",
        "4-",
        "4111-1111-",
        "Bearer ",
        "Bearer aaaaaaaa",
        "authorization: ",
        "authorization" + " " * 10,
        "api-key=a",
        "xoxb-",
        "csk-",
        "xai-",
        "pplx-a",
        "nvapi-",
        "AKIA",
        "ghp_",
        "github_pat_",
        "-",
        "_",
        "sk-proj-proj-",
        "\n",
        "-----BEGIN PRIVATE KEY-----\nabc",
    ],
)
def test_no_text_makes_it_slow(piece: str) -> None:
    """Masking takes linear time for a megabyte of beginnings of secrets; in quadratic time this test would not end."""
    text = piece * (1_000_000 // len(piece))

    assert mask_secrets(text + "!", "input").endswith("!")
