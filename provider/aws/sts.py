"""AWS STS: a Kubernetes token in, or a pod's own credentials, and a role's credentials out."""

from datetime import UTC, datetime
from xml.etree.ElementTree import Element

from provider.aws.credentials.assumed_role import Assumption
from provider.aws.client import AwsClient, Operation, Place
from provider.aws.faults import ASSUME_ROLE, Fault
from provider.aws.protocols import unexpected
from provider.credentials import Credentials
from provider.deadline import Deadline

ASSUME = Operation("sts", "AssumeRoleWithWebIdentity")
CHAIN = Operation("sts", ASSUME_ROLE)
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
            raise ASSUME.refused(fault, role_arn) from fault

    def assume_role(
        self, assumption: Assumption, own: Credentials, *, region: str, deadline: Deadline
    ) -> Credentials:
        """Ask the regional endpoint, signed by the pod's own credentials.

        Raises `NotAuthenticated` (`CredentialsExpired` where it is them that AWS does not take) or
        `Unavailable`.
        """
        role = assumption.role
        form = {"RoleArn": role.arn, "RoleSessionName": assumption.session_name}
        if role.external_id is not None:
            form["ExternalId"] = role.external_id
        if role.duration is not None:
            form["DurationSeconds"] = str(role.duration)
        for number, (key, value) in enumerate(assumption.tags.items(), 1):
            form[f"Tags.member.{number}.Key"] = key
            form[f"Tags.member.{number}.Value"] = value
        try:
            place = Place(region, own, deadline)
            return read_credentials(self._client.query(CHAIN, VERSION, form, place))
        except Fault as fault:
            raise CHAIN.refused(fault, str(assumption.by)) from fault


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
