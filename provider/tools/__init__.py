"""What people run beside the daemon: mount, validate, explain, iam-policy, convert, status, schema."""
