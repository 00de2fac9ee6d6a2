import pathlib

import pytest

import harness
from frames import frames, tap_the_sdk

tap_the_sdk()


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


@pytest.fixture(autouse=True)
def every_frame_is_as_described():
    """Frames that came on other threads fail the test that saw them too."""
    yield
    faults, frames.faults = frames.faults, []
    assert not faults, faults[:5]


def is_whole_run(session):
    """Every file of the tests, and none of their tests left out."""
    ran = {item.path.name for item in session.items}
    there = {path.name for path in pathlib.Path(__file__).parent.glob("test_*.py")}
    return ran == there and not session.config.option.keyword and not session.shouldstop


def pytest_sessionfinish(session, exitstatus):
    if is_whole_run(session) and frames.never_seen() and exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter):
    for line in harness.SUMMARY:
        terminalreporter.write_line(line)
    if frames.counts:
        terminalreporter.write_line(
            f"frames held against /asyncapi.json, text+binary: {frames.summary()}")
    if is_whole_run(terminalreporter._session) and frames.never_seen():
        terminalreporter.write_line(f"never seen: {', '.join(frames.never_seen())}", red=True)
