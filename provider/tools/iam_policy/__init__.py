"""`iam-policy`: the permissions that classes need, as JSON, Terraform or CloudFormation."""
