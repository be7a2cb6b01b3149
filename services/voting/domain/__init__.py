"""The rules of the public vote, pure: no I/O, no framework."""
