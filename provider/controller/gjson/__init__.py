"""gjson paths, the language of `remoteRef.property`."""
