"""Answers that come page by page."""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from testbed.aws.errors import AwsError

T = TypeVar("T")
Body = dict[str, Any]


def page(
    found: Sequence[T], body: Body, *, most: int, key: str, render: Callable[[T], object]
) -> Body:
    """The page that a request asks for by `MaxResults` and `NextToken`, under `key`."""
    size = body.get("MaxResults", most)
    if not 1 <= size <= most:
        raise AwsError(
            "ValidationException",
            f"1 validation error detected: Value '{size}' at 'maxResults' failed to satisfy "
            f"constraint: Member must have value less than or equal to {most}",
        )
    token = body.get("NextToken") or "0"
    if not token.isdigit():
        raise AwsError("InvalidNextTokenException", "The NextToken value is invalid.")
    start = int(token)
    answer: Body = {key: [render(one) for one in found[start : start + size]]}
    if start + size < len(found):
        answer["NextToken"] = str(start + size)
    return answer
