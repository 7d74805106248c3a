"""Damage that leaves a notebook a notebook: its cells deleted, copied, split, merged, moved, retyped or edited."""

import copy
import hashlib
import random
from collections.abc import Callable

from corpus.notebooks import (
    LESSON,
    Case,
    dump,
    full_points,
    is_answer,
    load,
    named,
    own,
    place,
    references,
    released,
    text_of,
)

FILE = f"{LESSON}.ipynb"
FULL = full_points()
CODE = {name: text for name, text in references().items() if name in FULL}
WRONG = "def modes_covered(samples, centers, std):\n    return 7"
CASES: dict[str, Case] = {}


def damaged(*kinds: str, says: tuple = (), blank: tuple = (), differs: tuple = (), **points: float) -> Callable:
    """Register an edit of the notebook (in place) as a case. blank: exercises whose answer is truly lost."""

    def register(edit: Callable) -> Callable:
        def make(data: bytes) -> dict[str, bytes]:
            notebook = load(data)
            return {FILE: dump(edit(notebook) or notebook)}

        lost = dict.fromkeys((name for name in blank if name in FULL), 0.0)
        CASES[edit.__name__] = Case(
            make, FULL | lost | points, says, kinds=frozenset(kinds), blank=blank, differs=differs
        )
        return edit

    return register


def is_check(cell: dict) -> bool:
    return cell.get("id", "").startswith("check-")


def keep(notebook: dict, wanted: Callable) -> None:
    notebook["cells"] = [cell for cell in notebook["cells"] if wanted(cell)]


def insert_after(notebook: dict, name: str, *cells: dict) -> None:
    at = place(notebook, name) + 1
    notebook["cells"][at:at] = cells


def twin(notebook: dict, name: str, source: str | None = None) -> dict:
    """A copy of a cell with all its metadata, as copy and paste make it."""
    cell = copy.deepcopy(named(notebook, name))
    return cell if source is None else cell | {"source": source}


def retype(cell: dict, kind: str) -> None:
    """As the notebook does when a cell's type is changed."""
    cell["cell_type"] = kind
    for key in ("outputs", "execution_count"):
        cell.pop(key, None)
    if kind == "code":
        cell |= {"outputs": [], "execution_count": None}


@damaged()
def untouched(notebook):
    """Nothing is damaged, nothing is said."""


# Deleted


@damaged("deleted", says=("`check-generator_loss`",))
def deleted_check(notebook):
    keep(notebook, lambda cell: cell["id"] != "check-generator_loss")


@damaged("deleted")
def deleted_every_check(notebook):
    keep(notebook, lambda cell: not is_check(cell))


@damaged("deleted")
def deleted_prose(notebook):
    keep(notebook, lambda cell: cell["cell_type"] == "code" or is_answer(cell))


@damaged("deleted")
def deleted_setup_and_imports(notebook):
    keep(notebook, lambda cell: "setup" not in cell["metadata"].get("tags", []))


@damaged("deleted")
def only_answers_left(notebook):
    keep(notebook, is_answer)


@damaged("lost", says=("`train_step` is not in your file",), blank=("train_step",))
def deleted_answer(notebook):
    keep(notebook, lambda cell: cell["id"] != "train_step")


@damaged("lost", says=("`train_step` is empty",), blank=("train_step",))
def emptied_answer(notebook):
    named(notebook, "train_step")["source"] = ""


@damaged("lost", says=("`what_half_means` is not in your file",), blank=("what_half_means",))
def deleted_words(notebook):
    keep(notebook, lambda cell: cell["id"] != "what_half_means")


# Copied


@damaged("duplicate")
def copied_check(notebook):
    insert_after(notebook, "check-train_step", twin(notebook, "check-train_step"))


@damaged("duplicate")
def copied_answer(notebook):
    insert_after(notebook, "sample_noise", twin(notebook, "sample_noise"))


@damaged("duplicate")
def copied_everything(notebook):
    notebook["cells"] += copy.deepcopy(notebook["cells"])


@damaged("duplicate")
def stub_kept_below_the_answer(notebook):
    stub = next(cell.source for cell in released().cells if cell.id == "modes_covered")
    insert_after(notebook, "modes_covered", twin(notebook, "modes_covered", stub))


@damaged("ambiguous", says=("`modes_covered` was answered in 2 different ways",))
def wrong_then_right(notebook):
    right = twin(notebook, "modes_covered")
    named(notebook, "modes_covered")["source"] = WRONG
    insert_after(notebook, "modes_covered", right)


@damaged("ambiguous", says=("the last one above its last check counts",), modes_covered=0.0)
def right_then_wrong(notebook):
    """Two answers: the later counts, as it would when the notebook runs."""
    insert_after(notebook, "modes_covered", twin(notebook, "modes_covered", WRONG))


@damaged("ambiguous", "duplicate")
def second_try_with_its_own_check(notebook):
    again = [twin(notebook, "modes_covered"), twin(notebook, "check-modes_covered")]
    named(notebook, "modes_covered")["source"] = WRONG
    insert_after(notebook, "check-modes_covered", *again)


@damaged("ambiguous")
def copy_spoiled_after_the_check(notebook):
    """What is changed below the check was not what the check saw."""
    insert_after(notebook, "check-modes_covered", twin(notebook, "modes_covered", WRONG))


@damaged()
def played_with_below_the_check(notebook):
    """A cell of the student's own that defines the function again stays where it is."""
    insert_after(notebook, "check-modes_covered", own(WRONG))


# Split and merged


def _split(notebook: dict, name: str, *at: int) -> None:
    """Cut a cell before the lines `at`, as the notebook does: the first part keeps the metadata."""
    cell = named(notebook, name)
    lines = text_of(cell).split("\n")
    parts = ["\n".join(lines[a:b]) for a, b in zip((0, *at), (*at, None), strict=True)]
    cell["source"] = parts[0]
    insert_after(notebook, name, *(own(part, name=f"part{i}") for i, part in enumerate(parts[1:])))


@damaged("split", says=("`train_step` was split",))
def split_in_the_body(notebook):
    _split(notebook, "train_step", 12)


@damaged("split")
def split_below_the_docstring(notebook):
    _split(notebook, "modes_covered", 5)


@damaged("split")
def split_within_the_signature(notebook):
    _split(notebook, "train_step", 1)


@damaged("split")
def split_in_three(notebook):
    _split(notebook, "train_step", 8, 12)


@damaged("split")
def split_with_copied_metadata(notebook):
    _split(notebook, "repaired_step", 4)
    notebook["cells"][place(notebook, "repaired_step") + 1]["metadata"] = twin(notebook, "repaired_step")["metadata"]


@damaged("found")
def split_words(notebook):
    cell = named(notebook, "what_half_means")
    first, second = text_of(cell).split("\n\n")
    cell["source"] = first
    insert_after(notebook, "what_half_means", own(second, "markdown"))


def _merge(notebook: dict, first: str, last: str) -> dict:
    """Merge cells from first to last, as the notebook does: the first one's metadata stay."""
    a, b = place(notebook, first), place(notebook, last)
    cells = notebook["cells"][a : b + 1]
    cells[0]["source"] = "\n\n".join(text_of(cell) for cell in cells)
    del notebook["cells"][a + 1 : b + 1]
    return cells[0]


@damaged("merged", says=("`sample_noise`",))
def merged_with_its_check(notebook):
    _merge(notebook, "sample_noise", "check-sample_noise")


@damaged("merged")
def merged_two_exercises(notebook):
    _merge(notebook, "sample_noise", "discriminator_loss")


@damaged("merged")
def merged_into_the_statement(notebook):
    """The prose above and the answer in one Markdown cell."""
    before = notebook["cells"][place(notebook, "optimal_discriminator") - 1]["id"]
    _merge(notebook, before, "check-optimal_discriminator")


@damaged("merged")
def merged_everything(notebook):
    _merge(notebook, notebook["cells"][0]["id"], notebook["cells"][-1]["id"])


@damaged("merged", "duplicate")
def all_answers_in_the_first_cell(notebook):
    """The other cells still hold their stubs."""
    stubs = {cell.id: cell.source for cell in released().cells}
    for name in CODE:
        named(notebook, name)["source"] = stubs[name]
    named(notebook, "sample_noise")["source"] = "\n\n\n".join(CODE.values())


# Moved


@damaged("order")
def reversed_order(notebook):
    notebook["cells"].reverse()


@damaged("order")
def shuffled(notebook):
    random.Random(5).shuffle(notebook["cells"])


@damaged("order")
def answers_at_the_end(notebook):
    notebook["cells"].sort(key=is_answer)


@damaged("moved", says=("`stable` was moved above `generator_loss`",), differs=("generator_loss",))
def helper_below_its_use(notebook):
    cell = named(notebook, "generator_loss")
    cell["source"] = text_of(cell).replace("softplus(", "stable(")
    insert_after(notebook, "check-generator_loss", own("def stable(x):\n    return softplus(x)"))


@damaged(differs=("generator_loss",))
def helper_above_its_use(notebook):
    cell = named(notebook, "generator_loss")
    cell["source"] = text_of(cell).replace("softplus(", "stable(")
    insert_after(notebook, "check-optimal_discriminator", own("stable = softplus"))


@damaged("found")
def answered_in_a_new_cell_below_the_check(notebook):
    text = text_of(named(notebook, "modes_covered"))
    stub = next(cell.source for cell in released().cells if cell.id == "modes_covered")
    named(notebook, "modes_covered")["source"] = stub
    insert_after(notebook, "check-modes_covered", own(text))


@damaged(blank=("modes_covered",), differs=("repaired_step",))
def helper_beside_a_stub(notebook):
    """The exercise is not answered, but its cell holds a function that another answer uses."""
    stub = next(cell.source for cell in released().cells if cell.id == "modes_covered")
    named(notebook, "modes_covered")["source"] = f"def stable(x):\n    return softplus(x)\n\n\n{stub}"
    cell = named(notebook, "repaired_step")
    cell["source"] = text_of(cell).replace("\n    d_loss =", "\n    stable(torch.zeros(1))\n    d_loss =", 1)


@damaged("found")
def words_in_a_new_cell(notebook):
    text = text_of(named(notebook, "what_half_means"))
    named(notebook, "what_half_means")["source"] = "*Your answer here.*"
    insert_after(notebook, "what_half_means", own(text, "markdown"))


@damaged("found", "deleted", differs=("modes_covered",))
def answered_in_the_check_cell(notebook):
    stub = next(cell.source for cell in released().cells if cell.id == "modes_covered")
    check = named(notebook, "check-modes_covered")
    check["source"] = text_of(named(notebook, "modes_covered")) + "\n\n" + text_of(check)
    named(notebook, "modes_covered")["source"] = stub


@damaged("found", "order")
def answers_under_each_others_marks(notebook):
    """Pasted into the wrong cells: each function still answers its own exercise."""
    first, second = named(notebook, "sample_noise"), named(notebook, "modes_covered")
    first["source"], second["source"] = second["source"], first["source"]


# Retyped


@damaged("retyped", says=("`train_step` was of another type (markdown)",))
def answers_as_markdown(notebook):
    for name in CODE:
        retype(named(notebook, name), "markdown")


@damaged("retyped")
def answers_as_raw(notebook):
    for name in CODE:
        retype(named(notebook, name), "raw")


@damaged("retyped")
def checks_as_markdown(notebook):
    for name in CODE:
        retype(named(notebook, f"check-{name}"), "markdown")


@damaged("retyped")
def words_as_code(notebook):
    retype(named(notebook, "what_half_means"), "code")


@damaged("retyped")
def everything_as_raw(notebook):
    for cell in notebook["cells"]:
        retype(cell, "raw")


# Edited


@damaged("edited", says=("`check-sample_noise` belongs to the course",))
def print_in_a_check(notebook):
    cell = named(notebook, "check-sample_noise")
    cell["source"] = "print(sample_noise(2, 3))\n" + text_of(cell)


@damaged()
def comment_in_a_check(notebook):
    cell = named(notebook, "check-sample_noise")
    cell["source"] = "# it passes!\n" + text_of(cell) + "\n"


@damaged("edited")
def check_of_something_else(notebook):
    named(notebook, "check-sample_noise")["source"] = 'check("01.sample_noise", my_noise)'


@damaged("edited")
def given_code_edited(notebook):
    named(notebook, "given-broken_step")["source"] = "def broken_step(*args):\n    return 0, 0"


@damaged("edited", differs=("sample_noise",))
def import_added_to_the_setup(notebook):
    cell = named(notebook, "setup")
    cell["source"] = text_of(cell) + "\nfrom torch import randn as normal_numbers"
    answer = named(notebook, "sample_noise")
    answer["source"] = text_of(answer).replace("torch.randn(", "normal_numbers(")


@damaged("deleted", differs=("sample_noise",))
def lesson_imports_lost_and_own_ones_added(notebook):
    """The imports of the lesson come back, the student's own run after them."""
    named(notebook, "cell-002")["source"] = "from torch import randn as normal_numbers"
    answer = named(notebook, "sample_noise")
    answer["source"] = text_of(answer).replace("torch.randn(", "normal_numbers(")


@damaged()
def points_edited(notebook):
    for cell in notebook["cells"]:
        if is_check(cell):
            cell["metadata"]["nbgrader"]["points"] = 1000


@damaged()
def own_cell_claims_points(notebook):
    marks = {"grade": True, "grade_id": "bonus", "points": 1000, "locked": True, "schema_version": 3, "solution": False}
    notebook["cells"].append(own("1000.0") | {"metadata": {"nbgrader": marks | {"task": False}}})


@damaged()
def checks_tagged_as_training(notebook):
    for cell in filter(is_check, notebook["cells"]):
        cell["metadata"]["tags"] = ["train"]


@damaged(differs=("sample_noise",))
def predictions_and_magics(notebook):
    """What students are asked to do, and what they like to do: nothing to repair."""
    named(notebook, "cell-006")["source"] = "my_heaps = 5"
    cell = named(notebook, "sample_noise")
    cell["source"] = "%%time\n" + text_of(cell)
    insert_after(notebook, "cell-006", own("!ls\n%matplotlib inline\nimport numpy as np"))


@damaged("conflict")
def conflict_within_a_cell(notebook):
    cell = named(notebook, "modes_covered")
    cell["source"] = f"<<<<<<< local\n{WRONG}\n=======\n{text_of(cell)}\n>>>>>>> remote\n"


CASES["conflict_within_a_cell"] = Case(
    CASES["conflict_within_a_cell"].make,
    FULL,
    ("marks of an unfinished merge",),
    kinds=frozenset({"conflict", "ambiguous"}),
)


# What other programs make of it


@damaged()
def no_ids(notebook):
    """Format 4.4 has none."""
    notebook["nbformat_minor"] = 4
    for cell in notebook["cells"]:
        del cell["id"]


@damaged()
def no_grade_marks(notebook):
    """The metadata are gone, the ids are not."""
    for cell in notebook["cells"]:
        cell["metadata"] = {}


@damaged("metadata", says=("lost the course's marks",))
def colab(notebook):
    """Ids of its own in the metadata, the course's metadata stripped."""
    notebook["nbformat_minor"] = 0
    notebook["metadata"] = {"colab": {"provenance": []}, "kernelspec": {"name": "python3", "display_name": "Python 3"}}
    for i, cell in enumerate(notebook["cells"]):
        del cell["id"]
        cell["metadata"] = {"id": hashlib.md5(str(i).encode()).hexdigest()[:12]}


@damaged("metadata")
def vs_code(notebook):
    """New ids, a language on every cell, trailing line ends cut."""
    for i, cell in enumerate(notebook["cells"]):
        cell["id"] = hashlib.md5(str(i).encode()).hexdigest()[:8]
        cell["metadata"] = {"vscode": {"languageId": "python"}}
        cell["source"] = text_of(cell).rstrip()


@damaged("metadata", "order", "deleted")
def stripped_shuffled_and_without_checks(notebook):
    """Several at once."""
    keep(notebook, lambda cell: not is_check(cell))
    random.Random(3).shuffle(notebook["cells"])
    for i, cell in enumerate(notebook["cells"]):
        cell["id"], cell["metadata"] = f"x{i}", {}


@damaged("kernel", says=("`julia-1.10`",))
def wrong_kernel(notebook):
    notebook["metadata"]["kernelspec"] = {"name": "julia-1.10", "language": "julia", "display_name": "Julia"}


@damaged("old-release", says=("older version of the lesson",))
def old_release(notebook):
    """Checks and given code as another version handed them out, with their checksums, and stubs in other words."""
    from nbformat import from_dict
    from nbgrader.utils import compute_checksum

    for name in ("check-sample_noise", "given-broken_step"):
        cell = named(notebook, name)
        cell["source"] = text_of(cell) + "\nprint('done')"
        cell["metadata"]["nbgrader"]["checksum"] = compute_checksum(from_dict(cell))
    answer = named(notebook, "sample_noise")
    answer["source"] = text_of(answer).replace("The trap:", "Mind:")


@damaged("deleted")
def old_release_with_shifted_ids(notebook):
    """An older version had one cell less near the top, so that all unnamed ids after it mean the cell before."""
    del notebook["cells"][3]
    for cell in notebook["cells"][3:]:
        if cell["id"].startswith("cell-"):
            cell["id"] = f"cell-{int(cell['id'][5:]) - 1:03d}"


@damaged()
def null_metadata_and_strange_cells(notebook):
    notebook["cells"][4]["metadata"] = None
    notebook["cells"][7]["attachments"] = 3
    notebook["cells"] += [
        None,
        7,
        {"cell_type": "video", "source": "x"},
        {"source": ["no type"]},
        {"cell_type": "code"},
    ]


@damaged()
def lines_without_line_ends(notebook):
    for cell in notebook["cells"]:
        cell["source"] = text_of(cell).split("\n")


@damaged()
def windows_line_ends_in_sources(notebook):
    for cell in notebook["cells"]:
        cell["source"] = text_of(cell).replace("\n", "\r\n")


@damaged("outputs", says=("MB, most of it output",))
def huge_outputs(notebook):
    cell = named(notebook, "cell-004")
    cell["outputs"] = [{"output_type": "stream", "name": "stdout", "text": "tick\n" * 1_300_000}]


@damaged()
def forged_outputs(notebook):
    """Stored results count for nothing: everything is run again."""
    for cell in filter(is_check, notebook["cells"]):
        data = {"text/plain": "100.0"}
        cell["outputs"] = [{"output_type": "execute_result", "execution_count": 1, "metadata": {}, "data": data}]


@damaged()
def format_3(notebook):
    """Worksheets, `input` instead of `source`, no ids, headings as cells of their own."""
    for cell in notebook["cells"]:
        cell.pop("id")
        if cell["cell_type"] == "code":
            cell["input"] = cell.pop("source")
            cell["prompt_number"], cell["language"] = cell.pop("execution_count"), "python"
    return {"nbformat": 3, "nbformat_minor": 0, "metadata": {"name": ""}, "worksheets": [{"cells": notebook["cells"]}]}


@damaged()
def one_answer_does_not_parse(notebook):
    """A bracket is missing: only that exercise suffers, and what stands there is what the student wrote."""
    named(notebook, "modes_covered")["source"] = "def modes_covered(samples, centers, std:\n    return 8"


CASES["one_answer_does_not_parse"] = Case(
    CASES["one_answer_does_not_parse"].make, FULL | {"modes_covered": 0.0}, ("SyntaxError",), kinds=frozenset()
)
