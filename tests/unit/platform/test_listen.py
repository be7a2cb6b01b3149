"""Ports belong to one system, also before it serves."""

from contextlib import closing

import pytest

from shared.runtime.serve import choose_port, listen
from shared.startup import CannotStart


def test_a_port_that_is_taken_but_not_yet_served_is_nobody_else_s() -> None:
    with closing(listen("127.0.0.1", 0)) as first:
        port = first.getsockname()[1]
        with pytest.raises(CannotStart):
            listen("127.0.0.1", port)
        assert choose_port("127.0.0.1", None, port) == 0


def test_a_shared_port_is_shared_by_those_who_say_so() -> None:
    with closing(listen("127.0.0.1", 0, shared=True)) as first:
        listen("127.0.0.1", first.getsockname()[1], shared=True).close()
