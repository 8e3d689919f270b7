"""Policies as Terraform (data sources `aws_iam_policy_document`), and as CloudFormation."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import yaml

from provider.tools.iam_policy.policy import OPERATOR, Grants, Statement, document, unique

_UNSAFE = re.compile("[^a-z0-9_]+")


def terraform(granted: Mapping[str, Grants]) -> str:
    """Data sources. Their names begin with those of the policies."""
    labels = unique(map(_label, granted))
    blocks = [
        one
        for label, each in zip(labels, granted.values(), strict=True)
        for one in _blocks(label, each)
    ]
    # A service account or role of another account may have a name that is already taken.
    names = unique(label for label, _, _ in blocks)
    return "\n".join(
        _document(name, statements, comment)
        for name, (_, statements, comment) in zip(names, blocks, strict=True)
    )


def _blocks(label: str, grants: Grants) -> Iterator[tuple[str, Sequence[Statement], str]]:
    """Label, statements and comment of each data source."""
    yield label, grants.policy, ""
    if grants.trust:
        yield f"{label}_trust", grants.trust, ""
    for arn, statements in grants.assumed:
        yield f"{label}_{_label(arn.rpartition('/')[2])}", statements, f"# For {arn}\n"


def _document(label: str, statements: Sequence[Statement], comment: str) -> str:
    lines = [f'{comment}data "aws_iam_policy_document" "{label}" {{']
    for index, statement in enumerate(statements):
        lines += [""] if index else []
        lines += [f"  {line}" if line else "" for line in _statement(statement)]
    return "\n".join([*lines, "}", ""])


def _statement(statement: Statement) -> Iterator[str]:
    yield "statement {"
    yield f"  sid     = {_quoted(statement.sid)}"
    yield f"  actions = {_list(statement.actions)}"
    if statement.resources:
        yield ""
        yield "  resources = ["
        yield from (f"    {_quoted(one)}," for one in statement.resources)
        yield "  ]"
    if statement.principal:
        kind, who = statement.principal
        yield from ("", "  principals {", f"    type        = {_quoted(kind)}")
        yield from (f"    identifiers = {_list([who])}", "  }")
    for one in statement.conditions:
        yield from ("", "  condition {", f"    test     = {_quoted(OPERATOR)}")
        yield from (
            f"    variable = {_quoted(one.key)}",
            f"    values   = {_list(one.values)}",
            "  }",
        )
    yield "}"


def _list(texts: Sequence[str]) -> str:
    return f"[{', '.join(map(_quoted, texts))}]"


def _quoted(text: str) -> str:
    """An HCL string. The data source reads `&{…}` as `${…}` of IAM, which HCL interpolates."""
    quoted = json.dumps(text, ensure_ascii=False)
    return quoted.replace("${", "&{").replace("%{", "%%{")


def _label(name: str) -> str:
    label = _UNSAFE.sub("_", name.lower()).strip("_")
    return label if label[:1].isalpha() else f"secrets_{label}".rstrip("_")


def cloudformation(granted: Mapping[str, Grants]) -> str:
    """A template in YAML. The names of its resources begin with those of the policies."""
    resources: dict[str, Any] = {}
    for grants, label in zip(granted.values(), unique(map(_logical_id, granted)), strict=True):
        resources |= _cloudformation_resources(grants, label)
    template = {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Description": "Permissions to read secrets, by secrets-provider-aws",
        "Resources": resources,
    }
    return yaml.safe_dump(template, sort_keys=False, allow_unicode=True, width=200)


def _cloudformation_resources(grants: Grants, label: str) -> Mapping[str, Any]:
    resources = {f"{label}Policy": _managed(grants.policy)}
    if grants.trust:
        resources[f"{label}Role"] = {
            "Type": "AWS::IAM::Role",
            "Properties": {
                "AssumeRolePolicyDocument": document(grants.trust),
                "ManagedPolicyArns": [{"Ref": f"{label}Policy"}],
            },
        }
    roles = unique(_logical_id(arn.rpartition("/")[2]) for arn, _ in grants.assumed)
    for role, (arn, statements) in zip(roles, grants.assumed, strict=True):
        resources[f"{label}PolicyOf{role}"] = _managed(statements, f"For {arn}")
    return resources


def _managed(statements: Sequence[Statement], description: str = "") -> Mapping[str, Any]:
    about = {"Description": description} if description else {}
    properties = {**about, "PolicyDocument": document(statements)}
    return {"Type": "AWS::IAM::ManagedPolicy", "Properties": properties}


def _logical_id(name: str) -> str:
    """A logical id: letters and digits."""
    words = re.split("[^A-Za-z0-9]+", name)
    return "".join(word[:1].upper() + word[1:] for word in words) or "Secrets"
