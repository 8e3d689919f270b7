"""The permissions of one identity, and who may assume it; collected over classes or stores."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from provider.aws.regions import partition_of
from provider.tools.iam_policy.options import Options, Trust
from provider.tools.iam_policy.permissions import MissingInformation, Permissions
from provider.tools.iam_policy.policy import Grants, Statement
from provider.tools.iam_policy.service_accounts import ServiceAccount, irsa, pod_identity


@dataclass(slots=True)
class Needs:
    """The permissions of an identity, and of the roles that it assumes by their ARNs.

    `own` are its own; those of its roles get the same names of statements.
    """

    own: Permissions
    assumed: dict[str, Permissions] = field(default_factory=dict)
    regions: list[str] = field(default_factory=list)
    trusted: dict[ServiceAccount, Trust] = field(default_factory=dict)
    """The service accounts that a trust policy is wanted for."""

    def of_role(self, arn: str) -> Permissions:
        """The permissions of a role that is assumed."""
        return self.assumed.setdefault(arn, Permissions(self.own.names))

    def accounts(self, trust: Trust) -> list[ServiceAccount]:
        """The service accounts that authenticate so."""
        return sorted(one for one, kind in self.trusted.items() if kind == trust)

    def grants(self, options: Options, account: str) -> Grants:
        """The policies; raises `MissingInformation`. `account` is that of the OIDC provider."""
        keys = options.kms_keys
        roles: Mapping[str, Permissions] = dict(sorted(self.assumed.items()))
        return Grants(
            policy=self.own.statements(keys),
            trust=tuple(self._trust(options, account)),
            assumed=tuple((arn, one.statements(keys)) for arn, one in roles.items()),
        )

    def _trust(self, options: Options, account: str) -> Iterator[Statement]:
        if of_irsa := self.accounts("irsa"):
            if not options.oidc_provider:
                names = ", ".join(map(str, of_irsa))
                raise MissingInformation(f"{names}: IRSA needs --oidc-provider")
            partition = partition_of(self.regions[0])
            yield from irsa(of_irsa, options.oidc_provider, account, partition)
        if of_pods := self.accounts("pod-identity"):
            yield from pod_identity(of_pods, options.cluster or "")
