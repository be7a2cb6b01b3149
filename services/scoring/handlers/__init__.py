"""Use cases: one function, one transaction each, which the edge opens."""
