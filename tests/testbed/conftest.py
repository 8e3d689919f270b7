"""botocore clients that talk to the fake AWS: the oracle of what it must answer."""

from typing import Any

import botocore.config
import botocore.session
import pytest

from testbed.aws import FakeAws, Session
from tests.testbed.oracle import Client


@pytest.fixture
def session(aws: FakeAws) -> Session:
    """A session that may read everything."""
    role = aws.cloud.put_role("reader", trust=["shop:web"])
    return aws.cloud.open_session(role, "shop.web")


@pytest.fixture(scope="session")
def sdk() -> botocore.session.Session:
    """One botocore session for all tests: it keeps the service models it has read."""
    return botocore.session.Session()


@pytest.fixture
def client(aws: FakeAws, session: Session, sdk: botocore.session.Session) -> Client:
    """Makes a client: `client("ssm")`, in any region, as any session, at any URL."""

    def make(
        service: str,
        *,
        region: str = "us-east-1",
        session: Session = session,
        url: str | None = None,
    ) -> Any:
        return sdk.create_client(
            service,
            region_name=region,
            endpoint_url=url or aws.url,
            aws_access_key_id=session.access_key_id,
            aws_secret_access_key=session.secret_access_key,
            aws_session_token=session.token,
            config=botocore.config.Config(
                retries={"total_max_attempts": 1}, connect_timeout=2, read_timeout=2
            ),
        )

    return make
