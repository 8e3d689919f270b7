"""What the driver asks for, parsed once: text in, frozen dataclasses out.

Pure: nothing here does I/O. Every mistake is found at once and carries its path.
"""
