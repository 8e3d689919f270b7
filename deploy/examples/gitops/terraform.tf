# A store and an ExternalSecret as Terraform resources. The CRDs must exist when Terraform plans: apply
# deploy/controller first, from another configuration.

resource "kubernetes_manifest" "store" {
  manifest = {
    apiVersion = "external-secrets.io/v1"
    kind       = "SecretStore"
    metadata = {
      name      = "aws"
      namespace = "shop"
    }
    spec = {
      provider = {
        aws = {
          service = "SecretsManager"
          region  = "eu-west-1"
          auth = {
            jwt = {
              serviceAccountRef = {
                name = "shop"
              }
            }
          }
        }
      }
    }
  }
}

resource "kubernetes_manifest" "database" {
  manifest = {
    apiVersion = "external-secrets.io/v1"
    kind       = "ExternalSecret"
    metadata = {
      name      = "database"
      namespace = "shop"
    }
    spec = {
      refreshInterval = "1h"
      secretStoreRef = {
        name = "aws"
        kind = "SecretStore"
      }
      target = {
        name = "database"
      }
      data = [
        {
          secretKey = "password"
          remoteRef = {
            key      = "shop/database"
            property = "password"
          }
        }
      ]
    }
  }

  # The API server fills in defaults, such as target.creationPolicy.
  computed_fields = ["spec.target", "spec.data", "metadata.annotations", "metadata.labels"]

  # terraform apply returns when the Secret is there.
  wait {
    condition {
      type   = "Ready"
      status = "True"
    }
  }

  depends_on = [kubernetes_manifest.store]
}
