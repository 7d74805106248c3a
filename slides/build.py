"""Build the decks: python slides/build.py [--html] [--pdf] [NN_name ...]. Both formats and all decks if none is named.

Writes slides/build/NN_name.html (one file, nothing loaded from elsewhere) and slides/build/NN_name.pdf.
"""

import argparse
import base64
import mimetypes
import os
import re
import shutil
import subprocess
import sys
from html import escape
from pathlib import Path

from gancourse.authoring.node import ensure_packages, find_program
from gancourse.authoring.project import ROOT, SLIDES, colab_address, repository
from gancourse.errors import GANCourseError

BUILD = SLIDES / "build"
MARP = SLIDES / "node_modules" / "@marp-team" / "marp-cli" / "marp-cli.js"
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "msedge")
BROWSER_PATHS = (
    "/usr/bin/chromium",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
)
TODO = "TODO-NUMBERS"


class SlidesError(GANCourseError):
    """Something that the build needs is missing; the message says what to do."""


class DeckError(SlidesError):
    """A deck could not be made of its source; the message says which and why."""


def deck_names() -> list[str]:
    """The decks in their order: the folders of slides/NN_name/deck.md."""
    return sorted(path.parent.name for path in SLIDES.glob("[0-9][0-9]_*/deck.md"))


def find_browser() -> str:
    """The browser that prints the PDF: $CHROME_PATH, or Chromium or Chrome where they usually are."""
    wanted = os.environ.get("CHROME_PATH")
    candidates = [wanted] if wanted else [*map(shutil.which, BROWSERS), *BROWSER_PATHS]
    for candidate in candidates:
        if candidate and Path(candidate).is_file():
            return candidate
    where = f"CHROME_PATH is {wanted}, which is no file" if wanted else "no Chromium or Chrome was found"
    raise SlidesError(f"A PDF needs a browser, but {where}. Install Chromium, or set CHROME_PATH, or use --html alone.")


def ensure_marp() -> None:
    """Install Marp CLI into slides/node_modules, if it is not there. Raises NodeError when npm cannot."""
    ensure_packages(MARP, "Marp CLI")


def prepared(name: str, folder: Path) -> Path:
    """A copy of the deck in `folder` with its addresses filled in and its figures found from there."""
    text = (SLIDES / name / "deck.md").read_text(encoding="utf-8")
    text = text.replace("{{repository}}", repository()).replace("{{colab}}", colab_address(name))
    folder.mkdir(parents=True, exist_ok=True)
    figures = Path(os.path.relpath(SLIDES / name / "figures", folder)).as_posix()
    copy = folder / f"{name}.md"
    copy.write_text(text.replace("](figures/", f"]({figures}/"), encoding="utf-8")
    return copy


def marp(source: Path, target: Path, *options: str, browser: str | None = None) -> None:
    """Run Marp CLI. Raises DeckError with what it said when it fails."""
    environment = dict(os.environ)
    if browser:
        environment["CHROME_PATH"] = browser
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        environment["CHROME_NO_SANDBOX"] = "1"  # Chromium refuses to start its sandbox as root
    command = [find_program("node"), str(MARP), str(source), "--no-stdin", *options]
    # in slides/, because Marp reads the theme and its options from the package.json there
    ran = subprocess.run([*command, "-o", str(target)], env=environment, capture_output=True, text=True, cwd=SLIDES)
    if ran.returncode != 0 or not target.is_file():
        said = (ran.stderr or ran.stdout).strip().splitlines()
        raise DeckError(f"Marp could not make {target.name}: {said[-1] if said else 'it said nothing'}")


def embed_images(page: Path) -> None:
    """Put the figures into the HTML file itself, so that it can be mailed and opened anywhere."""

    def embed(source: re.Match) -> str:
        image = (page.parent / source[1]).resolve()
        kind = mimetypes.guess_type(image.name)[0]
        return f'src="data:{kind};base64,{base64.b64encode(image.read_bytes()).decode()}"'

    text = page.read_text(encoding="utf-8")
    page.write_text(re.sub(r'src="(\.\./[^"]+)"', embed, text), encoding="utf-8")


def formulas(deck: str) -> list[str]:
    """The TeX of a deck's formulas, in their order. deck: its Markdown; notes and code hold none."""
    shown = re.sub(r"<!--.*?-->|```.*?```|`[^`]*`", "", deck, flags=re.DOTALL)
    return [(block or inline).strip() for block, inline in re.findall(r"\$\$(.+?)\$\$|\$(.+?)\$", shown, re.DOTALL)]


def name_formulas(page: Path, tex: list[str]) -> None:
    """Give each drawn formula its TeX as a name: MathJax draws it as paths, which nobody can hear."""
    before, *drawn = page.read_text(encoding="utf-8").split("<mjx-container")
    if len(drawn) != len(tex):
        raise DeckError(f"{page.name} shows {len(drawn)} formulas, but its text holds {len(tex)}.")
    named = [
        part.replace('role="img"', f'role="img" aria-label="{escape(name)}"', 1)
        for part, name in zip(drawn, tex, strict=True)
    ]
    page.write_text("<mjx-container".join([before, *named]), encoding="utf-8")


def build_deck(name: str, html: bool = True, pdf: bool = True, folder: Path = BUILD) -> list[Path]:
    """Build one deck into `folder` and return the files that were written."""
    browser = find_browser() if pdf else None
    ensure_marp()
    source, built = prepared(name, folder), []
    if html:
        built.append(folder / f"{name}.html")
        marp(source, built[-1])
        embed_images(built[-1])
        name_formulas(built[-1], formulas(source.read_text(encoding="utf-8")))
    if pdf:
        built.append(folder / f"{name}.pdf")
        marp(source, built[-1], "--pdf", "--allow-local-files", "--pdf-outlines", browser=browser)
    source.unlink()
    return built


def choose(names: list[str]) -> list[str]:
    """The decks to build. Raises SlidesError for one that there is not."""
    unknown = sorted(set(names) - set(deck_names()))
    if unknown:
        raise SlidesError(f"There is no deck {', '.join(unknown)}. Decks: {', '.join(deck_names())}.")
    return names or deck_names()


def main(words: list[str] | None = None) -> int:
    """Build what the command line asks for; 2 when something is missing, 1 when a deck is at fault."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("decks", nargs="*", metavar="NN_name", help="decks to build; all if none is named")
    parser.add_argument("--html", action="store_true", help="the HTML only, unless --pdf is given too")
    parser.add_argument("--pdf", action="store_true", help="the PDF only, unless --html is given too")
    arguments = parser.parse_args(words)
    both = not arguments.html and not arguments.pdf
    try:
        for name in choose(arguments.decks):
            for path in build_deck(name, arguments.html or both, arguments.pdf or both):
                print(f"{path.relative_to(ROOT)}  {path.stat().st_size / 1e6:.1f} MB")
            todo = (SLIDES / name / "deck.md").read_text(encoding="utf-8").count(TODO)
            if todo:
                print(f"{name}: {todo} numbers are still missing (search for {TODO})")
    except GANCourseError as error:
        print(f"slides: {error}", file=sys.stderr)
        return 1 if isinstance(error, DeckError) else 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
