"""The acts of the demo in their order; each is one function over the stage."""
