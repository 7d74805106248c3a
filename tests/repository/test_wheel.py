"""The wheel is all that Colab gets: it must work from an empty folder, with its data, without the checkout."""

import os
import subprocess
import sys
import zipfile

import pytest
from repository.wheels import build_wheel

from gancourse.cards import load_card


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """The wheel, built and unpacked where nothing of the checkout is in sight."""
    folder = tmp_path_factory.mktemp("wheel")
    wheel = build_wheel(folder)
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder / "site")
    return folder / "site"


def test_the_wheel_holds_package_and_data_and_nothing_else(installed):
    assert {p.name for p in installed.iterdir() if not p.name.endswith(".dist-info")} == {"gancourse"}
    for name in ("fashion_mnist", "course_classifier", "emoji"):
        for file in load_card(name).sha256:
            assert (installed / "gancourse" / "datasets" / name / file).is_file()


def test_the_wheel_holds_what_a_page_needs_of_the_widgets(installed):
    for name in ("theatre.js", "theatre.css"):
        assert (installed / "gancourse" / "widgets" / name).is_file()


def test_it_works_from_an_empty_folder(installed, tmp_path):
    script = (
        "import gancourse, pathlib\n"
        f"assert pathlib.Path(gancourse.__file__).is_relative_to({str(installed)!r}), gancourse.__file__\n"
        "from gancourse.data import fashion_mnist\n"
        "from gancourse.metrics import load_classifier\n"
        "gancourse.setup()\n"
        "assert load_classifier()(fashion_mnist('test').first(4)).shape == (4, 10)\n"
    )
    env = os.environ | {"PYTHONPATH": str(installed)}
    result = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, env=env, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
