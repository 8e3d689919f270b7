"""The emulated AWS and EKS Pod Identity agent as a pod of the cluster under test.

They need the standard library only.

`ISSUER` is the issuer of the cluster's service account tokens. SIGUSR1 gives the secret its next
value. SIGTERM ends the pod.
"""

import json
import os
import signal

from testbed import tokens
from testbed.agent import FakeAgent
from testbed.aws import Cloud, FakeAws, allow
from testbed.aws.iam import CONTROLLER_ACTIONS

REGION = "eu-west-1"
SECRET = "cluster-test/database"
ROLE = "cluster-test"
NAMESPACE, SERVICE_ACCOUNT = "cluster-test", "web"
"""Of the pods, which have the role."""


def fill(cloud: Cloud, issuer: str) -> None:
    """Make the role of the pods, and the first value of the secret."""
    tokens.CLUSTER_ISSUERS.add(issuer)
    cloud.region = REGION
    role = cloud.put_role(
        ROLE, trust=[f"{NAMESPACE}:{SERVICE_ACCOUNT}"], allow=allow("*", *CONTROLLER_ACTIONS)
    )
    role.issuer = issuer
    cloud.associate(NAMESPACE, SERVICE_ACCOUNT, role)
    rotate(cloud, 1)


def rotate(cloud: Cloud, number: int) -> None:
    """Give the secret the value of this number."""
    value = json.dumps({"username": "web", "password": f"value-{number}"})
    cloud.put_secret(SECRET, value, region=REGION)


def main() -> None:
    """Serve until SIGTERM."""
    signals = {signal.SIGUSR1, signal.SIGTERM, signal.SIGINT}
    signal.pthread_sigmask(signal.SIG_BLOCK, signals)
    port = int(os.environ.get("PORT", "8080"))
    aws = FakeAws(host="0.0.0.0", port=port)
    with aws, FakeAgent(aws.cloud, host="0.0.0.0", port=port and port + 1) as agent:
        fill(aws.cloud, os.environ["ISSUER"])
        print(aws.url, agent.url, flush=True)
        number = 1
        while signal.sigwait(signals) == signal.SIGUSR1:
            number += 1
            rotate(aws.cloud, number)
            print(f"{SECRET} is value-{number}", flush=True)


if __name__ == "__main__":
    main()
