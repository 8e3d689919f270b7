"""The tags of a secret or a parameter as one value: a JSON object of keys and values.

The text is what Go's `json.Marshal` makes of a map, because templates and users of External Secrets
compare it: keys sorted, no spaces, `<`, `>` and `&` escaped.
"""

import json
from collections.abc import Mapping
from hashlib import sha256
from typing import Any

from provider.aws.client import Operation
from provider.aws.protocols import objects, unexpected
from provider.aws.stores.one_ref import OneRefStore
from provider.aws.stores.secrets_manager import DESCRIBE
from provider.engine.model import Access, SecretRef, SecretValue

LIST = Operation("ssm", "ListTagsForResource")

_ESCAPED = {ord(char): f"\\u{ord(char):04x}" for char in "<>&\u2028\u2029"}


class _Tags(OneRefStore):
    """What both services have in common: one call for each ref. Tags have no version."""

    operation: Operation
    key: str
    """Where the answer to `operation` has the tags."""

    def _body(self, ref: SecretRef) -> Mapping[str, str]:
        raise NotImplementedError

    async def get(self, ref: SecretRef, access: Access) -> SecretValue:
        """See `OneRefStore.get`."""
        return await self._client.ask(self.operation, self._body(ref), access, self._value)

    def _value(self, answer: Mapping[str, Any]) -> SecretValue:
        try:
            content = go_json(tags_of(answer, self.key)).encode()
        except UnicodeEncodeError:  # a lone surrogate; the exception would quote the tag
            raise unexpected("a tag cannot be decoded") from None
        return SecretValue(content, sha256(content).hexdigest()[:16])


class SecretTags(_Tags):
    """The tags of secrets, by `DescribeSecret`; version and label of a ref are not looked at."""

    operation, key = DESCRIBE, "Tags"

    def _body(self, ref: SecretRef) -> Mapping[str, str]:
        return {"SecretId": ref.name}


class ParameterTags(_Tags):
    """The tags of parameters, by `ListTagsForResource`, which takes no version."""

    operation, key = LIST, "TagList"

    def _body(self, ref: SecretRef) -> Mapping[str, str]:
        return {"ResourceType": "Parameter", "ResourceId": ref.name}


def tags_of(document: Mapping[str, Any], key: str) -> dict[str, str]:
    """The tags that `document` has under `key`, none if that is missing; raises `Fault`."""
    tags: dict[str, str] = {}
    for entry in objects(document.get(key) or [], key):
        name, value = entry.get("Key"), entry.get("Value")
        if not (isinstance(name, str) and isinstance(value, str)):
            raise unexpected("a tag is not a pair of strings")
        tags[name] = value
    return tags


def go_json(tags: Mapping[str, str]) -> str:
    """`tags` as Go's `json.Marshal` writes a map."""
    ordered = dict(sorted(tags.items(), key=lambda tag: tag[0].encode("utf-8", "surrogatepass")))
    text = json.dumps(ordered, ensure_ascii=False, separators=(",", ":"))
    return text.translate(_ESCAPED)
