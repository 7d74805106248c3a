"""What tests of several folders share."""

import pytest
from browser.axe import AXE
from repository.rehearsal import FULL

from gancourse.authoring.node import NodeError, ensure_packages


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Trainings that repeat on another seed what a notebook asserts are skipped, and the report says how many."""
    for item in items:
        if "other_seed" in item.keywords and not FULL:
            item.add_marker(pytest.mark.skip(reason="a training on another seed: GANCOURSE_FULL=1"))


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
