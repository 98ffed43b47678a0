"""Masking secrets before content is stored: API keys, bearer tokens, private keys and card numbers.

Masked by default: keys of OpenAI, Anthropic, xAI, Perplexity, Groq, Cerebras, NVIDIA, Hugging Face, GitHub, GitLab,
AWS, Google, Slack and Stripe; the credentials of ``Authorization`` and API-key headers, and the values of names like
``OPENAI_API_KEY``; JSON Web Tokens; PEM private keys; payment card numbers that pass the Luhn check. Not masked: names,
e-mail addresses, phone numbers and everything else that only the application can know to be private; for those give
``redact=`` a function, which calls `baserun.mask_secrets` first.

Each kind of secret has a cheap search that ordinary text does not pass, and patterns that take linear time on any text.
"""

from __future__ import annotations

import re
from collections.abc import Callable

Redact = Callable[[str, str], str]
"""Takes a text and its path (``input[0].content``), and returns the text to store."""

Mask = Callable[[str], str]
"""Replaces one kind of secret."""

REDACTION_FAILED = "[masked: redaction failed]"
"""Replaces a text for which the redact function failed: what was not checked is not stored."""

ANCHOR_HOPS = 32
"""Occurrences of a pattern's anchor character that are tried one by one before the pattern searches the rest."""
HOPPING_LENGTH = 8192
"""Characters; in a shorter text the pattern alone is as fast."""
SHORTEST_SECRET = 13
"""Characters; a card number has at least these, every other secret has more."""
SHORTEST_HEADER = 6
"""Characters; the name of a credential has more."""
LONGEST_SECRET = 4096
"""Characters; a secret up to this length is found whole where a long text is cut."""


Scan = tuple[str, re.Pattern[str] | None, tuple[Mask, ...]]
"""A quick search of a text, or of a string in a JSON text, and the masks to apply if it finds something.

First an anchor, which each secret of these kinds contains or is announced by; then a pattern that begins with it and
must never miss one, or None if the anchor alone is rare in ordinary text.
"""


def mask_secrets(text: str, path: str) -> str:
    """Replace each of the secrets listed above by a label such as ``[masked: api key]``."""
    if names_a_header(path):
        return "[masked: authorization]"
    return apply_masks(text, masks_for(text))


def masks_for(text: str) -> tuple[Mask, ...]:
    """Return the masks to apply to a text, or to the strings in a JSON text; none for ordinary text."""
    if len(text) < SHORTEST_SECRET:
        return ()
    found: list[Mask] = []
    for anchor, pattern, masks in SCANS:
        if anchor in text and (pattern is None or contains(text, anchor, pattern)):
            found += [mask for mask in masks if mask not in found]
    if _has_card_digits(text):
        found.append(_mask_cards)
    return tuple(found)


def apply_masks(text: str, masks: tuple[Mask, ...]) -> str:
    """Apply the masks to the text."""
    for mask in masks:
        text = mask(text)
    return text


def names_a_header(path: str) -> bool:
    """Whether the value at this path is a credential by its name alone."""
    return len(path) > SHORTEST_HEADER and _HEADER_PATH.search(path) is not None


def contains(text: str, anchor: str, pattern: re.Pattern[str]) -> bool:
    """Whether the pattern, which begins with the anchor character, occurs in the text.

    A single character is found at the speed of memory; where it is rare, that is much faster than the pattern.
    """
    position = text.find(anchor)
    if position < 0:
        return False
    if len(text) < HOPPING_LENGTH:
        return pattern.search(text, position) is not None
    for _ in range(ANCHOR_HOPS):
        if pattern.match(text, position) is not None:
            return True
        position = text.find(anchor, position + 1)
        if position < 0:
            return False
    return pattern.search(text, position) is not None


_HEADER_PATH = re.compile(
    r"(?:(?:^|[.\"'\]])(?:proxy-|http_)?authorization|(?:^|[.\"'\]_-])api[-_]key)(?:\[[0-9]+\])?$", re.IGNORECASE
)

# A key has a digit, or a long piece without hyphens; words like "sk-learn-compatible-estimators" have neither.
_LOOKS_RANDOM = r"(?=[A-Za-z_-]{0,64}[0-9]|(?:[A-Za-z]{1,16}-){0,4}[A-Za-z0-9_]{20})"

_DASH_POSSIBLE = re.compile(
    r"-(?<=[abekoprstxiI]-)(?:"
    r"(?:(?<=sk-)|(?<=xai-)|(?<=pplx-)|(?<=nvapi-)|(?<=glpat-)|(?<=xox.-))[A-Za-z0-9_-]{10}|(?<=[pP][iI]-)[kK][eE][yY])"
)
_DASH_KEYS = (
    re.compile(rf"sk-(?<![A-Za-z0-9]sk-){_LOOKS_RANDOM}[A-Za-z0-9_-]{{16,}}"),
    re.compile(rf"csk-(?<![A-Za-z0-9]csk-){_LOOKS_RANDOM}[A-Za-z0-9_-]{{16,}}"),
    re.compile(rf"xai-(?<![A-Za-z0-9]xai-){_LOOKS_RANDOM}[A-Za-z0-9_-]{{16,}}"),
    re.compile(rf"pplx-(?<![A-Za-z0-9]pplx-){_LOOKS_RANDOM}[A-Za-z0-9_-]{{16,}}"),
    re.compile(rf"nvapi-(?<![A-Za-z0-9]nvapi-){_LOOKS_RANDOM}[A-Za-z0-9_-]{{16,}}"),
    re.compile(r"glpat-(?<![A-Za-z0-9]glpat-)[A-Za-z0-9_-]{16,}"),
    re.compile(r"xox[abeoprs]-(?<![A-Za-z0-9]xox.-)[A-Za-z0-9-]{10,}"),
)
_UNDERSCORE_POSSIBLE = re.compile(
    r"_(?<=[kfoprstuiI]_)(?:(?<=[sr]k_)(?:live|test)_|(?<=[pP][iI]_)[kK][eE][yY]"
    r"|(?:(?<=gh._)|(?<=hf_)|(?<=gsk_)|(?<=github_pat_))[A-Za-z0-9_]{16})"
)
_UNDERSCORE_KEYS = (
    re.compile(r"[sr]k_(?<![A-Za-z0-9].k_)(?:live|test)_[A-Za-z0-9]{10,}"),
    re.compile(r"gh[pousr]_(?<![A-Za-z0-9]gh._)[A-Za-z0-9]{20,}"),
    re.compile(r"github_pat_(?<![A-Za-z0-9]github_pat_)[A-Za-z0-9_]{20,}"),
    re.compile(r"hf_(?<![A-Za-z0-9]hf_)[A-Za-z0-9]{20,}"),
    re.compile(r"gsk_(?<![A-Za-z0-9]gsk_)[A-Za-z0-9]{20,}"),
)
_CLOUD_POSSIBLE = re.compile(r"A(?:[KS]IA[A-Z0-9]{16}|Iza[A-Za-z0-9_-]{30})")
_CLOUD_KEYS = (
    re.compile(r"A[KS]IA(?<![A-Za-z0-9]A.IA)[A-Z0-9]{16}(?![A-Za-z0-9])"),
    re.compile(r"AIza(?<![A-Za-z0-9]AIza)[A-Za-z0-9_-]{30,}"),
)
_JWT_POSSIBLE = re.compile(r"J(?<=eyJ)[A-Za-z0-9_-]{8}")
_JWT = re.compile(
    r"eyJ(?<![A-Za-z0-9_-]eyJ)[A-Za-z0-9_-]{8,}+\.[A-Za-z0-9_-]{8,}+\.[A-Za-z0-9_-]*+(?:\.[A-Za-z0-9_-]++){0,2}"
)

_BEARER = re.compile(rf"(earer(?<=[Bb]earer)|EARER(?<=BEARER))(\s{{1,8}}){_LOOKS_RANDOM}[A-Za-z0-9._~+/=-]{{12,}}")
_AUTHORIZATION = re.compile(
    r"(uthorization|UTHORIZATION)(\\?[\"']?\s{0,4}[:=]\s{0,4}\\?[\"']?)"
    r"(?:(?:basic|digest|token|negotiate|apikey)\s{1,4}[^\s\"'\\,;]{4,}|(?!bearer)[^\s\"'\\,;\[]{16,})",
    re.IGNORECASE,
)
_HEADER_KEY = re.compile(
    r"(api[-_]key)(\\?[\"']?\s{0,4}[:=]\s{0,4}\\?[\"']?)(?=[A-Za-z._~+/=-]{0,64}[0-9])[A-Za-z0-9._~+/=-]{16,}",
    re.IGNORECASE,
)

_PEM_GAP = r"(?:\s|\\[nrt])*+"
_PEM = re.compile(
    r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----"
    rf"(?:{_PEM_GAP}(?:[A-Za-z0-9+/=]{{8,}}+|[A-Za-z]{{2,10}}-[A-Za-z]{{2,10}}: [^\n\\]{{0,100}}))*+"
    rf"(?:{_PEM_GAP}[A-Za-z0-9+/=]{{1,7}}(?![A-Za-z0-9]))?"
    rf"(?:{_PEM_GAP}-----END [A-Z0-9 ]{{0,40}}PRIVATE KEY(?: BLOCK)?-----)?"
)

_CARD_LENGTH = re.compile(rb"0000(?:[ -]?0){9}")
_DIGITS_TO_ZERO = bytes(48 if 48 <= code <= 57 else 1 if code == 48 else code for code in range(256))
_CARD = re.compile(
    r"(?<![0-9A-Za-z_-])(?<![0-9]\.)"
    r"(?:[2-6][0-9]{12,18}|[2-6][0-9]{3}([ -])[0-9]{4}\1[0-9]{4}\1[0-9]{1,7}|3[0-9]{3}([ -])[0-9]{6}\2[0-9]{4,5})"
    r"(?![0-9A-Za-z_]|-[0-9A-Za-z]|\.[0-9])"
)
_CARD_BRANDS = re.compile(
    r"4[0-9]{12}(?:[0-9]{3}){0,2}|5[1-5][0-9]{14}|2(?:22[1-9]|2[3-9][0-9]|[3-6][0-9]{2}|7[01][0-9]|720)[0-9]{12}"
    r"|3[47][0-9]{13}|3(?:0[0-5]|[689][0-9])[0-9]{11,16}|35[0-9]{14,17}|6[0-9]{15,18}|5[06-8][0-9]{10,17}"
)


def _replacer(label: str, *patterns: re.Pattern[str]) -> Mask:
    def mask(text: str) -> str:
        for pattern in patterns:
            text = pattern.sub(label, text)
        return text

    return mask


def _mask_headers(text: str) -> str:
    # Patterns that ignore case are slow to start, so they run only on text that has the word.
    lowered = text.lower()
    if "authorization" in lowered:
        text = _AUTHORIZATION.sub(r"\1\2[masked: authorization]", text)
    if "api-key" in lowered or "api_key" in lowered:
        text = _HEADER_KEY.sub(r"\1\2[masked: authorization]", text)
    return text


def _has_card_digits(text: str) -> bool:
    """Whether there are 13 digits, the first 4 together, with at most a space or hyphen between the others."""
    zeros = text.encode("utf-8", "surrogatepass").translate(_DIGITS_TO_ZERO)
    return b"0000" in zeros and _CARD_LENGTH.search(zeros) is not None


def _mask_cards(text: str) -> str:
    return _CARD.sub(_mask_card, text)


def _mask_card(match: re.Match[str]) -> str:
    digits = match[0].replace(" ", "").replace("-", "")
    return "[masked: card number]" if _CARD_BRANDS.fullmatch(digits) and _passes_luhn(digits) else match[0]


def _passes_luhn(digits: str) -> bool:
    total = sum(int(digit) for digit in digits[-1::-2])
    return (total + sum(sum(divmod(2 * int(digit), 10)) for digit in digits[-2::-2])) % 10 == 0


_mask_pem = _replacer("[masked: private key]", _PEM)
_mask_dash_keys = _replacer("[masked: api key]", *_DASH_KEYS)
_mask_underscore_keys = _replacer("[masked: api key]", *_UNDERSCORE_KEYS)
_mask_cloud_keys = _replacer("[masked: api key]", *_CLOUD_KEYS)
_mask_jwt = _replacer("[masked: token]", _JWT)
_mask_bearer = _replacer(r"\1\2[masked: bearer token]", _BEARER)

SCANS: tuple[Scan, ...] = (
    ("-----BEGIN", None, (_mask_pem,)),
    ("-", _DASH_POSSIBLE, (_mask_dash_keys, _mask_headers)),
    ("_", _UNDERSCORE_POSSIBLE, (_mask_underscore_keys, _mask_headers)),
    ("A", _CLOUD_POSSIBLE, (_mask_cloud_keys,)),
    ("J", _JWT_POSSIBLE, (_mask_jwt,)),
    ("earer", None, (_mask_bearer,)),
    ("EARER", None, (_mask_bearer,)),
    ("uthorization", None, (_mask_headers,)),
    ("UTHORIZATION", None, (_mask_headers,)),
)
"""All secrets but card numbers, of which no character is rare."""
