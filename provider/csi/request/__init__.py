"""Parses the driver's request and the SecretProviderClass in it into a frozen `MountSpec`.

Nothing here does I/O. Every problem is reported, each with its path.
"""
