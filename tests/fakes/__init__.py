"""Fakes of seams. They hold state; the contract tests keep them honest."""
