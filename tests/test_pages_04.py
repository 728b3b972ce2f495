"""What page 04 shows and says is so."""

from __future__ import annotations

import socket

import pytest
from pages_runner import executed

pytestmark = pytest.mark.page


def test_the_service_answers_as_the_library_and_is_gone_at_the_end(mode):
    values = executed("04_deploy_it_now", "solutions", mode).values
    assert values["same"] is True
    assert values["by_service"] == values["by_library"]
    assert values["running"] is False
    with socket.create_server(("127.0.0.1", values["port"])):
        pass  # the port is free again
