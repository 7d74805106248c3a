"""The course site as a reader opens it: from files, without a network, with keys and ears instead of mouse and eyes."""

import ast
import re
import time
import urllib.parse
from functools import cache
from html.parser import HTMLParser
from importlib import import_module
from pathlib import Path

import pytest
from browser.axe import barriers
from browser.served import browser_page, needs_browser, screenshot
from scripts import load

from gancourse.authoring.executed import Executed
from gancourse.authoring.node import NodeError
from gancourse.authoring.project import ROOT, SLIDES, lesson_names, lesson_title

build = load(ROOT / "site" / "build.py")
LONGEST = 300  # seconds for a build
LESSON = "lessons/01_vanilla_gan/01_vanilla_gan.html"


@pytest.fixture(scope="module")
def built(tmp_path_factory) -> Path:
    """The site, built by what `make site` runs; of the decks only two files are there."""
    try:
        build.ensure_packages(build.MATHJAX, "MathJax")
    except NodeError as error:
        pytest.skip(str(error))
    folder, decks = tmp_path_factory.mktemp("site"), tmp_path_factory.mktemp("decks")
    for name in ("01_vanilla_gan.html", "01_vanilla_gan.pdf"):
        (decks / name).write_text('<html lang="en"><title>a deck</title></html>')
    with pytest.MonkeyPatch.context() as patch:
        for name, path in {"SOURCE": folder / "source", "TARGET": folder / "site", "DECKS": decks}.items():
            patch.setattr(build, name, path)
        began = time.monotonic()
        assert build.main(["--no-decks"]) == 0
        assert time.monotonic() - began < LONGEST
    return folder / "site"


class Page(HTMLParser):
    """The names of a page's places, what it links to, what it loads, and its pictures."""

    def __init__(self, path: Path):
        super().__init__()
        self.places, self.links, self.loads, self.pictures = set(), [], [], []
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attributes):
        found = dict(attributes)
        self.places |= {found[key] for key in ("id", "name") if found.get(key)}
        if tag == "a" and found.get("href"):
            self.links.append(found["href"])
        elif tag == "link" or "src" in found:
            self.loads.append(found.get("src") or found.get("href"))
        if tag == "img":
            self.pictures.append(found)


@cache
def read(path: Path) -> Page:
    return Page(path)


def pages(site: Path) -> list[Path]:
    return sorted(
        path for path in site.rglob("*.html") if "_static" not in path.parts
    )  # one of the theme's own is there


def text(site: Path, name: str) -> str:
    return (site / name).read_text(encoding="utf-8")


def is_outside(address: str) -> bool:
    return bool(urllib.parse.urlsplit(address).scheme)


def test_every_link_inside_leads_to_a_page_and_a_place(built):
    lost, seen = [], 0
    for path in pages(built):
        for address in filter(lambda a: not is_outside(a), read(path).links + read(path).loads):
            file, _, place = urllib.parse.unquote(address.split("?")[0]).partition("#")
            target = (path.parent / file).resolve() if file else path
            seen += 1
            if not target.is_file():
                lost.append(f"{path.name}: {address}")
            elif place and target.suffix == ".html" and place not in read(target).places:
                lost.append(f"{path.name}: {address} has no such place")
    assert not lost
    assert seen > 1000


def test_links_outside_are_whole_addresses(built):
    found = {a for path in pages(built) for a in read(path).links if is_outside(a)}
    assert len(found) >= 9
    for address in found:
        parts = urllib.parse.urlsplit(address)
        assert parts.scheme == "https" and re.fullmatch(r"[\w-]+(\.[\w-]+)+", parts.netloc) and " " not in address


def test_nothing_is_loaded_from_elsewhere(built):
    assert not [a for path in pages(built) for a in read(path).loads if a and is_outside(a) and "data:" not in a]
    for style in built.rglob("*.css"):
        assert not re.search(r"(@import|url\()\s*[\"']?(https?:)?//", style.read_text(encoding="utf-8")), style


def test_everything_has_its_page(built):
    wanted = ["index", "lessons", "slides", "glossary", "api", "teaching", "figures", "search", "CONTRIBUTING"]
    wanted += [f"lessons/{name}/{name}" for name in lesson_names()]
    wanted += [str(p.relative_to(ROOT).with_suffix("")) for p in (ROOT / "docs").glob("*.md")]
    wanted += [f"datasets/{card}/card" for card in build.card_names()]
    assert not [name for name in wanted if not (built / f"{name}.html").is_file()]
    for results in (ROOT / "benchmarks" / "results").glob("*.md"):
        command = re.match(r"`(.+?)`", results.read_text(encoding="utf-8"))[1]
        assert command in re.sub("<.*?>", "", text(built, "figures.html")), results


@pytest.mark.parametrize("room", build.ROOMS)
def test_everything_that_a_room_offers_is_described(built, room):
    module, page = import_module(f"gancourse.{room}"), text(built, f"api/{room}.html")
    offered = [name for name in module.__all__ if callable(thing := getattr(module, name)) and thing.__doc__]
    assert len(offered) >= 2
    assert not [name for name in offered if f'id="gancourse.{room}.{name}"' not in page]


def test_every_public_room_is_on_the_site():
    floors = (ROOT / "tests" / "repository" / "test_repository.py").read_text(encoding="utf-8")
    rooms = ast.literal_eval(re.search(r"FLOORS = (\{.*?\})", floors, re.DOTALL)[1])
    folders = {room for room in rooms if (ROOT / "gancourse" / room / "__init__.py").is_file()}
    exporting = {room for room in folders if getattr(import_module(f"gancourse.{room}"), "__all__", None)}
    assert exporting == set(build.ROOMS)


def test_a_docstring_keeps_its_words_and_the_lines_of_its_lists():
    conf = load(ROOT / "site" / "conf.py")
    assert conf.as_rst(["E |g| of `x_0`,", "for *all* a_b."]) == ["E \\|g\\| of ``x_0``,", "for \\*all\\* a\\_b."]
    assert conf.as_rst(["Two:", "", "- a", "  *b*"]) == ["Two:", "", "::", "", "    - a", "      *b*"]


def test_docstrings_mean_nothing_to_sphinx_but_their_words(built):
    page = text(built, "api/objectives.html")
    assert "R1 = E |grad D(x)|^2 over the real samples" in page
    assert "system-message" not in page and "problematic" not in page


@pytest.mark.parametrize("name", lesson_names())
def test_a_lesson_shows_its_pictures_with_words_and_its_glossary(built, name):
    path = built / "lessons" / name / f"{name}.html"
    shown = [p for p in read(path).pictures if "_images" in p["src"]]
    drawn = [o for cell in Executed(name).cells() for o in cell["outputs"] if "image/png" in o.get("data", {})]
    assert [p["alt"] for p in shown] == [o["metadata"]["image/png"]["alt"] for o in drawn]
    terms = re.findall(r"glossary\.html#term-", path.read_text(encoding="utf-8"))
    assert len(terms) >= 5
    assert "hidden=True" not in path.read_text(encoding="utf-8")


def test_every_word_of_the_glossary_is_linked_both_ways(built):
    source = (ROOT / "site" / "glossary.md").read_text(encoding="utf-8")
    words, found = source.count("\n: "), build.TERM.findall(source)
    assert words == len(found) >= 40
    assert [word.lower() for word, _ in found] == sorted(word.lower() for word, _ in found)
    back = [a for path in built.glob("lessons/*/*.html") for a in read(path).links if "glossary.html#term-" in a]
    assert len(back) == words


def test_decks_are_linked_where_they_are_built(built):
    page = text(built, "slides.html")
    assert 'href="slides/01_vanilla_gan.html"' in page and 'href="slides/01_vanilla_gan.pdf"' in page
    assert page.count("not built yet") == len(lesson_names()) - 1
    assert lesson_title("02_dcgan") in page


# In the browser


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    with browser_page(tmp_path_factory.mktemp("profile"), height=1000) as page:
        yield page


def open_page(browser, site: Path, name: str, scheme: str = "light") -> None:
    """Open a file of the site; done when its formulas are drawn and a search has listed all that it found."""
    browser.emulate_media(color_scheme=scheme)
    file, _, query = name.partition("?")
    browser.goto((site / file).as_uri() + (f"?{query}" if query else ""))
    browser.evaluate("async () => { await window.MathJax?.startup?.promise }")
    if query:
        browser.locator("#search-results .search-summary", has_text="Search finished, found").wait_for()


LOOKED_AT = ["index.html", LESSON, "api/nets.html", "glossary.html", "search.html?q=gradient", "slides.html"]


@needs_browser
@pytest.mark.parametrize("name", LOOKED_AT)
def test_nothing_keeps_people_out(built, axe, browser, name):
    open_page(browser, built, name)
    assert not barriers(browser)
    screenshot(browser, f"site_{Path(name).stem}")


@needs_browser
@pytest.mark.parametrize("name", ["docs/instructors.html", LESSON, "search.html?q=gradient"])
def test_words_stand_out_in_the_dark_too(built, axe, browser, name):
    open_page(browser, built, name, "dark")
    assert browser.evaluate("document.documentElement.dataset.theme") == "dark"
    assert not barriers(browser, "color-contrast")
    screenshot(browser, f"site_{Path(name).stem}_dark")


@needs_browser
def test_a_barrier_would_be_found(built, axe, browser):
    open_page(browser, built, "index.html")
    browser.evaluate("document.querySelector('main img').removeAttribute('alt')")
    browser.evaluate("document.querySelector('main p').style.color = '#bbbbbb'")
    found = " ".join(barriers(browser))
    assert "image-alt" in found and "color-contrast" in found


@needs_browser
def test_formulas_search_and_folds_work_from_files_alone(built, browser):
    asked, said = [], []
    browser.on("request", lambda request: asked.append(request.url))
    browser.on("pageerror", lambda error: said.append(str(error)))
    open_page(browser, built, LESSON)
    assert browser.locator("mjx-container svg").count() > 20
    assert browser.locator("mjx-assistive-mml math").count() > 20, "formulas that nobody can hear"
    fold = browser.locator("details.hide.below-input").first
    fold.locator("summary").press("Enter")
    assert fold.locator(".output").is_visible()
    open_page(browser, built, "search.html?q=wasserstein")
    browser.locator("#search-results li", has_text="Lesson 3: WGAN-GP").first.wait_for()
    assert len(asked) > 10 and not [address for address in asked if not address.startswith(("file:", "data:"))]
    assert not said


@needs_browser
def test_a_wide_formula_is_reached_by_keys_and_the_page_stays_narrow(built, browser):
    browser.set_viewport_size({"width": 400, "height": 900})
    open_page(browser, built, "lessons/03_wgan_gp/03_wgan_gp.html")
    formulas = "[...document.querySelectorAll('mjx-container[display]')]"
    wide = browser.evaluate(f"{formulas}.filter(f => f.scrollWidth > f.clientWidth).map(f => f.tabIndex)")
    assert wide and set(wide) == {0}
    assert browser.evaluate("document.documentElement.scrollWidth") <= 400
    browser.set_viewport_size({"width": 1280, "height": 1000})


# What goes wrong


def test_a_section_that_the_readme_lacks_is_said(monkeypatch, capsys):
    with pytest.raises(build.SiteError, match="no section 'Nothing'"):
        build.page("<!-- README: Nothing -->", {})
    monkeypatch.setattr(build, "MATHJAX", SLIDES / "node_modules" / "nothing")
    monkeypatch.setenv("PATH", "")
    assert build.main(["--no-decks"]) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1 and "npm was not found" in said


@pytest.mark.parametrize(("of_the_decks", "of_the_site"), [(0, 0), (2, 0), (1, 1)])
def test_a_deck_at_fault_is_said_but_not_a_missing_program(of_the_decks, of_the_site, monkeypatch, capsys, tmp_path):
    (tmp_path / "build.py").write_text(f"raise SystemExit({of_the_decks})")
    monkeypatch.setattr(build, "SLIDES", tmp_path)
    monkeypatch.setattr(build, "build_site", lambda *folders: None)
    assert build.main([]) == of_the_site
    assert ("the decks could not all be built" in capsys.readouterr().err) == bool(of_the_site)


def test_a_fault_of_a_page_ends_the_build_with_its_name(built, monkeypatch, tmp_path):
    def one_bad_page(source, decks):
        (source / "_extra").mkdir(parents=True)
        (source / "_static").mkdir()
        (source / "conf.py").write_text("extensions = ['myst_parser']\n")
        (source / "index.md").write_text("# A page\n\n[nowhere](nothing.md)\n")

    monkeypatch.setattr(build, "lay_out", one_bad_page)
    with pytest.raises(build.SiteError, match=r"index\.md:3.*nothing\.md"):
        build.build_site(tmp_path / "source", tmp_path / "site", tmp_path)
