"""A Jupyter server and a headless browser, for the tests that look at pages."""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import nbformat
import pytest

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
BROWSER = os.environ.get("CHROME_PATH") or next((path for name in BROWSERS if (path := shutil.which(name))), None)
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip

needs_browser = pytest.mark.skipif(
    BROWSER is None, reason="no Chromium or Chrome found: install one (`apt install chromium`) or set CHROME_PATH"
)


def free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


@contextmanager
def serve(command: list[str], address: str, folder: Path, env: dict[str, str]) -> Iterator[None]:
    """Run a server in a folder until its address has answered and the block is left; its log is FOLDER/server.log."""
    log_path = folder / "server.log"
    with open(log_path, "w") as log:
        server = subprocess.Popen(command, cwd=folder, stdout=log, stderr=log, env=env, start_new_session=True)
        try:
            _wait_until_served(address, server, log_path)
            yield
        finally:
            stop(server)


def stop(server: subprocess.Popen) -> None:
    """End a server and all that it has started; one that died at its start is gone already."""
    with suppress(ProcessLookupError):
        os.killpg(server.pid, signal.SIGKILL)
    server.wait()


def _wait_until_served(address: str, server: subprocess.Popen, log: Path) -> None:
    deadline = time.monotonic() + 90
    while time.monotonic() < deadline:
        assert server.poll() is None, log.read_text()
        try:
            with urllib.request.urlopen(address, timeout=5) as answer:
                assert answer.status == 200
                return
        except OSError:
            time.sleep(0.5)
    pytest.fail(f"The server did not answer within 90 s:\n{log.read_text()}")


@contextmanager
def jupyterlab(folder: Path) -> Iterator[str]:
    """JupyterLab, started by the command behind `make lab`, on a folder: its address."""
    port = free_port()
    command = [
        sys.executable, "-m", "jupyterlab", f"--port={port}", "--no-browser", "--allow-root", "--ServerApp.token=",
        "--ServerApp.password=", f"--ServerApp.root_dir={folder}",
        f"--LabApp.user_settings_dir={_settings(folder / 'settings')}",
    ]  # fmt: skip
    env = os.environ | {"JUPYTER_CONFIG_DIR": str(folder / "config"), "OMP_NUM_THREADS": "1"}
    address = f"http://127.0.0.1:{port}"
    with serve(command, f"{address}/lab", folder, env):
        yield address


def _settings(folder: Path) -> Path:
    """Keep every cell in the page, also those out of sight, so that a test can look at them."""
    tracker = folder / "@jupyterlab" / "notebook-extension" / "tracker.jupyterlab-settings"
    tracker.parent.mkdir(parents=True)
    tracker.write_text('{"windowingMode": "none"}')
    return folder


def write_notebook(path: Path, *cells: str) -> None:
    """A notebook for Python of code cells, which nobody has run."""
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source.strip()) for source in cells])
    notebook.metadata.kernelspec = {"name": "python3", "display_name": "Python 3", "language": "python"}
    path.parent.mkdir(exist_ok=True)
    nbformat.write(notebook, path)


def open_notebook(page: object, address: str, path: str) -> None:
    """Open FOLDER/... in a workspace of the folder's name; done when its kernel is there: cells run before are lost."""
    page.goto(f"{address}/lab/workspaces/{path.split('/')[0]}/tree/{path}")
    page.wait_for_selector(".jp-NotebookPanel .jp-Cell", timeout=90_000)
    page.locator("text=/\\| Idle/").first.wait_for(timeout=60_000)


def run_cell(page: object, number: int) -> None:
    """Run a code cell, whether or not the kernel is free."""
    page.locator(".jp-CodeCell .cm-content").nth(number).click()
    page.keyboard.press("Control+Enter")


def ask_cell(page: object, number: int) -> tuple[str, float]:
    """Run a code cell that prints: what it says, and after how many seconds the kernel was done with it."""
    cell = page.locator(".jp-CodeCell").nth(number)
    prompt = cell.locator(".jp-InputPrompt")
    before, began = prompt.inner_text(), time.monotonic()
    run_cell(page, number)
    while prompt.inner_text() in (before, "[*]:"):
        assert time.monotonic() - began < 20, f"the kernel does not answer; before: {cell.inner_text()}"
        time.sleep(0.02)
    seconds = time.monotonic() - began
    return cell.locator(".jp-OutputArea-output", has_text=re.compile(r"\S")).inner_text(), seconds


def run_menu(page: object, item: str) -> None:
    """Choose an item of JupyterLab's Run menu."""
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.get_by_role("menuitem", name=item, exact=True).click()


@contextmanager
def browser_page(profile: Path, height: int = 1600) -> Iterator[object]:
    """A fresh page of a real, headless browser."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        options = {
            "executable_path": BROWSER,
            "headless": True,
            "args": FLAGS,
            "viewport": {"width": 1280, "height": height},
        }
        context = playwright.chromium.launch_persistent_context(str(profile), **options)
        yield context.new_page()
        context.close()


def screenshot(page: object, name: str) -> None:
    """Keep a picture of the page when GANCOURSE_SCREENSHOTS names a folder."""
    folder = os.environ.get("GANCOURSE_SCREENSHOTS")
    if folder:
        Path(folder).mkdir(parents=True, exist_ok=True)
        page.screenshot(path=Path(folder) / f"{name}.png")
