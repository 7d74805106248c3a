"""Damage to the file: its name, its encoding, its end, its JSON, or another format altogether."""

import io
import json
import zipfile
from collections.abc import Callable

import nbformat

from corpus.cells import FILE, FULL
from corpus.notebooks import LESSON, Case, dump, load, named, place, released, text_of

CASES: dict[str, Case] = {}
NOTHING = dict.fromkeys(FULL, 0.0)


def broken(*kinds: str, says: tuple = (), blank: tuple = (), file: str = FILE, readable: bool = True) -> Callable:
    """Register a change of the bytes as a case; it may also return several files by name."""

    def register(change: Callable) -> Callable:
        def make(data: bytes) -> dict[str, bytes]:
            made = change(data)
            return made if isinstance(made, dict) else {file: made}

        points = FULL | dict.fromkeys((name for name in blank if name in FULL), 0.0) if readable else NOTHING
        states = ("graded",) if readable else ("unreadable",)
        CASES[change.__name__] = Case(make, points, says, states, frozenset(kinds), blank=blank)
        return change

    return register


# Names and places


@broken("renamed", says=("`01_vanilla_gan _1_.ipynb`",), file="01_vanilla_gan (1).ipynb")
def browser_copy(data):
    return data


@broken("renamed", file="Ada Lovelace - final FINAL.ipynb")
def renamed(data):
    return data


@broken("renamed", file=f"{FILE}.txt")
def saved_as_text(data):
    return data


@broken("renamed", file=f"hand-in/{FILE}")
def in_a_folder(data):
    return data


@broken("renamed", "several", says=("You handed in 2 files",))
def answers_in_the_copy(data):
    """The file of the right name is blank; the browser's copy beside it is not."""
    return {FILE: nbformat.writes(released()).encode(), "01_vanilla_gan (2).ipynb": data}


@broken("several", says=("`01_vanilla_gan.ipynb` was graded",))
def notes_beside_the_notebook(data):
    return {FILE: data, "scratch.ipynb": dump({"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5})}


@broken("unpacked", "renamed", says=("archive",), file=f"{LESSON}.zip")
def zipped(data):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(f"__MACOSX/._{FILE}", b"\x00\x05")
        archive.writestr(f"work/{FILE}", data)
    return buffer.getvalue()


@broken("unpacked")
def zip_called_notebook(data):
    return zipped(data)


# Encodings


@broken("encoding", says=("utf-8-sig",))
def byte_order_mark(data):
    return b"\xef\xbb\xbf" + data


@broken("encoding", says=("utf-16",))
def utf_16(data):
    return data.decode().encode("utf-16")


@broken("encoding")
def utf_16_without_a_mark(data):
    return data.decode().encode("utf-16-le")


@broken("encoding", says=("zero bytes",))
def zero_bytes(data):
    return data[:500] + b"\x00" * 64 + data[500:] + b"\x00" * 4096


@broken("encoding", says=("cp1252",))
def windows_encoding(data):
    notebook = load(data)
    for cell in notebook["cells"]:
        cell["source"] = text_of(cell).encode("ascii", "ignore").decode()
    cell = named(notebook, "sample_noise")
    cell["source"] = "# für die Übung\n" + cell["source"]
    return dump(notebook).decode().encode("cp1252")


@broken()
def windows_line_ends(data):
    return data.replace(b"\n", b"\r\n")


@broken()
def one_line(data):
    return json.dumps(load(data), separators=(",", ":")).encode()


# JSON that is none


def _at(data: bytes, name: str) -> int:
    """Where the JSON of a cell begins."""
    return data.index(f'"id": "{name}"'.encode())


@broken("json", "cut", "deleted", says=("ends in the middle",))
def cut_after_the_answers(data):
    return data[: _at(data, "cell-082") + 40]


LATE = ("modes_covered", "repaired_step", "what_half_means")


@broken("json", "cut", "deleted", "lost", says=("`modes_covered` is not in your file",), blank=LATE)
def cut_in_the_middle(data):
    """What stood below the cut is lost, and nothing is made up for it."""
    return data[: _at(data, "cell-053")]


@broken("json", says=("could be recovered",))
def missing_comma(data):
    at = _at(data, "generator_loss")
    return data[:at] + data[at:].replace(b'",\n', b'"\n', 1)


@broken("json")
def trailing_comma(data):
    return data.replace(b"\n ],\n", b",\n ],\n", 1)


@broken("json", "deleted")
def one_cell_overwritten(data):
    """Some bytes of a cell of prose are gone; its neighbours are not."""
    at = _at(data, "cell-041")
    return data[: at - 30] + b"#" * 60 + data[at + 30 :]


@broken("json", says=("holds more than the notebook",))
def garbage_at_the_end(data):
    return data + b'  }\n ]\n}\n"nbformat": 4'


@broken("json")
def garbage_at_the_beginning(data):
    return b"HTTP/1.1 200 OK\r\n\r\n" + data


@broken("json", "duplicate")
def written_twice(data):
    return data + data


@broken("json")
def raw_line_breaks_in_strings(data):
    return data.replace(b"\\n", b"\n")


@broken()
def json_in_a_string(data):
    return json.dumps(data.decode()).encode()


@broken()
def model_of_the_contents_api(data):
    return json.dumps({"name": FILE, "type": "notebook", "format": "json", "content": load(data)}).encode()


@broken("conflict", "ambiguous", says=("a merge that was not finished",))
def merge_conflict(data):
    """Both sides have an answer: the second side counts."""
    notebook = load(data)
    wrong = load(data)
    named(wrong, "modes_covered")["source"] = "def modes_covered(samples, centers, std):\n    return 7"
    at = place(notebook, "modes_covered")
    marks = [json.dumps(nb["cells"][at], indent=1) for nb in (wrong, notebook)]
    hunk = "<<<<<<< HEAD\n{},\n=======\n{},\n>>>>>>> 1a2b3c (last try)\n".format(*marks)
    notebook["cells"][at] = {"here": 1}
    return dump(notebook).decode().replace('  {\n   "here": 1\n  },\n', hunk).encode()


# Something else than a notebook


def _percent(data: bytes) -> bytes:
    parts = []
    for cell in load(data)["cells"]:
        text = text_of(cell)
        if cell["cell_type"] == "markdown":
            text = "\n".join(f"# {line}".rstrip() for line in text.split("\n"))
        parts.append(("# %%" if cell["cell_type"] == "code" else "# %% [markdown]") + f"\n{text}\n")
    return "\n".join(parts).encode()


@broken("script", "renamed", says=("Python script",), file=f"{LESSON}.py")
def percent_script(data):
    return _percent(data)


@broken("script")
def script_called_notebook(data):
    return _percent(data)


@broken("script", "renamed", file=f"{LESSON}.py")
def script_of_colab(data):
    """File, Download, Download .py: prose as strings, cells not told apart."""
    head = '# -*- coding: utf-8 -*-\n"""01_vanilla_gan.ipynb\n\nAutomatically generated by Colab.\n"""'
    texts = [(c["cell_type"], text_of(c)) for c in load(data)["cells"]]
    return "\n\n".join([head, *(t if kind == "code" else f'"""{t}"""' for kind, t in texts)]).encode()


@broken("script", "renamed", file=f"{LESSON}.py")
def script_of_nbconvert(data):
    notebook = nbformat.reads(data.decode(), 4)
    from nbconvert import PythonExporter

    return PythonExporter().from_notebook_node(notebook)[0].encode()


@broken("script", "renamed", "lost", "deleted", blank=("what_half_means",), file="answers.py")
def only_functions_in_a_script(data):
    return "\n\n\n".join(text_of(named(load(data), name)) for name in FULL).encode()


@broken("empty", says=("The file is empty",), readable=False)
def empty_file(data):
    return b""


@broken("empty", readable=False)
def only_zero_bytes(data):
    return b"\x00" * 5000


@broken("unreadable", says=("PDF",), readable=False)
def a_pdf(data):
    return b"%PDF-1.7\n" + data[:300]


@broken("unreadable", says=("web page",), readable=False)
def a_web_page(data):
    return b"<!DOCTYPE html><html><body>" + data[:300]


@broken("unreadable", readable=False)
def noise(data):
    return bytes((i * 7919 + i * i) % 251 + 1 for i in range(20_000))


@broken("unreadable", readable=False)
def an_archive_cut_short(data):
    return zipped(data)[:700]


@broken("unreadable", says=("Git LFS",), readable=False)
def a_pointer(data):
    return b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 5\n"


@broken("unreadable", readable=False)
def deep_json(data):
    return b'{"cells": ' + b"[" * 200_000


@broken("missing", says=("No notebook was handed in",), readable=False)
def no_file(data):
    return {"readme.md": b"Sorry, I was ill."}


@broken("lost", "deleted", "metadata", blank=(*FULL, "what_half_means"))
def notebook_without_cells(data):
    return dump(
        {"cells": [{"cell_type": "markdown", "source": "hello"}], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    )
