"""What the repository's documents tell people to type."""

import re

from gancourse.authoring.project import ROOT


def commands(document: str) -> list[str]:
    """The lines of the bash blocks of a Markdown file, without comments."""
    text = (ROOT / document).read_text(encoding="utf-8")
    blocks = re.findall(r"```bash\n(.*?)```", text, re.DOTALL)
    return [line.partition(" #")[0].strip() for block in blocks for line in block.splitlines() if line.strip()]


def is_run_by_the_classroom(command: str) -> bool:
    """Whether it is an nbgrader step that the tests of the pipeline run."""
    classroom = (ROOT / "tests" / "classroom" / "test_pipeline.py").read_text(encoding="utf-8")
    words = command.split()
    return words[0] == "nbgrader" and f'nbgrader("{words[1]}"' in classroom
