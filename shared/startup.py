"""What keeps a process from starting, in one sentence that says what to do."""

import errno


class CannotStart(Exception):
    """The message is for the person at the terminal; there is nothing to debug."""


def in_one_sentence(error: BaseException) -> str:
    """What to tell about ``error``; empty when only its traceback would help."""
    from shared.messaging.broker import BrokerTooOld, BrokerUnavailable
    from shared.messaging.topics import TopicsDiffer
    from shared.settings import DatabaseUnnamed

    if isinstance(error, (CannotStart, BrokerUnavailable, BrokerTooOld, TopicsDiffer)):
        return str(error)
    if isinstance(error, DatabaseUnnamed):
        return f"There is {error}, or start the system with `make up` first."
    if isinstance(error, OSError) and error.errno == errno.ENOSPC:
        where = f" that holds {error.filename}" if error.filename else ""
        return f"The disk{where} is full: make room and start again; nothing was half-written."
    if isinstance(error, PermissionError):
        return (
            f"{error.filename or 'A file'} cannot be written or read: mend its permissions and start again."
        )
    return ""
