"""YAML with line and column, and problems with paths: for both front doors and the tools."""
