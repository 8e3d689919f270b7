"""The stores of AWS, by the names that the engine has for them."""

from collections.abc import Mapping

from provider.aws.client import AwsClient
from provider.aws.stores.parameter_path import ParameterPaths
from provider.aws.stores.parameter_store import ParameterStore
from provider.aws.stores.secrets_manager import SecretsManager
from provider.aws.stores.secrets_manager_batch import SecretsManagerBatch
from provider.aws.stores.tags import ParameterTags, SecretTags
from provider.engine.model import StoreName
from provider.engine.ports import Store


def stores(client: AwsClient) -> Mapping[StoreName, Store]:
    """All stores, over one client."""
    return {
        "secretsmanager": SecretsManager(client),
        "ssmparameter": ParameterStore(client),
        "ssmparameterpath": ParameterPaths(client),
    }


def controller_stores(client: AwsClient) -> Mapping[StoreName, Store]:
    """All stores for the controller: secrets in batches, and tags."""
    return {
        "secretsmanager": SecretsManagerBatch(client),
        "ssmparameter": ParameterStore(client),
        "secretsmanagertags": SecretTags(client),
        "ssmparametertags": ParameterTags(client),
    }
