"""What a remoteRef asks for."""

from typing import Any

import pytest

from provider.controller.resources.external_secret import RemoteRef
from provider.controller.resources.store import AwsProvider
from provider.controller.values.remote_refs import secret_ref
from provider.engine.model import SecretRef

ARN = "arn:aws:secretsmanager:us-east-1:111122223333:secret:db-AbCdEf"
PARAMETER = "arn:aws:ssm:us-east-1:111122223333:parameter/db"


@pytest.mark.parametrize(
    ("remote", "expected"),
    [
        ({"key": "db"}, SecretRef("secretsmanager", "p/db")),
        ({"key": "db", "version": "AWSCURRENT"}, SecretRef("secretsmanager", "p/db")),
        ({"key": "db", "version": "x"}, SecretRef("secretsmanager", "p/db", label="x")),
        ({"key": "db", "version": "uuid/1"}, SecretRef("secretsmanager", "p/db", version="1")),
        ({"key": "a:1"}, SecretRef("secretsmanager", "p/a:1")),
        ({"key": "db", "metadata_policy": "Fetch"}, SecretRef("secretsmanagertags", "p/db")),
    ],
)
def test_secrets(remote: dict[str, Any], expected: SecretRef) -> None:
    aws = AwsProvider(service="SecretsManager", region="us-east-1", prefix="p/")
    assert secret_ref(RemoteRef(**remote), aws) == expected


def test_an_arn_is_passed_on_as_it_is() -> None:
    aws = AwsProvider(service="SecretsManager", region="us-east-1")
    assert secret_ref(RemoteRef(key=ARN), aws) == SecretRef("secretsmanager", ARN)


@pytest.mark.parametrize(
    ("remote", "expected"),
    [
        ({"key": "/db"}, SecretRef("ssmparameter", "/db")),
        ({"key": "/db", "version": "3"}, SecretRef("ssmparameter", "/db", version="3")),
        ({"key": "/db", "version": "prod"}, SecretRef("ssmparameter", "/db", label="prod")),
        ({"key": "/db:3"}, SecretRef("ssmparameter", "/db", version="3")),
        ({"key": "/db:prod"}, SecretRef("ssmparameter", "/db", label="prod")),
        ({"key": "/db:3", "version": "4"}, SecretRef("ssmparameter", "/db", version="4")),
        ({"key": PARAMETER}, SecretRef("ssmparameter", PARAMETER)),
        ({"key": f"{PARAMETER}:3"}, SecretRef("ssmparameter", PARAMETER, version="3")),
        (
            {"key": "/db", "version": "3", "metadata_policy": "Fetch"},
            SecretRef("ssmparametertags", "/db"),
        ),
    ],
)
def test_parameters(remote: dict[str, Any], expected: SecretRef) -> None:
    aws = AwsProvider(service="ParameterStore", region="us-east-1")
    assert secret_ref(RemoteRef(**remote), aws) == expected
