"""The service account tokens of a pod, in the driver's request."""

import re

from provider.csi.request.driver_json import json_object
from provider.manifests.entries import Findings
from provider.manifests.problems import quote

PREFIX = "csi.storage.k8s.io/"
TOKENS = f"{PREFIX}serviceAccount.tokens"

_MOST_CHARACTERS = 256 * 1024
"""Characters of the JSON with all tokens. Decoding holds all threads, and it may hold no texts."""
_TOKEN = re.compile(r"[\x21-\x7e]{1,65536}")
"""Characters that an HTTP header may hold."""


def read_tokens(own: str | None, secrets: str, findings: Findings) -> dict[str, str]:
    """Tokens by audience, from the attributes, else from the secrets; there may be none."""
    text = own or _tokens_in(secrets, findings)
    by_audience = json_object(text, TOKENS, findings, _MOST_CHARACTERS) if text else None
    tokens = {}
    for audience, entry in (by_audience or {}).items():
        token = entry.get("token") if isinstance(entry, dict) else None
        if isinstance(token, str) and _TOKEN.fullmatch(token):
            tokens[audience] = token
        else:
            findings.error(TOKENS, f"holds no usable token for the audience {quote(audience)}")
    return tokens


def _tokens_in(secrets: str, findings: Findings) -> str:
    if TOKENS.rpartition("/")[2] not in secrets:  # no need to parse; "/" may be escaped in JSON
        return ""
    text = (json_object(secrets, "secrets", findings) or {}).get(TOKENS, "")
    if isinstance(text, str):
        return text
    findings.error(f"secrets[{TOKENS}]", "must be text")
    return ""
