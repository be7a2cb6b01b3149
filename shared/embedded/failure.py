"""What stops the embedded system from starting, in one sentence that says what to do."""


class CannotStart(Exception):
    """The message is for the person at the terminal; there is nothing to debug."""
