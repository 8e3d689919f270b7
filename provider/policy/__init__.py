"""The operator's own limits on what namespaces may ask for; shared by the front doors."""
