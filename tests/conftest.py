"""What tests of several folders share."""

import pytest
from browser.axe import AXE
from repository.rehearsal import FULL

from gancourse.authoring.node import NodeError, ensure_packages


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What repeats another test with other numbers is skipped, and the report says how often."""
    for item in items:
        if "full_only" in item.keywords and not FULL:
            item.add_marker(pytest.mark.skip(reason="more of what another test shows: GANCOURSE_FULL=1"))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """The report says how many wrong answers were killed, with which diagnosis, and how many right ones refused."""
    reports = [r for found in terminalreporter.stats.values() for r in found if getattr(r, "when", "") == "call"]
    for report in sorted(reports, key=lambda r: r.nodeid):
        for name, said in report.user_properties:
            if name == "rates":
                terminalreporter.write_line(said)


@pytest.fixture(scope="session")
def axe() -> None:
    """Installed on first use, as Marp is."""
    try:
        ensure_packages(AXE, "axe-core")
    except NodeError as error:
        pytest.skip(str(error))
