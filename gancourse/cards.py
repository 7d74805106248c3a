"""Data cards: what a data set is, where it comes from, under which licence, and the checksum of its files."""

import hashlib
import tomllib
from dataclasses import dataclass
from pathlib import Path

from gancourse.errors import DataError

PACKAGE = Path(__file__).resolve().parent


def datasets_folder() -> Path:
    """The folder of cards and embedded files: inside an installed package, beside it in a checkout."""
    installed = PACKAGE / "datasets"
    return installed if installed.is_dir() else PACKAGE.parent / "datasets"


@dataclass(frozen=True)
class Card:
    """One data set, as its card.md tells it. sha256 maps each file of its folder to its checksum."""

    name: str
    title: str
    what: str
    count: str
    shape: str
    value_range: str
    licence: str
    source: str
    maker: str
    sha256: dict[str, str]
    text: str

    def file(self, name: str) -> Path:
        """The path of an embedded file, once its checksum has been compared.

        Raises DataError when the file is missing or not the one that the card describes.
        """
        path = datasets_folder() / self.name / name
        cure = f"Restore it with `git checkout -- datasets/{self.name}` or reinstall gancourse."
        if not path.is_file():
            raise DataError(f"The embedded file {path} is missing. {cure}")
        if hashlib.sha256(path.read_bytes()).hexdigest() != self.sha256[name]:
            raise DataError(f"The embedded file {path} is damaged: its sha256 is not the one on its card. {cure}")
        return path


def load_card(name: str) -> Card:
    """Read datasets/NAME/card.md: TOML between two lines of +++, then prose."""
    path = datasets_folder() / name / "card.md"
    if not path.is_file():
        known = ", ".join(sorted(p.parent.name for p in datasets_folder().glob("*/card.md")))
        raise DataError(f"There is no data card {name!r}. Cards: {known}.")
    _, facts, text = path.read_text(encoding="utf-8").split("+++\n", 2)
    return Card(name=name, text=text.strip(), **tomllib.loads(facts))
