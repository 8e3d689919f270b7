"""Who makes a call, where, and whether he may."""

from dataclasses import dataclass

from testbed.aws.cloud import Cloud
from testbed.aws.errors import AwsError
from testbed.aws.iam import Lack, Session


@dataclass(frozen=True, slots=True)
class Caller:
    """The authenticated caller of one call."""

    cloud: Cloud
    region: str
    session: Session

    def require(self, action: str, resource: str) -> None:
        """Raise AccessDenied unless the caller's role allows the action."""
        if not self.session.role.may(action, resource):
            raise self.denied(action, resource)

    def denied(self, action: str, resource: str, lack: Lack = "identity-based") -> AwsError:
        """The refusal in IAM's words."""
        return AwsError(
            "AccessDeniedException",
            f"User: {self.session.arn} is not authorized to perform: {action} on resource: "
            f"{resource} because no {lack} policy allows the {action} action",
        )
