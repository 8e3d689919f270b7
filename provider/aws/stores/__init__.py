"""The stores of AWS that both front doors read, by the names that the engine has for them."""

from collections.abc import Mapping

from provider.aws.client import AwsClient
from provider.aws.stores.parameter_path import ParameterPaths
from provider.aws.stores.parameter_store import ParameterStore
from provider.aws.stores.secrets_manager import SecretsManager
from provider.engine.model import StoreName
from provider.engine.ports import Store


def stores(client: AwsClient) -> Mapping[StoreName, Store]:
    return {
        "secretsmanager": SecretsManager(client),
        "ssmparameter": ParameterStore(client),
        "ssmparameterpath": ParameterPaths(client),
    }
