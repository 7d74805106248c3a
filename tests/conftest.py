"""What tests of several folders share."""

import pytest
from browser.axe import AXE

from gancourse.authoring.node import NodeError, ensure_packages


@pytest.fixture(scope="session")
def axe() -> None:
    """Installed on first use, as Marp is."""
    try:
        ensure_packages(AXE, "axe-core")
    except NodeError as error:
        pytest.skip(str(error))
