"""A package, so that processes started by tests find it before any `tests` of an installed distribution."""
