"""AWS STS: a Kubernetes token in, a role's credentials out."""

from datetime import UTC, datetime
from xml.etree.ElementTree import Element

from provider.aws.client import AwsClient, Operation, Place
from provider.aws.faults import Fault, refused
from provider.aws.protocols import unexpected
from provider.credentials import Credentials
from provider.deadline import Deadline

ASSUME = Operation("sts", "AssumeRoleWithWebIdentity")
VERSION = "2011-06-15"


class Sts:
    """Thread-safe."""

    def __init__(self, client: AwsClient) -> None:
        self._client = client

    def assume_role_with_web_identity(
        self, *, role_arn: str, session_name: str, token: str, region: str, deadline: Deadline
    ) -> Credentials:
        """Ask the regional endpoint; raises `NotAuthenticated` or `Unavailable`.

        The request carries no signature, so the daemon's own credentials cannot come into it.
        """
        form = {
            "RoleArn": role_arn,
            "RoleSessionName": session_name,
            "WebIdentityToken": token,
        }
        # A part of the token is as good as none to a reader, but the signature is a part too.
        secrets = (token, *(part for part in token.split(".") if len(part) >= 16))
        place = Place(region, None, deadline, secrets)
        try:
            return read_credentials(self._client.query(ASSUME, VERSION, form, place))
        except Fault as fault:
            raise refused(fault, "sts", ASSUME.action, role_arn) from fault


def read_credentials(answer: Element) -> Credentials:
    """The credentials in an answer of STS; raises `Fault` where there are none."""
    key_id, secret, token, expiration = (
        answer.findtext(f".//Credentials/{name}", "")
        for name in ("AccessKeyId", "SecretAccessKey", "SessionToken", "Expiration")
    )
    try:
        expires_at = datetime.fromisoformat(expiration)
    except ValueError:
        raise unexpected("no time of expiry in the answer") from None
    # Key id and token become headers of later requests.
    if not (key_id and secret and token and (key_id + token).isascii()):
        raise unexpected("no credentials in the answer")
    if not (key_id + token).isprintable():
        raise unexpected("credentials with control characters in the answer")
    if expires_at.tzinfo is None:
        expires_at = expires_at.replace(tzinfo=UTC)
    return Credentials(key_id, secret, token, expires_at.timestamp())
