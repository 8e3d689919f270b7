"""The steps of the demo. Each shows something, and holds what came against what was due."""
