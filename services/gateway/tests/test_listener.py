"""The socket that HTTP is served on."""

from __future__ import annotations

import pytest

from ioc_gateway.listener import bind


def test_a_port_in_use_is_refused_and_not_shared() -> None:
    with bind("127.0.0.1", 0, 1) as first:
        first.listen()
        with pytest.raises(OSError, match="in use"):
            bind("127.0.0.1", first.getsockname()[1], 1)
