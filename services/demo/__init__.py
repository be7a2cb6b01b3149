"""The demo: plays a whole contest through the public HTTP API of a running system."""
