"""AWS: Secrets Manager, SSM Parameter Store, STS and EKS Pod Identity. The only importer of botocore."""
