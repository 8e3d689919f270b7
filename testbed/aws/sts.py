"""Operations of AWS Security Token Service, after its API Reference."""

import re
import time
from xml.sax.saxutils import escape

from testbed.aws.caller import Caller
from testbed.aws.cloud import Cloud
from testbed.aws.errors import AwsError
from testbed.aws.iam import Role, Session
from testbed.tokens import STS_AUDIENCE, Claims, read_token

Form = dict[str, str]

_ROLE_ARN = re.compile(r"arn:aws[\w-]*:iam::\d{12}:role/[\w+=,.@/-]+")
_CHAINED = 3600
"""Seconds that a role which a role assumes is given at most."""
_SESSION_NAME = re.compile(r"[\w+=,.@-]{2,64}", re.ASCII)


def _invalid(value: str, name: str, constraint: str) -> AwsError:
    return AwsError(
        "ValidationError",
        f"1 validation error detected: Value '{value}' at '{name}' failed to satisfy constraint: "
        f"{constraint}",
    )


def _check_form(form: Form) -> tuple[str, str, int]:
    """Role ARN, session name and duration in seconds."""
    arn, name = form.get("RoleArn", ""), form.get("RoleSessionName", "")
    if len(arn) < 20:
        raise _invalid(arn, "roleArn", "Member must have length greater than or equal to 20")
    if not _ROLE_ARN.fullmatch(arn):
        raise AwsError("ValidationError", "Request ARN is invalid")
    if not _SESSION_NAME.fullmatch(name):
        raise _invalid(
            name,
            "roleSessionName",
            "Member must satisfy regular expression pattern: [\\w+=,.@-]*"
            if 2 <= len(name) <= 64
            else "Member must have length between 2 and 64",
        )
    return arn, name, _duration(form, 3600, 43200)


def _duration(form: Form, default: int, most: int) -> int:
    duration = form.get("DurationSeconds", str(default))
    if not duration.isdigit() or not 900 <= int(duration) <= most:
        raise _invalid(
            duration, "durationSeconds", f"Member must have value between 900 and {most}"
        )
    return int(duration)


def _check_token(token: str) -> Claims:
    try:
        claims = read_token(token)
    except (ValueError, KeyError) as error:
        raise AwsError(
            "InvalidIdentityToken",
            "The ID Token provided is not a valid JWT. "
            "(You may see this error if you sent an Access Token)"
            if token.count(".") != 2
            else "Couldn't retrieve verification key from your identity provider,  please "
            "reference AssumeRoleWithWebIdentity documentation for requirements",
        ) from error
    now = time.time()
    if claims.expires_at <= now:
        raise AwsError(
            "ExpiredTokenException",
            f"Token expired: current date/time {int(now)} must be before the expiration "
            f"date/time {int(claims.expires_at)}",
        )
    if claims.audience != STS_AUDIENCE:
        raise AwsError("InvalidIdentityToken", "Incorrect token audience")
    return claims


def _credentials(session: Session) -> str:
    expiration = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(session.expires_at))
    return (
        "<Credentials>"
        f"<AccessKeyId>{session.access_key_id}</AccessKeyId>"
        f"<SecretAccessKey>{session.secret_access_key}</SecretAccessKey>"
        f"<SessionToken>{session.token}</SessionToken>"
        f"<Expiration>{expiration}</Expiration>"
        "</Credentials>"
    )


def _assumed(session: Session) -> str:
    return (
        "<AssumedRoleUser>"
        f"<Arn>{escape(session.arn)}</Arn>"
        f"<AssumedRoleId>AROATESTBED:{escape(session.name)}</AssumedRoleId>"
        "</AssumedRoleUser>"
    )


def _trusting(cloud: Cloud, arn: str, claims: Claims) -> Role:
    role = cloud.roles.get(arn)
    if role is None or not role.trusts(claims):
        raise AwsError(
            "AccessDenied", "Not authorized to perform sts:AssumeRoleWithWebIdentity", 403
        )
    return role


def assume_role_with_web_identity(cloud: Cloud, form: Form) -> str:
    """AssumeRoleWithWebIdentity: the one call that nobody signs."""
    arn, name, duration = _check_form(form)
    claims = _check_token(form.get("WebIdentityToken", ""))
    session = cloud.open_session(_trusting(cloud, arn, claims), name, lifetime=duration)
    return (
        f"{_credentials(session)}{_assumed(session)}"
        f"<SubjectFromWebIdentityToken>{escape(claims.subject)}</SubjectFromWebIdentityToken>"
        f"<Audience>{escape(claims.audience)}</Audience>"
        f"<Provider>{escape(claims.issuer)}</Provider>"
    )


def _tags(form: Form) -> dict[str, str]:
    """`Tags.member.N.Key` and `….Value`."""
    found: dict[str, str] = {}
    for number in range(1, 51):
        key = form.get(f"Tags.member.{number}.Key")
        if key is None:
            return found
        found[key] = form.get(f"Tags.member.{number}.Value", "")
    raise _invalid("…", "tags", "Member must have length less than or equal to 50")


def _transitive_keys(form: Form) -> set[str]:
    """`TransitiveTagKeys.member.N`."""
    return {value for key, value in form.items() if key.startswith("TransitiveTagKeys.member.")}


def _denied(caller: Caller, action: str, arn: str) -> AwsError:
    return AwsError(
        "AccessDenied",
        f"User: {caller.session.arn} is not authorized to perform: {action} on resource: {arn}",
        403,
    )


def assume_role(caller: Caller, form: Form) -> str:
    """AssumeRole: role chaining, allowed by the caller's own policy and the role's trust."""
    arn, name, duration = _check_form(form)
    tags = _tags(form)
    role = caller.cloud.roles.get(arn)
    may = caller.session.role.may("sts:AssumeRole", arn)
    if role is None or not may or (role.external_id and role.external_id != form.get("ExternalId")):
        raise _denied(caller, "sts:AssumeRole", arn)
    if tags and not (role.trusts_tags and caller.session.role.may("sts:TagSession", arn)):
        raise _denied(caller, "sts:TagSession", arn)
    if duration > _CHAINED and not caller.session.is_user:
        raise AwsError(
            "ValidationError",
            "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by "
            "role chaining",
        )
    for key in tags.keys() & caller.session.tags.keys():
        raise AwsError(
            "InvalidParameterValue",
            "One of the specified transitive tag keys can't be set because it conflicts with a "
            f"transitive tag key from the calling session: {key}",
        )
    passed_on = {key: tags.pop(key) for key in _transitive_keys(form) & tags.keys()}
    session = caller.cloud.open_session(
        role,
        name,
        lifetime=duration,
        tags={**caller.session.tags, **passed_on},
        own_tags=tags,
    )
    return _credentials(session) + _assumed(session)


def get_session_token(caller: Caller, form: Form) -> str:
    """GetSessionToken: for the long-term keys of a user, which need no permission."""
    duration = _duration(form, 43200, 129600)
    if caller.session.token:
        raise AwsError("AccessDenied", "Cannot call GetSessionToken with session credentials", 403)
    device, code = form.get("SerialNumber"), form.get("TokenCode")
    if device is not None and (code is None or caller.cloud.mfa_codes.get(device) != code):
        raise AwsError(
            "AccessDenied",
            "MultiFactorAuthentication failed with invalid MFA one time pass code.",
            403,
        )
    user = caller.session
    return _credentials(caller.cloud.open_session(user.role, user.name, lifetime=duration))


def get_caller_identity(caller: Caller, _form: Form) -> str:
    """GetCallerIdentity: needs no permission."""
    session = caller.session
    return (
        f"<Arn>{escape(session.arn)}</Arn>"
        f"<UserId>AROATESTBED:{escape(session.name)}</UserId>"
        f"<Account>{caller.cloud.account}</Account>"
    )


OPERATIONS = {
    "AssumeRole": assume_role,
    "GetCallerIdentity": get_caller_identity,
    "GetSessionToken": get_session_token,
}
