"""The Secret of an ExternalSecret: what it is to hold, and writing the difference."""
