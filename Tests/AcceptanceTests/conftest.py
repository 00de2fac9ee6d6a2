import pytest

import harness


@pytest.fixture(scope="session")
def up():
    """One `tapedeck up` for all tests that only look and talk; it must outlive them all."""
    with harness.short_directory() as state, harness.Up(state) as running:
        yield running
        assert running.process.poll() is None, f"it ended meanwhile\n{running.tail()}"
        assert len(running.lines) == 1, f"more than the ready line: {running.lines}"


@pytest.fixture
def directory():
    with harness.short_directory() as path:
        yield path
