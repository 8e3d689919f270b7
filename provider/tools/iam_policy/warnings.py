"""Warnings about policies: too long, too wide, or not enough."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from provider.controller.resources.objects import ClusterExternalSecret
from provider.csi.request.model import ClassSpec
from provider.tools.iam_policy.class_permissions import may_be_denied
from provider.tools.iam_policy.options import Options
from provider.tools.iam_policy.permissions import looks_complete
from provider.tools.iam_policy.policy import MANAGED_LIMIT, Grants, size
from provider.tools.resources.parsed import Resource


def warnings(
    specs: Sequence[ClassSpec], granted: Mapping[str, Grants], options: Options
) -> Iterator[str]:
    """What the policies of these classes may lack, or allow too much."""
    policies = (
        statements
        for grants in granted.values()
        for statements in (grants.policy, *(held for _, held in grants.assumed))
    )
    for statements in policies:
        if (characters := size(statements)) > MANAGED_LIMIT:
            yield (
                f"the policy has {characters} characters, the limit of a managed policy is "
                f"{MANAGED_LIMIT}: use several roles, each for some of the classes"
            )
    yield from _cluster_warnings(granted, options)
    yield from _optional_warnings(specs, options)
    for spec in specs:
        for obj in spec.objects:
            for ref in filter(None, (obj.ref, obj.failover)):
                if ref.store == "secretsmanager" and looks_complete(ref.name):
                    yield from _ambiguous(ref.name)
        if options.trust and spec.identity_kind not in {options.trust, "auto"}:
            yield f"a class uses {spec.identity_kind}, but the trust policy is for {options.trust}"


def _cluster_warnings(granted: Mapping[str, Grants], options: Options) -> Iterator[str]:
    """A warning if pods of every cluster are trusted."""
    services = {
        statement.principal[0]
        for grants in granted.values()
        for statement in grants.trust
        if statement.principal
    }
    if "Service" in services and not options.cluster:
        yield "the trust policy holds for all clusters of the account: add --cluster"


def _optional_warnings(specs: Sequence[ClassSpec], options: Options) -> Iterator[str]:
    """A warning for each optional secret that AWS may call denied where it does not exist."""
    if options.cover_optional:
        return
    objects = [obj for spec in specs for obj in spec.objects]
    refs = (ref for obj in objects for ref in (obj.ref, obj.failover) if ref is not None)
    for name in sorted({ref.name for ref in refs if may_be_denied(ref)}):
        yield (
            f'if the optional secret {name} does not exist, AWS answers "denied", and the mount '
            f"fails, unless the policy covers its name: --cover-optional allows {name}*"
        )


def _ambiguous(name: str) -> Iterator[str]:
    """A warning about a partial ARN that AWS takes for a complete one."""
    suffix = name[-6:]
    if suffix.isalpha() and suffix.islower():
        yield (
            f"{name} looks like a complete ARN, and AWS treats it as one: if {suffix} is part of "
            "the name and not the random suffix, write the name alone or the complete ARN"
        )


def selector_warnings(resources: Iterable[Resource], namespace: str) -> Iterator[str]:
    """A warning for each ClusterExternalSecret whose namespaces the files do not tell."""
    for one in resources:
        parsed = one.parsed
        if not (isinstance(parsed, ClusterExternalSecret) and parsed.spec):
            continue
        selectors = (parsed.spec.namespace_selector, *parsed.spec.namespace_selectors)
        if any(selectors) and not parsed.spec.namespaces:
            yield (
                f"{one.manifest.path} selects namespaces by labels, which are not in the files: "
                f"service accounts and session tags are those of the namespace {namespace}"
            )
