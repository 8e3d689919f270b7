"""Files of a volume: names, modes, layout, and writing them where the provider writes."""
