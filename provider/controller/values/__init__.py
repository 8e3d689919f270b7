"""The values of one ExternalSecret: its entries, read from AWS with few calls."""
