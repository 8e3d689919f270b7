"""The reconcilers, one for each kind, and how they report."""
