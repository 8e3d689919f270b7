"""Operations of AWS Systems Manager Parameter Store, after its API Reference."""

import base64
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from testbed.aws.caller import Caller
from testbed.aws.errors import AwsError
from testbed.aws.iam import partition_of
from testbed.aws.parameters import Parameter, ParameterVersion
from testbed.aws.secretsmanager import get_secret_value

Body = dict[str, Any]

_MOST = 10
_SECRET = "/aws/reference/secretsmanager/"  # noqa: S105 (a path)
_KMS_DENIED = (
    "The ciphertext refers to a customer master key that does not exist, does not exist in this "
    "region, or you are not allowed to access. (Service: AWSKMS; Status Code: 400; "
    "Error Code: AccessDeniedException; Request ID: 00000000-0000-0000-0000-000000000000; "
    "Proxy: null)"
)


def _invalid(message: str) -> AwsError:
    return AwsError("ValidationException", message)


@dataclass(frozen=True, slots=True)
class _Asked:
    """One entry of `Names`, taken apart."""

    text: str
    resource: str
    """As in the ARN: `parameter/a/b`."""
    selector: str

    @classmethod
    def parse(cls, text: str, caller: Caller) -> "_Asked":
        name = text
        if text.startswith("arn:"):
            region, account, name = (text.split(":", 5) + [""] * 5)[3:6]
            if region != caller.region:
                return cls(text, "", "")
            if account != caller.cloud.account:  # a shared parameter is known by its ARN
                arn, _, selector = name.partition(":")
                return cls(text, f"{text.rpartition(name)[0]}{arn}", selector)
            name = name.removeprefix("parameter")
        name, _, selector = name.partition(":")
        return cls(text, f"parameter/{name.removeprefix('/')}", selector)

    def arn(self, caller: Caller) -> str:
        if not self.resource or self.resource.startswith("arn:"):
            return self.resource or self.text
        region = caller.region
        return f"arn:{partition_of(region)}:ssm:{region}:{caller.cloud.account}:{self.resource}"


def _check_names(names: object) -> list[str]:
    if not isinstance(names, list) or not names:
        raise _invalid(
            "1 validation error detected: Value null at 'names' failed to satisfy constraint: "
            "Member must not be null"
        )
    if len(names) > _MOST:
        raise _invalid(
            f"1 validation error detected: Value '[{', '.join(names)}]' at 'names' failed to "
            "satisfy constraint: Member must have length less than or equal to 10"
        )
    if len(set(names)) < len(names):
        raise _invalid("Parameter names in the request must be unique.")
    for name in names:
        if any(space in name.strip() for space in " \t\n"):
            raise _invalid(
                'Parameter name: can\'t be prefixed with "ssm" (case-insensitive). If formed as a '
                "path, it can consist of sub-paths divided by slash symbol; each sub-path can be "
                "formed as a mix of letters, numbers and the following 3 symbols .-_"
            )
    return names


def _render(
    parameter: Parameter, version: ParameterVersion, selector: str, *, decrypt: bool
) -> Body:
    value = version.value
    if version.type == "SecureString" and not decrypt:
        value = base64.b64encode(b"AQICAH" + parameter.name.encode()).decode()
    answer: Body = {
        "ARN": parameter.arn,
        "DataType": "text",
        "LastModifiedDate": version.modified,
        "Name": parameter.name,
        "Type": version.type,
        "Value": value,
        "Version": version.number,
    }
    if selector:
        answer["Selector"] = f":{selector}"
    return answer


def _secret_reference(caller: Caller, asked: _Asked) -> Body | None:
    """A secret read through Parameter Store; the selector is a version id or a stage."""
    body: Body = {"SecretId": asked.text.removeprefix(_SECRET).partition(":")[0]}
    if asked.selector:
        key = "VersionId" if len(asked.selector) >= 32 else "VersionStage"
        body[key] = asked.selector
    try:
        secret = get_secret_value(caller, body)
    except AwsError as error:
        if error.code == "ResourceNotFoundException":
            return None
        raise
    answer: Body = {
        "ARN": secret["ARN"],
        "DataType": "text",
        "LastModifiedDate": secret["CreatedDate"],
        "Name": asked.text.partition(":")[0],
        "SourceResult": json.dumps(secret),
        "Type": "SecureString",
        "Value": secret.get("SecretString", ""),
        "Version": 0,
    }
    if asked.selector:
        answer["Selector"] = f":{asked.selector}"
    return answer


def _look_up(caller: Caller, asked: _Asked, *, decrypt: bool) -> Body | None:
    if asked.text.startswith(_SECRET):
        if not decrypt:
            raise _invalid(
                "WithDecryption flag must be True for retrieving a Secret Manager secret."
            )
        return _secret_reference(caller, asked)
    parameter = caller.cloud.parameters.get(caller.region, {}).get(asked.resource)
    version = parameter.select(asked.selector) if parameter else None
    if parameter is None or version is None:
        return None
    _require_key(parameter, version, decrypt=decrypt)
    return _render(parameter, version, asked.selector, decrypt=decrypt)


def _require_key(parameter: Parameter, version: ParameterVersion, *, decrypt: bool) -> None:
    if parameter.kms_denied and decrypt and version.type == "SecureString":
        raise AwsError("AccessDeniedException", _KMS_DENIED)


def get_parameters(caller: Caller, body: Body) -> Body:
    """GetParameters: answers in alphabetical order; one that is denied denies them all."""
    decrypt = body.get("WithDecryption", False) is True
    asked = [_Asked.parse(name.strip(), caller) for name in _check_names(body.get("Names"))]
    for one in asked:
        caller.require("ssm:GetParameters", one.arn(caller))
    found = [(one.text, _look_up(caller, one, decrypt=decrypt)) for one in asked]
    answers = [answer for _, answer in found if answer is not None]
    return {
        "InvalidParameters": [text for text, answer in found if answer is None],
        "Parameters": sorted(answers, key=lambda one: (one["Name"], one.get("Selector", ""))),
    }


def get_parameters_by_path(caller: Caller, body: Body) -> Body:
    """GetParametersByPath: a page of what lies under a path."""
    path = body.get("Path", "")
    if not path.startswith("/"):
        raise _invalid(
            "The parameter doesn't meet the parameter name requirements. The parameter name must "
            'begin with a forward slash "/".'
        )
    decrypt = body.get("WithDecryption", False) is True
    size = body.get("MaxResults", _MOST)
    if not 1 <= size <= _MOST:
        raise _invalid(
            f"1 validation error detected: Value '{size}' at 'maxResults' failed to satisfy "
            "constraint: Member must have value less than or equal to 10"
        )
    root = "parameter" + path.rstrip("/")
    caller.require("ssm:GetParametersByPath", _Asked.parse(path, caller).arn(caller))
    below = _below(caller, root, recursive=body.get("Recursive", False) is True)
    start = int(body.get("NextToken") or 0)
    page = below[start : start + size]
    answer: Body = {"Parameters": [_latest(parameter, decrypt=decrypt) for parameter in page]}
    if start + size < len(below):
        answer["NextToken"] = str(start + size)
    return answer


def _below(caller: Caller, root: str, *, recursive: bool) -> Sequence[Parameter]:
    every = caller.cloud.parameters.get(caller.region, {})
    return [
        every[resource]
        for resource in sorted(every)
        if resource.startswith(root + "/")
        and every[resource].name.startswith("/")
        and (recursive or "/" not in resource[len(root) + 1 :])
    ]


def _latest(parameter: Parameter, *, decrypt: bool) -> Body:
    version = parameter.versions[max(parameter.versions)]
    _require_key(parameter, version, decrypt=decrypt)
    return _render(parameter, version, "", decrypt=decrypt)


OPERATIONS = {
    "GetParameters": get_parameters,
    "GetParametersByPath": get_parameters_by_path,
}
