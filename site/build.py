"""Build the course site: python site/build.py [--no-decks]. It lies in build/site then and opens without a network.

The pages of site/ and what the repository holds already (lessons, guides, cards, tables, docstrings) are laid out in
build/site-source as the repository has them, so that links between them hold in both places; Sphinx does the rest.
"""

import argparse
import re
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat

from gancourse.authoring.node import ensure_packages
from gancourse.authoring.project import ROOT, SLIDES, lesson_names, lesson_title
from gancourse.authoring.public import public_lesson
from gancourse.cards import Card, datasets_folder, load_card
from gancourse.errors import GANCourseError

SITE = ROOT / "site"
SOURCE, TARGET = ROOT / "build" / "site-source", ROOT / "build" / "site"
MATHJAX = SITE / "node_modules" / "mathjax" / "es5" / "tex-svg-full.js"
DECKS = SLIDES / "build"
ROOMS = ("objectives", "nets", "data", "training", "metrics", "show", "recipes", "checks", "passport", "widgets")
PLACEHOLDER = re.compile(r"<!-- (README|build): (.+?) -->")
TERM = re.compile(r"^([^\s{#:].*)\n: (?:.+\n)*?.*\]\(\.\./lessons/(\w+)/", re.MULTILINE)


class SiteError(GANCourseError):
    """The site cannot be built from what is there; the message says what to do."""


# The pages of site/


def readme_section(heading: str) -> str:
    """A section of the README with its heading, up to the next of its kind; "intro" is what stands before the first."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    intro, *sections = re.split(r"^(?=## )", text, flags=re.MULTILINE)
    if heading == "intro":
        return intro.partition("\n")[2].strip()
    found = [section for section in sections if section.startswith(f"## {heading}\n")]
    if not found:
        raise SiteError(f"The README has no section {heading!r}, which a page of site/ asks for.")
    return found[0].strip()


def page(text: str, made: dict[str, str]) -> str:
    """A page of site/ as it stands at the top of the site: links from there, placeholders filled in."""

    def fill(found: re.Match) -> str:
        return readme_section(found[2]) if found[1] == "README" else made[found[2]]

    return PLACEHOLDER.sub(fill, text.replace("](../", "]("))


def lessons_list() -> str:
    """The lessons in their order."""
    return "\n".join(f"{int(n[:2])}. [{lesson_title(n)}](lessons/{n}/{n}.ipynb)" for n in lesson_names())


def decks_list(built: set[str]) -> str:
    """A line a deck, with the formats that were built. built: names of files, like 02_dcgan.pdf."""
    return "\n".join(f"- {lesson_title(name)}: {_formats(name, built)}" for name in lesson_names())


def _formats(name: str, built: set[str]) -> str:
    files = {"slides in the browser": f"{name}.html", "PDF": f"{name}.pdf"}
    links = [f'<a href="slides/{f}">{text} of lesson {int(name[:2])}</a>' for text, f in files.items() if f in built]
    return ", ".join(links) or "not built yet (`make slides`)"


# What is there already


def words_of(lesson: str) -> str:
    """Links to the glossary's entries that name this lesson: the last cell of its page."""
    terms = [term for term, name in TERM.findall((SITE / "glossary.md").read_text(encoding="utf-8")) if name == lesson]
    return "## Words of this lesson\n\n" + ", ".join(f"{{term}}`{term}`" for term in terms)


def lesson_page(name: str) -> nbformat.NotebookNode:
    """The public lesson with its words."""
    notebook = public_lesson(name)
    notebook.cells.append(nbformat.v4.new_markdown_cell(words_of(name), id="words"))
    return notebook


def card_page(card: Card) -> str:
    """A data card: its prose, then its facts as a table."""
    facts = {
        "what": card.what, "how many": card.count, "shape": card.shape, "range": card.value_range,
        "licence": card.licence, "source": card.source, "made by": f"`{card.maker}`",
    }  # fmt: skip
    facts |= {f"sha256 of {file}": f"`{digest}`" for file, digest in card.sha256.items()}
    rows = [f"| {name} | {value} |" for name, value in facts.items()]
    return "\n".join([card.text, "", "## Facts", "", "| fact | value |", "|---|---|", *rows, ""])


def room_page(room: str) -> str:
    """What a room of the package offers: its docstring, then everything that it exports."""
    directive = [f".. automodule:: gancourse.{room}", "   :members:", "   :imported-members:", "   :show-inheritance:"]
    return "\n".join([f"# gancourse.{room}", "", "```{eval-rst}", *directive, "```", ""])


def results_not_in_the_readme() -> str:
    """The tables of benchmarks/results that the README leaves out, each under its name."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    paths = sorted((ROOT / "benchmarks" / "results").glob("*.md"))
    left = [path for path in paths if f"<!-- results: {path.stem} -->" not in readme]
    return "\n\n".join(f"### {p.stem.replace('_', ' ')}\n\n{p.read_text(encoding='utf-8').strip()}" for p in left)


# Laying it out and building


def lay_out(source: Path, decks: Path) -> None:
    """Write every page into `source`, which is emptied first. decks: the folder with the decks that were built."""
    shutil.rmtree(source, ignore_errors=True)
    shutil.copytree(SITE / "_static", source / "_static")
    shutil.copy(SITE / "conf.py", source)
    shutil.copy(MATHJAX, source / "_static" / "mathjax.js")
    shutil.copytree(ROOT / "docs", source / "docs")
    built = copy_decks(decks, source / "_extra" / "slides")
    made = {
        "lessons": lessons_list(),
        "decks": decks_list(built),
        "rooms": "\n".join(f"api/{room}" for room in ROOMS),
        "results": results_not_in_the_readme(),
    }
    pages = {path.name: page(path.read_text(encoding="utf-8"), made) for path in SITE.glob("*.md")}
    pages |= {f"api/{room}.md": room_page(room) for room in ROOMS}
    pages |= {"CONTRIBUTING.md": (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")}
    pages |= {f"datasets/{card}/card.md": card_page(load_card(card)) for card in card_names()}
    pages |= {f"lessons/{name}/{name}.ipynb": nbformat.writes(lesson_page(name)) for name in lesson_names()}
    for path, text in pages.items():
        (source / path).parent.mkdir(parents=True, exist_ok=True)
        (source / path).write_text(text, encoding="utf-8")


def card_names() -> list[str]:
    """The data sets that have a card."""
    return sorted(path.parent.name for path in datasets_folder().glob("*/card.md"))


def copy_decks(decks: Path, target: Path) -> set[str]:
    """Copy the finished decks into the site, and return the names of their files."""
    target.mkdir(parents=True)  # an empty folder too: Sphinx misses one that it was told of
    files = [f for name in lesson_names() for f in decks.glob(f"{name}.*") if f.suffix in (".html", ".pdf")]
    for file in files:
        shutil.copy(file, target)
    return {file.name for file in files}


def build_site(source: Path, target: Path, decks: Path) -> None:
    """Lay the pages out in `source` and let Sphinx build them into `target`. Raises SiteError with its complaint."""
    ensure_packages(MATHJAX, "MathJax")
    lay_out(source, decks)
    shutil.rmtree(target, ignore_errors=True)
    command = [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", "-j", "2"]
    command += ["-d", str(source.with_name(f"{source.name}-trees")), str(source), str(target)]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    if ran.returncode:
        raise SiteError(f"Sphinx found something wrong:\n{ran.stderr.strip() or ran.stdout.strip()}")


def build_decks() -> bool:
    """Both formats of every deck, by its own script. Returns whether no deck is at fault.

    Its 2 is no fault: Node.js or a browser is missing, and the site says which decks are not built.
    """
    sound = subprocess.run([sys.executable, str(SLIDES / "build.py")], cwd=ROOT).returncode in (0, 2)
    if not sound:
        print("site: the decks could not all be built; older ones may be linked", file=sys.stderr)
    return sound


def main(words: list[str] | None = None) -> int:
    """Build what the command line asks for; 2 when something is missing, 1 when a deck is at fault."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--no-decks", action="store_true", help="link the decks that are built already; build none")
    arguments = parser.parse_args(words)
    try:
        sound = arguments.no_decks or build_decks()
        build_site(SOURCE, TARGET, DECKS)
    except GANCourseError as error:
        print(f"site: {error}", file=sys.stderr)
        return 2
    print(f"Open {TARGET / 'index.html'}")
    return 0 if sound else 1


if __name__ == "__main__":
    sys.exit(main())
