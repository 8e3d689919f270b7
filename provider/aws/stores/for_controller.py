"""The stores of the controller: secrets in batches, and tags. The daemon never imports this."""

from collections.abc import Mapping

from provider.aws.client import AwsClient
from provider.aws.stores.parameter_store import ParameterStore
from provider.aws.stores.secrets_manager_batch import SecretsManagerBatch
from provider.aws.stores.tags import parameter_tags, secret_tags
from provider.engine.model import StoreName
from provider.engine.ports import Store


def controller_stores(client: AwsClient) -> Mapping[StoreName, Store]:
    return {
        "secretsmanager": SecretsManagerBatch(client),
        "ssmparameter": ParameterStore(client),
        "secretsmanagertags": secret_tags(client),
        "ssmparametertags": parameter_tags(client),
    }
