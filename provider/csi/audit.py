"""The audit log: which pod got which secrets, as which role, and when. Never a value.

A line is one JSON object on stdout; the log of the process is on stderr. There is one for each
delivery of a volume and of new versions, or several where it has many secrets; there is none for
remounts that change nothing. After a restart of the daemon the next remount of each volume makes a
line.
"""

import asyncio

from provider.csi.mount import DeliveredObject, Delivery
from provider.csi.request.model import MountSpec
from provider.runtime import audit

SECRETS_OF_A_LINE = 50
"""So a line takes less than a millisecond, and with usual names less than the 16 KiB at which
container runtimes cut lines."""


async def delivered(spec: MountSpec, delivery: Delivery) -> None:
    """Write the lines of a delivery, without holding the event loop for long."""
    pod, identity = spec.pod, delivery.identity
    found = [one for one in delivery.objects if one.found]
    # A class may name one secret a thousand times, for as many files.
    secrets = list({(one.ref, one.region, one.version): one for one in found}.values())
    for at in range(0, len(secrets) or 1, SECRETS_OF_A_LINE):
        audit.write(
            "SecretsDelivered",
            namespace=pod.namespace,
            pod=pod.name,
            podUid=pod.uid,
            serviceAccount=pod.service_account,
            **{"class": spec.class_name},
            authentication=identity.kind,
            roles=identity.roles,
            secrets=[_secret(one) for one in secrets[at : at + SECRETS_OF_A_LINE]],
        )
        await asyncio.sleep(0)


def _secret(one: DeliveredObject) -> dict[str, str]:
    return {
        "type": one.ref.store,
        "name": one.ref.name,
        "arn": one.arn,
        "version": one.version,
        "region": one.region,
    }
