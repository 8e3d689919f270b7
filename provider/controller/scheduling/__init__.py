"""Which object is worked on when: due times, back-off, turns among namespaces."""
