"""Sphinx's settings for the course site. site/build.py collects the pages and calls Sphinx; see there."""

import re
import textwrap

from sphinx.application import Sphinx

from gancourse.authoring.project import project as about
from gancourse.authoring.project import repository

project = about()["name"]
author = copyright = "the authors of gancourse"
version = release = about()["version"]
language = "en"

extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.mathjax"]
exclude_patterns = ["_static", "_extra"]

# The notebooks come executed; nothing runs here.
nb_execution_mode = "off"
nb_ipywidgets_js = {}  # no live widgets: their pictures stand on the page, and nothing is loaded from elsewhere
nb_merge_streams = True
nb_code_prompt_show, nb_code_prompt_hide = "Show what came out", "Hide what came out"
nb_mime_priority_overrides = [("html", "image/png", 1), ("html", "text/plain", 2)]
myst_enable_extensions = ["amsmath", "attrs_block", "deflist", "dollarmath"]
myst_heading_anchors = 3
myst_links_external_new_tab = False
mathjax_path = "mathjax.js"  # one file, drawn as SVG: no font is fetched
mathjax3_config = {"options": {"enableMenu": False}}

autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_typehints_format = "short"
autodoc_preserve_defaults = True

html_theme = "pydata_sphinx_theme"
html_title = "gancourse: learn GANs by building them"
html_static_path = ["_static"]
html_extra_path = ["_extra"]
html_css_files = ["course.css"]
html_js_files = ["course.js"]
html_sidebars = {page: [] for page in ("index", "slides", "glossary", "figures")}  # nothing lies below these
html_show_sourcelink = False
html_copy_source = False
html_show_search_summary = False  # it fetches pages, which a browser refuses to a page opened from a file
html_theme_options = {
    "logo": {"text": "gancourse"},
    "navbar_align": "left",
    "navbar_persistent": [],
    "navbar_end": ["search-button", "theme-switcher", "navbar-icon-links"],
    "icon_links": [{"name": "Source", "url": repository(), "icon": "fa-brands fa-github"}],
    "footer_start": ["copyright"],
    "footer_end": [],
    "show_prev_next": True,
    "navigation_with_keys": False,
    "pygments_light_style": "a11y-high-contrast-light",
    "pygments_dark_style": "a11y-high-contrast-dark",
}


def as_rst(lines: list[str]) -> list[str]:
    """Our docstrings are plain text with `code`, which Sphinx would take for its own marks. Lists keep their lines."""
    return "\n\n".join(map(_paragraph, "\n".join(lines).split("\n\n"))).splitlines()


def _paragraph(text: str) -> str:
    if re.search(r"^( |- |\d+\. )", text, re.MULTILINE):
        return "::\n\n" + textwrap.indent(text, "    ")
    return re.sub(r"`([^`]+)`|([\\*|_<>])", lambda m: f"``{m[1]}``" if m[1] else f"\\{m[2]}", text)


def escape_docstring(app: Sphinx, what: str, name: str, thing: object, options: object, lines: list[str]) -> None:
    """Sphinx asks what to make of a docstring: its lines are changed in place."""
    lines[:] = as_rst(lines)


def name_folds_by_their_words(app: Sphinx, page: str, template: str, context: dict, tree: object) -> None:
    """myst-nb names each fold "Toggle hidden content"; a reader should hear the words that are to be seen."""
    if "body" in context:
        context["body"] = context["body"].replace(' aria-label="Toggle hidden content"', "")


def setup(app: Sphinx) -> None:
    """Sphinx calls this before it reads a page."""
    app.connect("autodoc-process-docstring", escape_docstring)
    app.connect("html-page-context", name_folds_by_their_words)
