"""What holds for every test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

# The same examples on every run and no limit on an example's time: a busy machine fails no test.
settings.register_profile("steady", derandomize=True, deadline=None)
settings.load_profile("steady")


@pytest.fixture(params=["sqlite", "postgresql"])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The engine under every store of this test: ``temporary_store(tmp_path)`` is on it.

    A module whose tests keep records says ``pytestmark = pytest.mark.usefixtures("engine")``.
    """
    if request.param == "sqlite":
        yield "sqlite"
        return
    from tests.support.postgresql import ready_template, shared_server
    from tests.support.store import keep_store_at

    server = shared_server()
    database = server.create_database(ready_template(server))
    keep_store_at(tmp_path, server.url(database))
    yield "postgresql"
    server.drop_database(database)
