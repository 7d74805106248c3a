"""No bytes make repair fail, take long or write what cannot be written: it runs where student code must not."""

import json
import random
import time
import tracemalloc

import nbformat
import pytest
from corpus import released, solved
from corpus.notebooks import as_code, dump, load, named, own, references

from gancourse.grading.notes import named as shown_name
from gancourse.grading.repair import repair
from gancourse.grading.slots import slots_of

RELEASE = released()
LONG = 3 << 20


def code(*sources):
    """A notebook of these cells."""
    cells = [as_code(source) | {"metadata": {}} for source in sources]
    return dump({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 4})


PATHOLOGICAL = {
    "braces": b"{" * LONG,
    "brackets": b'{"cells": ' + b"[" * LONG,
    "quotes": b'"' * LONG,
    "backslashes": b'{"cell_type": "code", "source": ["' + b"\\" * LONG,
    "starts of cells": b'{"cell_type": "code",' * (LONG // 20),
    "sources": b'{"cell_type": "code", "source": [' * (LONG // 30),
    "marks of graded cells": b'"nbgrader": {"cell_type": "code" ' * (LONG // 30),
    "beginnings of conflicts": b"<<<<<<< a\n" * (LONG // 10),
    "nested conflicts": b"<<<<<<<\n" * 50_000 + b"=======\n" * 50_000 + b">>>>>>>\n" * 50_000,
    "strings of a script": b"import os\n" + b'"""x\n' * (LONG // 5),
    "empty lines of a script": b"import os\n# In[1]:\n" + b"\n" * LONG,
    "marks of a script": b"# %%\n" * (LONG // 5),
    "empty lines in a cell": code("\n" * 49_000 + "("),
    "spaces in a cell": code(" " * 49_000 + "("),
    "question marks": code("?" * 49_000),
    "parentheses": code("(" * 49_000),
    "unary operators": code("x = " + "-" * 49_000 + "1"),
    "long sum": code("x = " + "1+" * 20_000 + "1"),
    "attributes": code("x" + ".a" * 20_000),
    "calls": code("x" + "()" * 20_000),
    "nested functions": code("\n".join(" " * i + f"def f{i}():" for i in range(90)) + " pass"),
    "huge number": code("x = " + "9" * 49_000),
    "many big cells": code(*(f"def f{i}():\n    return [{'1, ' * 15_000}]" for i in range(60))),
    "many answers": code(*["def train_step(): return 1"] * 3_000),
    "one huge cell": code("x = 1\n" * 500_000),
    "anagram of a course cell": code(*("".join(sorted(cell.source)) for cell in RELEASE.cells)),
}


@pytest.mark.parametrize("name", PATHOLOGICAL)
def test_it_takes_no_long_time(name):
    began = time.process_time()
    repaired = repair(PATHOLOGICAL[name], RELEASE)
    assert time.process_time() - began < 8
    nbformat.validate(repaired.notebook)


def test_it_takes_no_large_memory():
    """Two megabytes of nested output."""
    notebook = load(solved())
    data = {"application/json": [[i] for i in range(30_000)]}
    named(notebook, "cell-004")["outputs"] = [{"output_type": "display_data", "metadata": {}, "data": data}] * 6
    raw = dump(notebook)
    tracemalloc.start()
    assert repair(raw, RELEASE).readable
    assert tracemalloc.get_traced_memory()[1] < 20 * len(raw)
    tracemalloc.stop()


@pytest.mark.parametrize("seed", range(60))
def test_random_damage_raises_nothing(seed):
    """Bytes changed, cut out, doubled and moved: cells of the release in its order, and no answer from elsewhere."""
    chance, data = random.Random(seed), bytearray(solved())
    for _ in range(chance.randint(1, 12)):
        a, length = chance.randrange(len(data)), chance.choice([1, 5, 100, 3000])
        piece = bytes(data[a : a + length])
        kind = chance.randrange(4)
        data[a : a + length] = (b"", piece * 2, chance.randbytes(len(piece)), piece[::-1])[kind]
    repaired = repair(bytes(data), RELEASE)
    nbformat.validate(repaired.notebook)
    ids = [cell.id for cell in RELEASE.cells]
    assert [cell.id for cell in repaired.notebook.cells if cell.id in ids] == ids


@pytest.mark.parametrize("seed", range(20))
def test_cells_in_any_order_with_any_damage_keep_their_answers(seed):
    """Several kinds of damage at once, drawn; every answer is there once, as it was written."""
    chance, notebook = random.Random(seed), load(solved())
    cells = notebook["cells"]
    for _ in range(5):
        kind, at = chance.randrange(4), chance.randrange(len(cells))
        name = cells[at]["id"]
        if kind == 0 and name not in references():
            del cells[at]
        elif kind == 1:
            cells.insert(chance.randrange(len(cells)), json.loads(json.dumps(cells[at])))
        elif kind == 2:
            cells.insert(at, own(f"my_number_{at} = {at}", name=f"own{at}"))
        else:
            cells.append(cells.pop(at))
    found = {slot.name: slot.node.source for slot in slots_of(repair(dump(notebook), RELEASE).notebook)}
    assert {name: found[name] for name in references()} == references()


def test_what_is_written_can_be_written():
    """Half a surrogate pair, control characters, attachments of any shape."""
    notebook = load(solved())
    notebook["cells"][0]["source"] = "\x1b[31m \x0c \x07 half: \\ud800"
    words = named(notebook, "what_half_means")
    words["attachments"] = {"a.png": {"image/png": ["QUJD"]}, "b": 3, "c": {"x": None}}
    raw = dump(notebook).replace(b"half: \\\\ud800", b"half: \\ud800")
    repaired = repair(raw, RELEASE).notebook
    nbformat.validate(repaired)
    again = nbformat.reads(nbformat.writes(repaired).encode("utf-8").decode(), 4)
    assert next(c for c in again.cells if c.id == "what_half_means").attachments["a.png"] == {"image/png": "QUJD"}


@pytest.mark.parametrize(
    "name", ["<b>", "a`b`", "[x](javascript:1)", "\u202e.ipynb", "a\nb", "x" * 300, "\udce4.ipynb"]
)
def test_a_file_name_is_only_a_name(name):
    shown = shown_name(name)
    assert len(shown) < 70 and not set(shown[1:-1]) & set("<>`[]()\n") and shown.encode("utf-8")
