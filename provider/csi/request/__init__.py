"""Parses the request of the driver and the class in it into a frozen `MountSpec`; no I/O."""
