"""What a lesson's executed notebook shows and prints. A cell is found by a piece of its source."""

import base64
import io
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from gancourse.authoring.project import SOLUTIONS
from gancourse.errors import GANCourseError

NOT_PREDICTED = " (you made no prediction)"  # what a prediction cell adds where nobody predicted


@dataclass(frozen=True)
class Executed:
    """The notebook of a lesson, like Executed("02_dcgan")."""

    lesson: str

    @property
    def path(self) -> Path:
        return SOLUTIONS / self.lesson / f"{self.lesson}.ipynb"

    def cells(self) -> list[dict]:
        """The code cells."""
        found = json.loads(self.path.read_text(encoding="utf-8"))["cells"]
        return [cell for cell in found if cell["cell_type"] == "code"]

    def cell_with(self, source: str) -> dict:
        """The one code cell whose source contains a text. Raises GANCourseError where there is none, or another."""
        found = [cell for cell in self.cells() if source in "".join(cell["source"])]
        if len(found) != 1:
            raise GANCourseError(f"{len(found)} cells of {self.path} contain {source!r}: one was expected.")
        return found[0]

    def png(self, source: str) -> bytes:
        """The file of the one picture that this cell shows."""
        outputs = self.cell_with(source)["outputs"]
        (encoded,) = (o["data"]["image/png"] for o in outputs if "image/png" in o.get("data", {}))
        return base64.b64decode("".join(encoded))

    def image(self, source: str) -> Image.Image:
        """The same, opened."""
        return Image.open(io.BytesIO(self.png(source)))

    def save_pngs(self, sources: dict[str, str], folder: Path) -> None:
        """Write the picture of each cell into the folder, under the name that it has in `sources`."""
        for name, source in sources.items():
            (folder / name).write_bytes(self.png(source))

    def printed(self) -> str:
        """What all cells print, without what the learner's predictions add."""
        return _printed(self.cells())

    def printed_by(self, source: str) -> str:
        """What this cell prints, without what the learner's predictions add."""
        return _printed([self.cell_with(source)]).strip()

    def scores(self, patterns: dict[str, str]) -> dict[str, str]:
        """What the groups of each pattern find in all that is printed, like {"recall of both": ".45, .52"}.

        ^ and $ are ends of lines. Raises GANCourseError where a pattern finds nothing.
        """
        text = self.printed()
        found = {name: re.search(pattern, text, re.MULTILINE) for name, pattern in patterns.items()}
        if missing := [patterns[name] for name, match in found.items() if match is None]:
            raise GANCourseError(f"Nothing that {self.path} prints fits {missing[0]!r}.")
        return {name: ", ".join(match.groups()) for name, match in found.items()}


def _printed(cells: list[dict]) -> str:
    """What cells print, without what the learner's predictions add."""
    outputs = (output for cell in cells for output in cell["outputs"] if output["output_type"] == "stream")
    return "".join("".join(output["text"]) for output in outputs).replace(NOT_PREDICTED, "")


def draw_deck(
    notebook: Executed, folder: Path, save_exact: Callable[[Path], None], save_runs: Callable[[Path], None]
) -> None:
    """Draw everything of a deck; what was trained only once the notebook has been built."""
    save_exact(folder)
    if notebook.path.is_file():
        save_runs(folder)
    else:
        print(f"{notebook.path} is not built: the pictures of its trainings are left as they are.")
