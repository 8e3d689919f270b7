"""`render`: the Secret that the controller would write for an ExternalSecret.

`samples` are values instead of those in AWS, `rendering` runs the controller's own code over the
files, `secret` chooses what is rendered, `output` masks the values.
"""
