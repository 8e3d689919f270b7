"""The driver's request and the SecretProviderClass: text in, a frozen `MountSpec` out.

Pure: nothing here does I/O. Every mistake is reported, each with its path.
"""
