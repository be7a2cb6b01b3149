"""Every event type and the topic catalogue. Imports pydantic and nothing else; does no I/O."""
