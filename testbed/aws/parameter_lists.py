"""DescribeParameters and tags of AWS Systems Manager Parameter Store, after its API Reference."""

from collections.abc import Callable, Sequence
from typing import Any

from testbed.aws.caller import Caller
from testbed.aws.errors import AwsError
from testbed.aws.iam import partition_of
from testbed.aws.paging import page
from testbed.aws.parameters import Parameter

Body = dict[str, Any]

_MOST = 50


def describe_parameters(caller: Caller, body: Body) -> Body:
    """DescribeParameters: filters are all met; the one for a tag pairs key and value, exactly."""
    head = f"arn:{partition_of(caller.region)}:ssm:{caller.region}:{caller.cloud.account}"
    caller.require("ssm:DescribeParameters", f"{head}:*")
    every = caller.cloud.parameters.get(caller.region, {})
    filters = body.get("ParameterFilters") or []
    found = [
        every[resource]
        for resource in sorted(every)
        if resource.startswith("parameter/") and all(_passes(every[resource], f) for f in filters)
    ]
    return page(found, body, most=_MOST, key="Parameters", render=_entry)


def _passes(parameter: Parameter, wanted: Body) -> bool:
    key, option, values = wanted["Key"], wanted.get("Option"), wanted.get("Values") or []
    if key.startswith("tag:"):
        if option not in {None, "Equals"}:
            raise _filter_error("Option", f"The filter option {option} is not valid.")
        value = parameter.tags.get(key.removeprefix("tag:"))
        return value in values if values else value is not None
    if key == "Path":
        return any(_is_below(parameter, path, option) for path in values)
    if key == "Name":
        return _has_name(parameter, option, values)
    raise _filter_error("Key", f"The filter key {key} is not valid.")


def _is_below(parameter: Parameter, path: str, option: str | None) -> bool:
    if not path.startswith("/"):
        raise _filter_error("Value", f'The path "{path}" must begin with a forward slash "/".')
    root = path.rstrip("/") + "/"
    if not parameter.name.startswith(root):
        return False
    return option == "Recursive" or "/" not in parameter.name[len(root) :]


def _has_name(parameter: Parameter, option: str | None, values: Sequence[str]) -> bool:
    if option == "BeginsWith":
        return any(parameter.name.startswith(value) for value in values)
    if option == "Contains":
        return any(value in parameter.name for value in values)
    return parameter.name in values


def _filter_error(what: str, message: str) -> AwsError:
    return AwsError(f"InvalidFilter{what}", message)


def _entry(parameter: Parameter) -> Body:
    version = parameter.versions[max(parameter.versions)]
    return {
        "ARN": parameter.arn,
        "DataType": "text",
        "LastModifiedDate": version.modified,
        "Name": parameter.name,
        "Tier": "Standard",
        "Type": version.type,
        "Version": version.number,
    }


def _tagged(caller: Caller, action: str, body: Body) -> Parameter:
    """The parameter of `ResourceId`, which is a name without a selector."""
    if body.get("ResourceType") != "Parameter":
        raise AwsError("InvalidResourceType", "The resource type is not valid.")
    name = str(body.get("ResourceId"))
    resource = name if name.startswith("arn:") else f"parameter/{name.removeprefix('/')}"
    parameter = caller.cloud.parameters.get(caller.region, {}).get(resource)
    head = f"arn:{partition_of(caller.region)}:ssm:{caller.region}:{caller.cloud.account}"
    caller.require(action, parameter.arn if parameter else f"{head}:{resource}")
    if parameter is None:
        raise AwsError("InvalidResourceId", "The resource ID is not valid. Verify that you entered")
    return parameter


def list_tags_for_resource(caller: Caller, body: Body) -> Body:
    """ListTagsForResource."""
    tags = _tagged(caller, "ssm:ListTagsForResource", body).tags
    return {"TagList": [{"Key": key, "Value": value} for key, value in tags.items()]}


def add_tags_to_resource(caller: Caller, body: Body) -> Body:
    """AddTagsToResource."""
    parameter = _tagged(caller, "ssm:AddTagsToResource", body)
    parameter.tags |= {tag["Key"]: tag["Value"] for tag in body["Tags"]}
    return {}


OPERATIONS: dict[str, Callable[[Caller, Body], Any]] = {
    "DescribeParameters": describe_parameters,
    "ListTagsForResource": list_tags_for_resource,
    "AddTagsToResource": add_tags_to_resource,
}
