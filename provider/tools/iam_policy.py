"""`iam-policy`: the IAM policy that some classes need, and no more than that."""

import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from provider.tools.ended import Ended, ending
from provider.tools.iam.accounts import (
    ServiceAccount,
    account_of,
    aws_accounts,
    service_accounts,
)
from provider.tools.iam.needs import (
    Needs,
    Place,
    Unclear,
    ends_like_whole,
    region_of_key,
    regions_of,
)
from provider.tools.iam.policy import MANAGED_LIMIT, Grants, Statement, size
from provider.tools.iam.trust import irsa, pod_identity
from provider.tools.iam_policy_options import PROGRAM, Options, parse
from provider.tools.review.sources import Source, Unreadable, read_sources
from provider.tools.terminal import Paint, printable
from provider.aws.arn import partition_of
from provider.manifests.kubernetes import ClassManifest, Manifest, read_classes, read_manifests
from provider.csi.request.model import ClassSpec
from provider.csi.request.parameters import parse_class
from provider.manifests.problems import InvalidSpec


def run(arguments: Sequence[str]) -> int:
    """Parse `arguments`, print the policy; the exit code."""
    return ending(PROGRAM, lambda: _print(parse(arguments)))


@dataclass(frozen=True, slots=True)
class _Read:
    """What stands in the files."""

    classes: Sequence[ClassManifest]
    specs: Sequence[ClassSpec]
    manifests: Sequence[Manifest]


def _print(options: Options) -> int:
    read = _read(options.files)
    try:
        grants = _grants(read, options)
    except Unclear as why:
        raise Ended(2, str(why)) from why
    for warning in _warnings(read, grants, options):
        paint = Paint.for_stream(sys.stderr)
        sys.stderr.write(f"{PROGRAM}: {paint('yellow', 'warning')}: {printable(warning)}\n")
    sys.stdout.write(_rendered(grants, read.classes[0].name or "secrets", options))
    return 0


def _read(names: Sequence[str]) -> _Read:
    classes: list[ClassManifest] = []
    specs: list[ClassSpec] = []
    manifests: list[Manifest] = []
    # Service accounts and pods may lie apart from the classes.
    for source in read_sources(names, _refuse, about="apiVersion"):
        found = _parsed(source)
        manifests += found[0]
        for klass in found[1]:
            classes.append(klass)
            specs.append(_spec(source, klass))
    if not classes:
        raise Ended(2, "the files hold no SecretProviderClass of the provider aws")
    return _Read(classes, specs, manifests)


def _refuse(unreadable: Unreadable) -> None:
    raise Ended(2, str(unreadable)) from unreadable


def _parsed(source: Source) -> tuple[Sequence[Manifest], Sequence[ClassManifest]]:
    """All manifests, and the classes among them; of a folder, only what has to do with those."""
    try:
        classes = [one for one in read_classes(source.text) if one.provider == "aws"]
        return read_manifests(source.text), classes
    except InvalidSpec as invalid:
        if not source.is_named and "SecretProviderClass" not in source.text:
            return (), ()
        raise Ended(2, f"{source.name}:\n{invalid}") from invalid


def _spec(source: Source, klass: ClassManifest) -> ClassSpec:
    try:
        return parse_class(klass.parameters, default_mode=0o644, default_region=None)
    except InvalidSpec as invalid:
        hint = f"secrets-provider-aws validate {source.name} shows where"
        raise Ended(2, f"{source.name}: {klass.path}:\n{invalid}", hint) from invalid


def _grants(read: _Read, options: Options) -> Grants:
    account = options.account or _account(read)
    own, regions = Needs(), list[str]()
    assumed: dict[str, Needs] = defaultdict(Needs)
    for spec in read.specs:
        role, holder, whose = spec.assume_role, own, account
        if role is not None:
            own.add_role(role, spec.identity_kind)
            holder, whose = assumed[role.arn], account_of(role.arn)
        for region in regions_of(spec, options.regions):
            holder.add_class(spec, Place(region, whose))
            regions.append(region)
    _check_keys(options.kms_keys, [own, *assumed.values()])
    return Grants(
        policy=own.statements(options.kms_keys),
        trust=_trust(read, account, partition_of(regions[0]), options),
        assumed=tuple(
            (arn, needs.statements(options.kms_keys)) for arn, needs in sorted(assumed.items())
        ),
    )


def _check_keys(keys: Iterable[str], holders: Iterable[Needs]) -> None:
    regions = {region for needs in holders for region in needs.regions}
    for key in keys:
        if region_of_key(key) not in regions:
            raise Unclear(f"nothing is read in {region_of_key(key)}, the region of {key}")


def _account(read: _Read) -> str:
    """The account of the roles in the files, where that is one."""
    accounts = aws_accounts(read.manifests)
    accounts |= {account_of(spec.role_arn) for spec in read.specs if spec.role_arn}
    return accounts.pop() if len(accounts) == 1 else ""


def _trust(read: _Read, account: str, partition: str, options: Options) -> tuple[Statement, ...]:
    if options.trust is None:
        return ()
    trusted = options.service_accounts or _service_accounts(read, options)
    if not trusted:
        raise Unclear("no service account is in the files: add --service-account NAMESPACE/NAME")
    if options.trust == "pod-identity":
        return pod_identity(trusted)
    return irsa(trusted, options.oidc_provider, account, partition)


def _service_accounts(read: _Read, options: Options) -> Sequence[ServiceAccount]:
    names = {klass.name for klass in read.classes}
    return service_accounts(read.manifests, names, options.namespace)


def _warnings(read: _Read, grants: Grants, options: Options) -> Iterator[str]:
    for statements in (grants.policy, *(granted for _, granted in grants.assumed)):
        if (characters := size(statements)) > MANAGED_LIMIT:
            yield (
                f"the policy has {characters} characters, and a managed policy takes "
                f"{MANAGED_LIMIT}: give the classes roles of their own"
            )
    for spec in read.specs:
        for obj in spec.objects:
            for ref in filter(None, (obj.ref, obj.failover)):
                if ref.store == "secretsmanager" and ends_like_whole(ref.name):
                    yield from _whole(ref.name)
        if options.trust and spec.identity_kind not in {options.trust, "auto"}:
            yield f"a class asks for {spec.identity_kind}, but the trust is in {options.trust}"


def _whole(name: str) -> Iterator[str]:
    suffix = name[-6:]
    if suffix.isalpha() and suffix.islower():
        yield (
            f"{name} ends as a whole ARN does, and AWS takes it for one: if {suffix} is no random "
            "suffix but of the name, write the name alone or the whole ARN"
        )


def _rendered(grants: Grants, name: str, options: Options) -> str:
    if options.output_format == "terraform":
        from provider.tools.iam.terraform import terraform  # noqa: PLC0415 - one of three

        return terraform(grants, name)
    if options.output_format == "cloudformation":
        from provider.tools.iam.cloudformation import cloudformation  # noqa: PLC0415

        return cloudformation(grants, name)
    return grants.as_json()
