"""Policies as a CloudFormation template: a managed policy, and with a trust policy the role."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import yaml

from provider.tools.iam_policy.policy import Grants, Statement, document, unique


def cloudformation(granted: Mapping[str, Grants]) -> str:
    """A template in YAML. The names of its resources begin with those of the policies."""
    resources: dict[str, Any] = {}
    for grants, label in zip(granted.values(), unique(map(_label, granted)), strict=True):
        resources |= _resources(grants, label)
    template = {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Description": "Reading secrets by the Secrets Store CSI driver",
        "Resources": resources,
    }
    return yaml.safe_dump(template, sort_keys=False, allow_unicode=True, width=200)


def _resources(grants: Grants, label: str) -> Mapping[str, Any]:
    resources = {f"{label}Policy": _managed(grants.policy)}
    if grants.trust:
        resources[f"{label}Role"] = {
            "Type": "AWS::IAM::Role",
            "Properties": {
                "AssumeRolePolicyDocument": document(grants.trust),
                "ManagedPolicyArns": [{"Ref": f"{label}Policy"}],
            },
        }
    for arn, statements in grants.assumed:
        role = arn.rpartition("/")[2]
        resources[f"{label}PolicyOf{_label(role)}"] = _managed(statements, f"For {arn}")
    return resources


def _managed(statements: Sequence[Statement], description: str = "") -> Mapping[str, Any]:
    about = {"Description": description} if description else {}
    properties = {**about, "PolicyDocument": document(statements)}
    return {"Type": "AWS::IAM::ManagedPolicy", "Properties": properties}


def _label(name: str) -> str:
    """A logical id: letters and digits."""
    words = re.split("[^A-Za-z0-9]+", name)
    return "".join(word[:1].upper() + word[1:] for word in words) or "Secrets"
