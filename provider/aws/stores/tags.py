"""The tags of a secret or a parameter as one value: a JSON object of keys and values.

The text is what Go's `json.Marshal` makes of a map, because templates and users of External Secrets
compare it: keys sorted, no spaces, `<`, `>` and `&` escaped.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from provider.aws.client import AwsClient
from provider.aws.operations import Operation
from provider.aws.protocols import objects, unexpected
from provider.aws.stores.secrets_manager import DESCRIBE
from provider.engine.model import Access, SecretRef, SecretValue
from provider.engine.ports import Store

LIST = Operation("ssm", "ListTagsForResource")

_ESCAPED = {ord(char): f"\\u{ord(char):04x}" for char in "<>&\u2028\u2029"}


@dataclass(frozen=True, slots=True)
class _Tags(Store):
    """One call for each ref. Tags have no version."""

    client: AwsClient
    operation: Operation
    parameters: Callable[[str], Mapping[str, str]]
    """Of the operation, for a name."""
    key: str
    """Where the answer has the tags."""

    async def read(
        self, refs: Sequence[SecretRef], access: Access
    ) -> Mapping[SecretRef, SecretValue]:
        """See `Store.read`; version and label of a ref are not looked at."""
        (ref,) = refs
        parameters = self.parameters(ref.name)
        return {ref: await self.client.ask(self.operation, parameters, access, self._value)}

    def _value(self, answer: Mapping[str, Any]) -> SecretValue:
        try:
            content = go_json(tags_of(answer, self.key)).encode()
        except UnicodeEncodeError:  # a lone surrogate; the exception would quote the tag
            raise unexpected("a tag cannot be decoded") from None
        return SecretValue(content, sha256(content).hexdigest()[:16])


def secret_tags(client: AwsClient) -> Store:
    """The tags of secrets, by `DescribeSecret`."""
    return _Tags(client, DESCRIBE, lambda name: {"SecretId": name}, "Tags")


def parameter_tags(client: AwsClient) -> Store:
    """The tags of parameters, by `ListTagsForResource`."""
    return _Tags(
        client, LIST, lambda name: {"ResourceType": "Parameter", "ResourceId": name}, "TagList"
    )


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
