"""A fake AWS: Secrets Manager, Parameter Store and STS as seen from the wire."""

from testbed.aws.cloud import Cloud
from testbed.aws.errors import AwsError
from testbed.aws.fake import FakeAws
from testbed.aws.iam import Role, Session, allow

__all__ = ["AwsError", "Cloud", "FakeAws", "Role", "Session", "allow"]
