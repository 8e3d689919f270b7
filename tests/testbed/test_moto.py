"""moto beside the fake AWS: where both answer, they agree."""

import pytest

from testbed.aws import FakeAws
from testbed.moto import Moto
from tests.testbed.oracle import Client, error_of


@pytest.fixture(scope="module")
def moto(moto_server: Moto) -> Moto:
    moto_server.forget()
    return moto_server


def test_values_agree(moto: Moto, aws: FakeAws, client: Client) -> None:
    moto.put_secret("db", "hunter2")
    moto.put_parameter("/db", "hunter2")
    aws.cloud.put_secret("db", "hunter2")
    aws.cloud.put_parameter("/db", "hunter2")
    for make in (moto.client, client):
        secret = make("secretsmanager").get_secret_value(SecretId="db")
        assert (secret["SecretString"], secret["VersionStages"]) == ("hunter2", ["AWSCURRENT"])
        answer = make("ssm").get_parameters(Names=["/db:1", "/no"], WithDecryption=True)
        (only,) = answer["Parameters"]
        assert (only["Name"], only["Value"], only["Version"]) == ("/db", "hunter2", 1)
        assert answer["InvalidParameters"] == ["/no"]


def test_errors_agree(moto: Moto, client: Client) -> None:
    errors = [
        error_of(make("secretsmanager").get_secret_value, SecretId="nothing")
        for make in (moto.client, client)
    ]
    assert errors[0] == errors[1]
