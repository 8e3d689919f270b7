"""The stores of AWS by the `objectType` that asks for them."""

from collections.abc import Mapping

from provider.aws.client import AwsClient
from provider.aws.parameter_path import ParameterPaths
from provider.aws.parameter_store import ParameterStore
from provider.aws.secrets_manager import SecretsManager
from provider.spec.models import StoreName
from provider.store import Store


def stores(client: AwsClient) -> Mapping[StoreName, Store]:
    """All of them, over one client."""
    return {
        "secretsmanager": SecretsManager(client),
        "ssmparameter": ParameterStore(client),
        "ssmparameterpath": ParameterPaths(client),
    }
