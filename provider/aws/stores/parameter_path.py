"""All parameters under a path as one value: a JSON document of names and values.

`GetParametersByPath` answers ten at a time. The names are relative to the path, so that a path is
to the rest of the engine what a JSON secret is all of whose keys are wanted.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

from provider.aws.client import AwsClient, Operation, Place
from provider.aws.faults import Fault
from provider.aws.stores.parameter_store import read_value
from provider.aws.protocols import unexpected
from provider.credentials import Access
from provider.errors import (
    AnswerTooLarge,
    CredentialsExpired,
    ProviderError,
    SecretNotFound,
    Unavailable,
)
from provider.csi.request.model import ObjectRef
from provider.store import SecretValue

GET = Operation("ssm", "GetParametersByPath")

PAGE = 10
"""The most that AWS puts into one answer."""
MAX_PARAMETERS = 1000
MAX_BYTES = 4 * 2**20
"""Of all values; no driver takes more in its default setting."""
MAX_PAGES = 2 * MAX_PARAMETERS // PAGE
"""AWS may answer pages with fewer parameters than there is room for, or with none."""


@dataclass(frozen=True, slots=True)
class _Found:
    """One parameter under a path."""

    name: str
    """Relative to the path."""
    value: str = field(repr=False)
    revision: str
    """Changes whenever the value does, also when the parameter is deleted and made again."""


class ParameterPaths:
    """One path a call, or as many calls as it has pages."""

    batch_size = 1

    def __init__(self, client: AwsClient) -> None:
        self._client = client

    def fetch(
        self, refs: Sequence[ObjectRef], access: Access
    ) -> Mapping[ObjectRef, SecretValue | ProviderError]:
        """See `Store.fetch`."""
        (ref,) = refs
        try:
            return {ref: _document(ref, list(self._all(ref, access)))}
        except (CredentialsExpired, Unavailable):
            raise
        except ProviderError as error:
            return {ref: error}

    def current_version(self, ref: ObjectRef, access: Access) -> str | None:  # noqa: ARG002
        """See `Store.current_version`: only all the values tell."""
        return None

    def begin_fetch(self, ref: ObjectRef, access: Access) -> None:
        """See `Store.begin_fetch`: one call is for many."""

    def begin_current_version(self, ref: ObjectRef, access: Access) -> None:
        """See `Store.begin_current_version`: there is no such call."""

    def _all(self, ref: ObjectRef, access: Access) -> Iterator[_Found]:
        room, size = MAX_PARAMETERS, MAX_BYTES
        for page in self._pages(ref, access):
            for found in page:
                room, size = room - 1, size - len(found.value.encode())
                if room < 0 or size < 0:
                    raise _too_much()
                yield found

    def _pages(self, ref: ObjectRef, access: Access) -> Iterator[Sequence[_Found]]:
        body: dict[str, Any] = {
            "Path": ref.name,
            "Recursive": ref.recursive,
            "WithDecryption": True,
            "MaxResults": PAGE,
        }
        place = Place.of(access)
        for _ in range(MAX_PAGES):
            try:
                answer = self._client.call(GET, body, place)
                page = _read(ref, answer)
            except Fault as fault:
                raise GET.refused(fault, str(access.identity)) from fault
            yield page
            if not (token := answer.get("NextToken")):
                return
            body["NextToken"] = token
        raise _too_much()


def _too_much() -> AnswerTooLarge:
    return AnswerTooLarge(
        f"there are more than {MAX_PARAMETERS} parameters or {MAX_BYTES} bytes of values under "
        "this path: name deeper paths, one object for each."
    )


def _read(ref: ObjectRef, answer: Mapping[str, Any]) -> list[_Found]:
    parameters = answer.get("Parameters")
    if not isinstance(parameters, list):
        raise unexpected("no list of parameters in the answer")
    return [_found(ref, parameter) for parameter in parameters]


def _found(ref: ObjectRef, parameter: object) -> _Found:
    if not isinstance(parameter, dict):
        raise unexpected("a parameter in the answer is not an object")
    name, root = parameter.get("Name"), f"{ref.name.rstrip('/')}/"
    if not isinstance(name, str) or not name.startswith(root) or name == root:
        raise unexpected("a parameter in the answer is not one of the path")
    value = read_value(parameter)
    revision = f"{value.version} {parameter.get('LastModifiedDate')}"
    return _Found(name.removeprefix(root), value.content.decode(), revision)


def _document(ref: ObjectRef, found: Sequence[_Found]) -> SecretValue:
    if not found:
        below = "" if ref.recursive else " itself; what lies deeper needs recursive: true"
        raise SecretNotFound(
            f"there are no parameters under the path {ref.name}{below}. Check path and region."
        )
    by_name = {one.name: one.value for one in sorted(found, key=lambda one: one.name)}
    revisions = sorted(f"{one.name}\0{one.revision}\n" for one in found)
    version = sha256("".join(revisions).encode("utf-8", "surrogatepass")).hexdigest()[:16]
    return SecretValue(json.dumps(by_name).encode(), version)
