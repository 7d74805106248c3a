"""The decks: one a lesson, nothing missing, nothing loaded from elsewhere, and no number that the package denies."""

import itertools
import json
import math
import os
import re
import shutil
import zlib
from collections.abc import Callable
from functools import cache
from pathlib import Path
from types import ModuleType

import matplotlib
import pytest
import torch
import yaml
from browser.axe import barriers
from browser.served import browser_page, needs_browser, screenshot
from PIL import Image, ImageChops
from scripts import load

from gancourse.authoring.executed import Executed
from gancourse.authoring.node import NodeError
from gancourse.authoring.project import SLIDES, colab_address, lesson_names, repository
from gancourse.errors import GANCourseError
from gancourse.objectives import discriminator_loss, generator_loss, optimal_discriminator
from gancourse.recipes.points import Points
from gancourse.recipes.vanilla import Vanilla

pytestmark = pytest.mark.xdist_group("slides")  # one worker: all of them share slides/node_modules

LESSON_1 = "01_vanilla_gan"
NUMBER = re.compile(r"-?\d+(?:\.\d+)?")


build = load(SLIDES / "build.py")
decks = pytest.mark.parametrize("deck", build.deck_names())


def text_of(deck: str) -> str:
    return (SLIDES / deck / "deck.md").read_text(encoding="utf-8")


def slides_of(deck: str) -> list[str]:
    """The source of each slide, without the front matter."""
    return text_of(deck).split("\n---\n")[1:]


def notes_of(slide: str) -> list[str]:
    """Its speaker notes: the comments that are no directives."""
    return [c for c in re.findall(r"<!--(.*?)-->", slide, re.DOTALL) if not re.match(r"\s*_\w+:", c)]


def images_of(deck: str) -> list[tuple[str, str]]:
    return re.findall(r"!\[([^\]]*)\]\(([^)]+)\)", text_of(deck))


def as_shown(text: str) -> str:
    """Markdown with the minus sign, percent sign and spaces of its formulas as plain text."""
    return text.replace("−", "-").replace("\\,", "").replace("\\%", "%").replace(" %", "%")


# The source


def test_every_lesson_has_a_deck():
    assert build.deck_names() == lesson_names()


@decks
def test_front_matter(deck):
    front = yaml.safe_load(text_of(deck).split("\n---\n")[0])
    assert front["marp"] is True
    assert front["math"] == "mathjax", "katex loads its fonts from a CDN"
    assert front["theme"] == "gancourse" and front["paginate"] is True and front["lang"] == "en" and front["title"]


@decks
def test_images_exist_and_are_told_in_words(deck):
    assert images_of(deck)
    for alt, address in images_of(deck):
        assert (SLIDES / deck / address).is_file(), address
        assert len(alt.split()) >= 10, f"the alt text of {address} does not say what is to be seen"


@decks
def test_no_figure_is_left_over(deck):
    files = {p.name for p in (SLIDES / deck / "figures").iterdir() if p.suffix != ".json"}
    assert files == {Path(address).name for _, address in images_of(deck)}


@decks
def test_addresses_are_links_for_readers(deck):
    source = text_of(deck)
    outside_links = re.sub(r"\]\(https://[^)]+\)", "", source)
    assert not re.search(r"https?://", outside_links)
    assert repository() not in source, "write {{repository}}: the address is one setting in pyproject.toml"
    assert "{{repository}}" in source


def test_formulas_are_found_in_their_order_and_a_miscount_is_said(tmp_path):
    deck = "Price: `$5`.\n\n$a < b$ and\n\n$$\nx^2\n$$\n\n<!-- say $c$ -->"
    assert build.formulas(deck) == ["a < b", "x^2"]
    page = tmp_path / "page.html"
    page.write_text('<p><mjx-container><svg role="img"><mjx-container><svg role="img">')
    build.name_formulas(page, build.formulas(deck))
    assert re.findall('role="img" aria-label="(.*?)"', page.read_text()) == ["a &lt; b", "x^2"]
    with pytest.raises(build.DeckError, match="2 formulas, but its text holds 1"):
        build.name_formulas(page, ["a"])


@decks
def test_every_slide_has_notes_and_the_lecture_fits_an_hour(deck):
    minutes = 0
    for slide in slides_of(deck):
        notes = notes_of(slide)
        assert len(notes) == 1, slide[:60]
        told = re.match(r"\s*\((\d+) min\) \S", notes[0])
        assert told, f"the notes do not begin with (n min): {notes[0][:60]}"
        minutes += int(told[1])
    assert 45 <= minutes <= 60


@decks
def test_each_prediction_comes_before_its_result(deck):
    asked = ["_class: predict" in slide for slide in slides_of(deck)]
    assert sum(asked) >= 3 and not asked[-1]
    assert not any(a and b for a, b in itertools.pairwise(asked)), "two questions and no answer between them"


@decks
def test_no_emoji(deck):
    assert not re.search("[\U0001f000-\U0001faff✀-➿️]", text_of(deck)), "Marp loads emoji from a CDN"


def test_no_number_is_missing():
    assert not [deck for deck in build.deck_names() if build.TODO in text_of(deck)]


# The numbers and figures of every deck


@cache
def figures_of(deck: str) -> ModuleType:
    return load(SLIDES / deck / "figures.py")


@pytest.fixture(scope="module")
def draw(tmp_path_factory) -> Callable[[str], Path]:
    """The exact figures of a deck, drawn once."""

    @cache
    def drawn(deck: str) -> Path:
        folder = tmp_path_factory.mktemp(deck)
        figures_of(deck).save_exact(folder)
        return folder

    return drawn


@decks
def test_committed_numbers_are_the_computed_ones(deck):
    committed = json.loads((SLIDES / deck / "figures" / "numbers.json").read_text(encoding="utf-8"))
    assert committed == figures_of(deck).numbers()


@decks
def test_every_computed_number_stands_in_the_deck(deck):
    shown = as_shown(text_of(deck))
    for name, values in figures_of(deck).numbers().items():
        for value in values.split(", "):
            assert re.search(rf"(?<![\d.]){re.escape(value)}(?![\d])", shown), f"{name}: {value}"


def skip_with_another_matplotlib(deck: str) -> None:
    """Another one may place its letters elsewhere."""
    for name in figures_of(deck).EXACT:
        if f"Matplotlib v{matplotlib.__version__}," not in (SLIDES / deck / "figures" / name).read_text("utf-8"):
            pytest.skip(f"the figures were drawn by another Matplotlib than {matplotlib.__version__}")


@decks
def test_committed_drawings_are_the_computed_ones(draw, deck):
    skip_with_another_matplotlib(deck)
    for name in figures_of(deck).EXACT:
        committed = (SLIDES / deck / "figures" / name).read_text(encoding="utf-8")
        # matplotlib makes its ids from coordinates with all their digits
        made = (draw(deck) / name).read_text(encoding="utf-8")
        made, committed = (re.sub(r"\b[a-z][0-9a-f]{10}\b", "id", s) for s in (made, committed))
        assert NUMBER.sub("#", made) == NUMBER.sub("#", committed), f"{name}: run slides/{deck}/figures.py"
        pairs = zip(NUMBER.findall(made), NUMBER.findall(committed), strict=True)
        assert all(abs(float(a) - float(b)) <= 0.11 for a, b in pairs), name  # one unit of the last digit


# Lesson 1's deck trains by itself: see test_the_long_runs_draw_and_score.
decks_of_notebooks = pytest.mark.parametrize("deck", build.deck_names()[1:])


@decks_of_notebooks
def test_what_was_trained_is_the_executed_notebook_s(deck, tmp_path):
    skip_with_another_matplotlib(deck)
    figures_of(deck).save_runs(tmp_path)
    made = sorted(tmp_path.iterdir())
    assert [path.suffix for path in made].count(".png") >= 3
    for path in made:
        committed = SLIDES / deck / "figures" / path.name
        assert shown_by(path) == shown_by(committed), f"{path.name}: run slides/{deck}/figures.py"


def shown_by(path: Path) -> object:
    """What a file shows: the numbers of a table, the texts of a drawing, the pixels of a picture."""
    if path.suffix == ".json":
        return json.loads(path.read_text(encoding="utf-8"))
    if path.suffix == ".svg":
        return re.findall(r"<!-- (.*?) -->", path.read_text(encoding="utf-8"))
    return Image.open(path).convert("RGB").tobytes()


@pytest.mark.parametrize("deck", [d for d in build.deck_names()[1:] if hasattr(figures_of(d), "SCORES")])
def test_every_trained_number_stands_in_the_deck(deck):
    shown = as_shown(text_of(deck)).replace(",", "")
    for name, said in json.loads((SLIDES / deck / "figures" / "trained.json").read_text(encoding="utf-8")).items():
        for number in re.findall(r"(?<![\w.=(])-?\d+(?:\.\d+)?%?", said):
            assert re.search(rf"(?<![\d.]){re.escape(number)}(?!\d)", shown), f"{name}: {number}"


@decks
def test_a_cell_of_the_notebook_is_found_by_its_source_or_missed_aloud(deck):
    notebook = Executed(deck)
    with pytest.raises(GANCourseError, match=r"0 cells of .* one was expected"):
        notebook.cell_with("nobody writes this")
    with pytest.raises(GANCourseError, match=r"\d cells of .* one was expected"):
        notebook.cell_with("=")
    with pytest.raises(GANCourseError, match="fits 'nobody prints this'"):
        notebook.scores({"a score": "nobody prints this"})


@decks
def test_figures_stay_small(deck):
    files = list((SLIDES / deck / "figures").iterdir())
    assert sum(f.stat().st_size for f in files if f.suffix == ".svg") < 300_000


# The figures of lesson 1


@pytest.fixture(scope="module")
def figures() -> ModuleType:
    return figures_of(LESSON_1)


@pytest.fixture(scope="module")
def drawn(draw) -> Path:
    return draw(LESSON_1)


def test_slopes_of_the_two_losses():
    shown = as_shown(text_of(LESSON_1))
    for saturating, row in ((True, r"| $\log(1 - D)$ |"), (False, r"| $-\log D$ |")):
        at = torch.tensor([-8.0, 8.0], requires_grad=True)
        (slopes,) = torch.autograd.grad(generator_loss(at, saturating), at)
        left, right = (2 * slopes).tolist()
        assert f"{row} {left:.4f} | {right:.4f} |" in shown


def test_log_4_and_the_two_thirds_of_the_bug():
    shown = text_of(LESSON_1)
    assert f"{discriminator_loss(torch.zeros(3), torch.zeros(3)).item():.3f}" == f"{math.log(4):.3f}" == "1.386"
    d = torch.linspace(0.001, 0.999, 999, dtype=torch.float64)
    for p, q in ((1.0, 1.0), (3.0, 1.0), (1.0, 2.0)):
        best = d[(p * d.log() + q * (1 - d).log() + q * d.log()).argmax()].item()
        assert best == pytest.approx((p + q) / (p + 2 * q), abs=0.002)
    assert r"\frac{p + q}{p + 2q} = \frac23" in shown and "1.386" in shown


def test_smoothing_bends_the_best_answer_as_shown():
    logits = torch.linspace(-6, 6, 2401)
    for_free = torch.tensor([1e9])  # a batch that D is right about costs nothing
    of_real = [discriminator_loss(a[None], -for_free, 0.9) for a in logits]
    of_fake = [discriminator_loss(for_free, a[None]) for a in logits]
    best = logits[(3 * torch.stack(of_real) + torch.stack(of_fake)).argmin()].sigmoid().item()
    assert best == pytest.approx(0.9 * optimal_discriminator(torch.tensor(3.0), torch.tensor(1.0)).item(), abs=0.005)


def test_committed_photographs_are_the_embedded_ones(drawn):
    committed, made = (Image.open(f / "clothes.png") for f in (SLIDES / LESSON_1 / "figures", drawn))
    assert ImageChops.difference(committed, made).getbbox() is None


def test_drawing_twice_gives_the_same_bytes(figures, drawn, tmp_path):
    figures.save_svg(figures.slopes, tmp_path / "slopes.svg")
    assert (tmp_path / "slopes.svg").read_bytes() == (drawn / "slopes.svg").read_bytes()


def test_the_long_runs_draw_and_score(figures):
    smoke = Points.for_budget("smoke")
    picture, found = figures.broken_and_cured(Points.for_budget("smoke", gamma=0.0), smoke)
    assert picture.png and set(found) == {f"modes and good samples, {n}" for n in ("as in equation 1", "cured")}
    picture, found = figures.generated_clothes(Vanilla.for_budget("smoke"))
    assert picture.png and float(found["nfd"]) > float(found["floor of nfd"])


# The build


@pytest.fixture(scope="module")
def marp() -> None:
    if os.environ.get("GANCOURSE_NO_SLIDES"):
        pytest.skip("GANCOURSE_NO_SLIDES is set")
    if shutil.which("node") is None:
        pytest.skip("node is not installed")
    try:
        build.ensure_marp()
    except NodeError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="module")
def built(marp, tmp_path_factory) -> Callable[[str], Path]:
    """The HTML of a deck, alone in its folder, built once."""

    @cache
    def page(deck: str) -> Path:
        return build.build_deck(deck, pdf=False, folder=tmp_path_factory.mktemp(deck))[0]

    return page


@decks
def test_html_holds_every_slide_and_loads_nothing(built, deck):
    page = built(deck)
    html = page.read_text(encoding="utf-8")
    assert len(re.findall(r"<section id=", html)) == len(slides_of(deck))
    assert len(re.findall(r'<div class="bespoke-marp-note"', html)) == len(slides_of(deck))
    assert len(re.findall(r'<img src="data:image/', html)) == len(images_of(deck))
    assert "{{" not in html and f'href="{repository()}' in html
    assert html.count(f'href="{colab_address(deck)}"') == len(slides_of(deck)), "a slide without its live-coding link"
    assert "<mjx-container" in html and 'lang="en"' in html
    assert not re.search(r'(?:src|xlink:href)="(?!data:)', html), "a file beside the page"
    assert not re.search(r"@import|url\(\s*[\"']?(?:https?:)?//|<link[^>]+href=", html), "a style from elsewhere"
    links = re.findall(r'<(\w+)[^>]*\shref="https?://', html)
    assert set(links) == {"a"}
    assert os.listdir(page.parent) == [page.name]


# In the browser

LOWEST = 664  # of 720: below it lies the foot of the slide
# All parts of each slide whose box leaves the slide, or reaches into its foot; formulas are told twice, once unseen.
OVERFLOW = """lowest => [...document.querySelectorAll("section")].flatMap(slide => {
  const at = slide.getBoundingClientRect(), unit = at.height / 720, foot = at.top + lowest * unit;
  const parts = [...slide.querySelectorAll("*:not(footer, footer *, mjx-assistive-mml, mjx-assistive-mml *)")];
  return parts.map(part => [part, part.getBoundingClientRect()])
    .filter(([_, b]) => b.width && (b.left < at.left - 1 || b.right > at.right + 1 || b.top < at.top - 1
      || b.bottom > foot))
    .map(([part, b]) => `slide ${slide.id}: ${part.tagName} ${part.textContent.slice(0, 40)} to ${b.bottom / unit}`);
})"""


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    with browser_page(tmp_path_factory.mktemp("profile"), height=720) as page:
        yield page


def show_every_slide(page) -> None:
    """As on paper: one below the other, none told to readers as hidden."""
    page.emulate_media(media="print")
    page.evaluate(
        "document.querySelectorAll('svg[aria-hidden]').forEach(slide => slide.removeAttribute('aria-hidden'))"
    )


@needs_browser
@decks
def test_nothing_leaves_its_slide_and_nothing_keeps_people_out(built, axe, browser, deck):
    browser.emulate_media(media="screen")
    browser.goto(built(deck).as_uri())
    assert not barriers(browser)
    show_every_slide(browser)
    assert browser.locator("section:visible").count() == len(slides_of(deck))
    assert not browser.evaluate(OVERFLOW, LOWEST)
    assert not barriers(browser)
    screenshot(browser, f"deck_{deck}")


@needs_browser
def test_a_slide_that_is_too_full_and_one_that_is_too_pale_are_found(built, axe, browser):
    browser.goto(built(LESSON_1).as_uri())
    show_every_slide(browser)
    browser.evaluate("document.querySelector('section h2').style.color = '#aaaaaa'")
    browser.evaluate("document.querySelector('section img').style.marginTop = '400px'")
    assert any("color-contrast" in found for found in barriers(browser))
    assert browser.evaluate(OVERFLOW, LOWEST)


# Paper


def objects(content: bytes) -> bytes:
    """The objects of a PDF, taken out of its compressed streams."""
    parts = [content]
    for stream in re.findall(rb"stream\r?\n(.*?)endstream", content, re.DOTALL):
        try:
            parts.append(zlib.decompressobj().decompress(stream))
        except zlib.error:
            continue
    return b"".join(parts)


@pytest.mark.parametrize(
    "deck", [LESSON_1, *(pytest.param(d, marks=pytest.mark.full_only) for d in build.deck_names()[1:])]
)
def test_pdf_has_a_page_a_slide(marp, deck, tmp_path):
    try:
        build.find_browser()
    except build.SlidesError as error:
        pytest.skip(str(error))
    (paper,) = build.build_deck(deck, html=False, folder=tmp_path)
    content = paper.read_bytes()
    assert content.startswith(b"%PDF")
    assert len(re.findall(rb"/Type\s*/Page\b", objects(content))) == len(slides_of(deck))


@pytest.mark.parametrize(("words", "missing"), [(["--pdf"], "browser"), (["--html"], "node")])
def test_what_is_missing_is_said_in_one_line(words, missing, monkeypatch, capsys):
    monkeypatch.setenv("PATH", "")
    monkeypatch.delenv("CHROME_PATH", raising=False)
    monkeypatch.setattr(build, "BROWSER_PATHS", ())
    monkeypatch.setattr(build, "MARP", Path(__file__))
    assert build.main(words) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1 and missing in said


def test_missing_npm_is_said_in_one_line(monkeypatch, capsys, tmp_path):
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr(build, "MARP", tmp_path / "node_modules" / "nothing")
    assert build.main(["--html"]) == 2
    assert "npm was not found" in capsys.readouterr().err


@pytest.mark.skipif(shutil.which("node") is None, reason="node is not installed")
def test_a_fault_of_a_deck_has_its_own_exit_code(monkeypatch, capsys, tmp_path):
    (tmp_path / "marp.js").write_text("console.error('not this one'); process.exit(1)")
    monkeypatch.setattr(build, "MARP", tmp_path / "marp.js")
    monkeypatch.setattr(build, "prepared", lambda name, folder: tmp_path / "deck.md")
    assert build.main(["--html", LESSON_1]) == 1
    assert capsys.readouterr().err == f"slides: Marp could not make {LESSON_1}.html: not this one\n"


def test_unknown_deck_is_said(capsys):
    assert build.main(["99_nothing"]) == 2
    assert "There is no deck 99_nothing" in capsys.readouterr().err


def test_browser_named_by_the_environment(monkeypatch, tmp_path):
    monkeypatch.setenv("CHROME_PATH", str(tmp_path / "none"))
    with pytest.raises(build.SlidesError, match="CHROME_PATH"):
        build.find_browser()
    (tmp_path / "none").touch()
    assert build.find_browser() == str(tmp_path / "none")


def test_no_lock_file_with_registry_addresses():
    assert not list(SLIDES.glob("package-lock.json")) and not list(SLIDES.glob("npm-shrinkwrap.json"))
    package = json.loads((SLIDES / "package.json").read_text(encoding="utf-8"))
    assert package["private"] and package["devDependencies"]["@marp-team/marp-cli"].startswith("^")
