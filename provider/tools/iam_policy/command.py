"""Prints the least IAM policies that some classes need."""

import json
import sys
from argparse import Namespace
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from provider.csi.request.model import ClassSpec
from provider.manifests.kubernetes import ClassManifest, Manifest
from provider.tools.ending import CommandFailed
from provider.tools.iam_policy.class_permissions import (
    STATEMENTS,
    allow_class,
    allow_role,
    regions_of,
)
from provider.tools.iam_policy.needs import Needs
from provider.tools.iam_policy.options import Options, Trust, add_options, checked
from provider.tools.iam_policy.permissions import (
    MissingInformation,
    Permissions,
    Place,
    region_of_key,
)
from provider.tools.iam_policy.policy import Grants, joined
from provider.tools.iam_policy.service_accounts import (
    ServiceAccount,
    account_of,
    aws_accounts,
    mounted_by,
    role_account,
    service_accounts,
)
from provider.tools.iam_policy.warnings import selector_warnings, warnings
from provider.tools.resources.parsed import Resource
from provider.tools.sources import read_sources
from provider.tools.terminal import Paint, printable
from provider.tools.validate.classes import Reviewed
from provider.tools.validate.findings import Finding
from provider.tools.validate.review import review

__all__ = ["add_options", "run"]


@dataclass(frozen=True, slots=True)
class _Input:
    """The content of the files."""

    classes: Sequence[tuple[ClassManifest, ClassSpec]]
    resources: Sequence[Resource]
    """External Secrets resources."""
    manifests: Sequence[Manifest]

    @property
    def specs(self) -> Sequence[ClassSpec]:
        return [spec for _, spec in self.classes]


def run(namespace: Namespace) -> int:
    options = checked(namespace)
    given = _read(options.files)
    try:
        granted = _granted(given, options)
    except MissingInformation as missing:
        raise CommandFailed(2, str(missing)) from missing
    paint = Paint.for_stream(sys.stderr)
    unclear = selector_warnings(given.resources, options.namespace)
    for warning in (*warnings(given.specs, granted, options), *unclear):
        title = f"secrets-provider-aws iam-policy: {paint('yellow', 'warning')}"
        sys.stderr.write(f"{title}: {printable(warning)}\n")
    sys.stdout.write(_rendered(granted, options))
    return 0


def _granted(given: _Input, options: Options) -> Mapping[str, Grants]:
    stores: Mapping[str, Grants] = {}
    if given.resources:
        from provider.tools.iam_policy.stores import StorePolicies  # noqa: PLC0415 (rarely needed)

        stores = StorePolicies(given.resources, given.manifests, options).granted()
    if options.by == "store" or not given.classes:
        if not stores:
            raise MissingInformation("no ExternalSecret in the files names a store")
        return stores
    if not options.by and stores:
        raise MissingInformation(
            "the files hold classes and stores, which have different identities: add --by "
            "service-account, or --by store for the stores alone"
        )
    granted = _by_account(given, options) if options.by else _for_all(given, options)
    return {**granted, **{name: joined(granted.get(name), one) for name, one in stores.items()}}


def _for_all(given: _Input, options: Options) -> Mapping[str, Grants]:
    """The policy for all classes, under the name of the first."""
    account = options.account or _account(given)
    names = {klass.name for klass, _ in given.classes}
    trusted = options.service_accounts or service_accounts(
        given.manifests, names, options.namespace
    )
    if options.trust and not trusted:
        text = "no service account is in the files: add --service-account NAMESPACE/NAME"
        raise MissingInformation(text)
    needs = _needs(given.specs, account, options)
    if options.trust:
        needs.trusted = dict.fromkeys(trusted, options.trust)
    _check_keys(options.kms_keys, [needs.own, *needs.assumed.values()])
    return {given.classes[0][0].name or "secrets": needs.grants(options, account)}


def _by_account(given: _Input, options: Options) -> Mapping[str, Grants]:
    """The policies of each service account whose pods mount classes."""
    granted = {}
    for one, mounted in sorted(mounted_by(given.manifests, options.namespace).items()):
        specs = [
            spec
            for klass, spec in given.classes
            if klass.name in mounted and klass.namespace in {"", one.namespace}
        ]
        if specs:
            account = options.account or role_account(given.manifests, one, options.namespace)
            account = account or _account(given)
            needs = _needs(specs, account, options)
            needs.trusted[one] = options.trust or _kind_of(one, specs)
            granted[str(one)] = needs.grants(options, account)
    if not granted:
        raise MissingInformation("no pod in the files mounts one of the classes")
    return granted


def _kind_of(whose: ServiceAccount, specs: Iterable[ClassSpec]) -> Trust:
    """How the classes of a service account authenticate."""
    kinds = {spec.identity_kind for spec in specs} - {"auto"}
    if len(kinds) > 1:
        raise MissingInformation(
            f"the classes of {whose} use IRSA and EKS Pod Identity: add --trust"
        )
    return "irsa" if "irsa" in kinds else "pod-identity"


def _read(names: Sequence[str]) -> _Input:
    # Service accounts and pods may be in other files than the classes.
    found = review(read_sources(names))
    for one in found.findings:
        if one.level == "error" and not one.owner:  # a whole file
            raise CommandFailed(2, f"{one.file}: {one.text}")
    if not (found.classes or found.resources):
        what = "no SecretProviderClass of the provider aws, and no External Secrets resource"
        raise CommandFailed(2, f"the files hold {what}")
    classes = [(one.klass, _spec(one, found.findings)) for one in found.classes]
    return _Input(classes, found.resources, found.manifests)


def _spec(one: Reviewed, findings: Iterable[Finding]) -> ClassSpec:
    if one.spec is None:
        name, path = one.source.name, one.manifest.path
        found = (each for each in findings if (each.file, each.owner) == (name, path))
        mistakes = "\n".join(each.text for each in found if each.level == "error")
        hint = f"secrets-provider-aws validate {name} shows where"
        raise CommandFailed(2, f"{name}: {path}:\n{mistakes}", hint)
    return one.spec


def _needs(specs: Iterable[ClassSpec], account: str, options: Options) -> Needs:
    needs = Needs(Permissions(STATEMENTS))
    for spec in specs:
        role, holder, owner = spec.assume_role, needs.own, account
        if role is not None:
            allow_role(needs.own, spec, role)
            holder, owner = needs.of_role(role.arn), account_of(role.arn)
        for region in regions_of(spec, options.regions):
            place = Place(region, owner)
            allow_class(holder, spec, place, covers_optional=options.cover_optional)
            needs.regions.append(region)
    return needs


def _check_keys(keys: Iterable[str], holders: Iterable[Permissions]) -> None:
    regions = {region for holder in holders for region in holder.regions}
    for key in keys:
        if region_of_key(key) not in regions:
            text = f"nothing is read in {region_of_key(key)}, the region of {key}"
            raise MissingInformation(text)


def _account(given: _Input) -> str:
    """The account of the roles in the files; empty unless it is a single one."""
    accounts = aws_accounts(given.manifests)
    accounts |= {account_of(spec.role_arn) for spec in given.specs if spec.role_arn}
    return accounts.pop() if len(accounts) == 1 else ""


def _rendered(granted: Mapping[str, Grants], options: Options) -> str:
    if options.output_format == "terraform":
        from provider.tools.iam_policy.formats import terraform  # noqa: PLC0415 - one of three

        return terraform(granted)
    if options.output_format == "cloudformation":
        from provider.tools.iam_policy.formats import cloudformation  # noqa: PLC0415

        return cloudformation(granted)
    if options.by:
        kind = "stores" if options.by == "store" else "serviceAccounts"
        whole = {kind: {name: one.documents() for name, one in granted.items()}}
        return json.dumps(whole, indent=2) + "\n"
    (grants,) = granted.values()
    return grants.as_json()
