"""The fakes as a process of their own."""

import json
from pathlib import Path

import botocore.session
import pytest
import urllib3
from botocore.config import Config
from botocore.exceptions import ClientError, HTTPClientError

from testbed.fakes_process import FakesProcess
from testbed.tokens import POD_IDENTITY_AUDIENCE, issue_token


def test_it_serves_counts_and_rotates(tmp_path: Path) -> None:
    ca = tmp_path / "ca.pem"
    token = issue_token("bench", "app-000", audience=POD_IDENTITY_AUDIENCE)
    with FakesProcess("--tls", str(ca), "--identities", "1", "--secrets", "1") as fakes:
        with urllib3.PoolManager() as pool:
            answer = pool.request("GET", fakes.agent, headers={"Authorization": token})
        keys = json.loads(answer.data)
        manager = botocore.session.Session().create_client(
            "secretsmanager",
            region_name="us-west-2",
            endpoint_url=fakes.aws,
            verify=str(ca),
            config=Config(retries={"total_max_attempts": 1}),
            aws_access_key_id=keys["AccessKeyId"],
            aws_secret_access_key=keys["SecretAccessKey"],
            aws_session_token=keys["Token"],
        )
        name = "bench/app-000/secret-00"
        first = manager.get_secret_value(SecretId=name)["SecretString"]
        assert fakes.rotate(0) == 2
        second = manager.get_secret_value(SecretId=name)["SecretString"]
        assert second.startswith(f"{name}#2.")
        assert second != first
        assert fakes.calls() == {"secretsmanager GetSecretValue": 2, "agent credentials": 1}
        fakes.clear()
        assert fakes.calls() == {}
        fakes.disturb(1.0)
        with pytest.raises((ClientError, HTTPClientError)):
            [manager.get_secret_value(SecretId=name) for _ in range(20)]


def test_a_bad_argument_is_told() -> None:
    with pytest.raises(RuntimeError, match="code 2"), FakesProcess("--nonsense"):
        pass
