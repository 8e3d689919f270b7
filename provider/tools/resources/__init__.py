"""External Secrets resources in manifests, for all tools: parsed by the tables of the controller.

`documents` makes JSON of YAML nodes and finds places by paths, `kinds` names the kinds, `parsed`
has what the controller's parser says of each manifest, `lookup` finds what they refer to.
"""
