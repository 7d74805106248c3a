"""A repaired notebook is run: everything once as a kernel would, and the checks once more in a fresh process.

The first process runs the lesson as the student would see it, without the checks. The second never shows a picture: it
runs the setup, the answers, and what the student changed or added, and then each check as its turn comes. The hidden
part of a check and the hidden seed exist in that second process only, and only while that check runs.
"""

import re
import symtable
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

from nbformat import NotebookNode
from nbformat.v4 import new_output
from nbgrader import utils

from gancourse.grading.guard import TRAINING_TAG
from gancourse.grading.pool import ForgedMessage, Session, SessionEnded, WarmParent

RESTARTS = 4
DYNAMIC = {"globals", "locals", "eval", "exec", "get_ipython", "vars", "__import__"}


@dataclass
class Executed:
    """A notebook with its outputs. evidence: what shows that a check was tampered with; reasons: why checks failed."""

    notebook: NotebookNode
    evidence: list[str] = field(default_factory=list)
    reasons: list[str] = field(default_factory=list)
    seconds: float = 0.0


def execute(
    notebook: NotebookNode, release: NotebookNode, files: dict[str, bytes], parent: WarmParent, seed: str | None
) -> Executed:
    """Run a notebook whose checks are the instructor's. files: handed in beside it. seed: of the hidden checks."""
    started, run = time.monotonic(), _Run(Executed(notebook), parent, files, seed)
    run.as_a_kernel()
    run.checks(needed_cells(notebook, release))
    for number, cell in enumerate((c for c in notebook.cells if _runs(c)), start=1):
        cell.execution_count = number
    run.result.seconds = time.monotonic() - started
    return run.result


def is_check(cell: NotebookNode) -> bool:
    """A graded code cell of the instructor's: not an answer that is graded by hand."""
    return cell.cell_type == "code" and utils.is_grade(cell) and not utils.is_solution(cell)


def _runs(cell: NotebookNode) -> bool:
    """Code, unless it trains; a cell that nbgrader knows runs in any case."""
    training = TRAINING_TAG in cell.metadata.get("tags", []) and "nbgrader" not in cell.metadata
    return cell.cell_type == "code" and bool(cell.source.strip()) and not training


class Crowded(Exception):
    """A check ran out of time beside threads that other cells had left: it gets another process, without these."""


@dataclass
class _Run:
    result: Executed
    parent: WarmParent
    files: dict[str, bytes]
    seed: str | None
    broken: set[str] = field(default_factory=set)  # cells that did not end by themselves
    hog: str = ""
    threads: int = 1
    crowding: set[str] = field(default_factory=set)  # cells that left threads running

    def as_a_kernel(self) -> None:
        """The first process: every cell but the checks, in order, until one of them ends the process."""
        cells = [cell for cell in self.result.notebook.cells if _runs(cell) and not is_check(cell)]
        at = ""
        try:
            with self.parent.session(self.files, checks=False) as session:
                for cell in cells:
                    at = cell.id
                    self._cell(session, cell)
        except SessionEnded as ended:
            self._ended(at, str(ended))
        except ForgedMessage as forged:
            self.result.evidence.append(str(forged))

    def _cell(self, session: Session, cell: NotebookNode) -> None:
        answer = session.run(do="cell", source=cell.source)
        cell.outputs = _outputs(answer["outputs"])
        if answer["threads"] > self.threads:
            self.threads = answer["threads"]
            self.crowding.add(cell.id)
        if "timed_out" in answer:
            self.broken.add(cell.id)
            cell.outputs.append(_error("CellTimeoutError", f"stopped after {answer['timed_out']}"))
        if any(o.output_type == "error" and o.ename == "MemoryError" for o in cell.outputs) and not self.hog:
            self.hog = cell.id  # what it keeps would starve the checks; later cells fail only for that reason
            self.broken.add(cell.id)

    def _ended(self, at: str, why: str) -> None:
        """A cell took its process with it: it says so, and is not run again."""
        cell = next((c for c in self.result.notebook.cells if c.id == at), None)
        if cell is not None and not is_check(cell):
            cell.outputs = [_error("CellEndedProcess", why)]
        self.broken.add(at)
        self.result.reasons.append(f"{at or 'the start'}: {why}")

    def checks(self, needed: set[str]) -> None:
        """The second process: the needed cells and the checks. After a crash the checks that are left get another."""
        waiting = {cell.id for cell in self.result.notebook.cells if is_check(cell)}
        for _ in range(1 + RESTARTS):
            if not waiting or self.result.evidence:
                break
            at = ""
            try:
                with self.parent.session(self.files, checks=True) as session:
                    for at in self._turns(session, needed, waiting):
                        waiting.discard(at)
            except SessionEnded as ended:
                at = self._at
                self._ended(at, str(ended))
                if at in waiting:
                    self._fail(at, str(ended))
                    waiting.discard(at)
            except ForgedMessage as forged:
                self.result.evidence.append(str(forged))
            except Crowded:
                continue
        for name in waiting:
            self._fail(name, "the processes before it ended too often")

    def _turns(self, session: Session, needed: set[str], waiting: set[str]) -> Iterator[str]:
        """Run the cells in order; yields each check that came to an end."""
        for cell in self.result.notebook.cells:
            self._at = cell.id
            if is_check(cell) and cell.id in waiting:
                self._check(session, cell)
                yield cell.id
            elif not is_check(cell) and cell.id in needed - self.broken:
                answer = session.run(do="cell", source=cell.source)
                self.broken |= {cell.id} if "timed_out" in answer else set()

    def _check(self, session: Session, cell: NotebookNode) -> None:
        answer = session.run(do="check", source=cell.source, seed=self.seed)
        if "timed_out" in answer and self.crowding - self.broken:
            self.broken |= self.crowding
            raise Crowded
        cell.outputs = _outputs(answer["outputs"])
        self.result.evidence += [f"{cell.id}: {what}" for what in answer["evidence"]]
        if "timed_out" in answer:
            self.broken.add(cell.id)
            cell.outputs = [o for o in cell.outputs if o.output_type != "error"]
            cell.outputs.append(_error("CellTimeoutError", f"stopped after {answer['timed_out']}"))
            self.result.reasons.append(f"{cell.id}: stopped after {answer['timed_out']}")
        elif answer["points"] is not None:
            cell.outputs.append(new_output("execute_result", {"text/plain": repr(float(answer["points"]))}))

    def _fail(self, name: str, why: str) -> None:
        cell = next(c for c in self.result.notebook.cells if c.id == name)
        cell.outputs = [
            _error("CheckIncomplete", f"This check did not run to its end, so it counts as not passed: {why}.")
        ]


def _outputs(raw: list[dict]) -> list[NotebookNode]:
    """nbformat's outputs from what the sandbox said: nothing but the known kinds and fields."""
    made = []
    for output in raw:
        kind = output["output_type"]
        if kind == "stream":
            made.append(new_output(kind, name=output["name"], text=output["text"]))
        elif kind == "error":
            made.append(new_output(kind, **{key: output[key] for key in ("ename", "evalue", "traceback")}))
        else:
            made.append(new_output(kind, output["data"], metadata=output["metadata"]))
    return made


def _error(name: str, words: str) -> NotebookNode:
    return new_output("error", ename=name, evalue=words, traceback=[f"{name}: {words}"])


def needed_cells(notebook: NotebookNode, release: NotebookNode) -> set[str]:
    """The cells without which an answer could be another: all but demonstrations that nothing else uses.

    A demonstration is an unmarked cell as it was released. It is used if a cell that is needed uses a name
    that it binds; a student's cell that looks names up by itself makes all of them needed.
    """
    released = {cell.id: cell.source for cell in release.cells}
    cells = [cell for cell in notebook.cells if _runs(cell)]
    demos = [c for c in cells if "nbgrader" not in c.metadata and released.get(c.id) == c.source and not _sets_up(c)]
    kept = [c for c in cells if c not in demos]
    if any(DYNAMIC & _names(c.source)[0] for c in kept if released.get(c.id) != c.source and not is_check(c)):
        return {cell.id for cell in cells}
    used = {name for cell in kept for name in _names(cell.source)[0]}
    while more := [cell for cell in demos if _names(cell.source)[1] & used]:
        demos = [cell for cell in demos if cell not in more]
        kept += more
        used |= {name for cell in more for name in _names(cell.source)[0]}
    return {cell.id for cell in kept}


def _sets_up(cell: NotebookNode) -> bool:
    return "setup" in cell.metadata.get("tags", []) or bool(re.search(r"^\s*(import|from)\s", cell.source, re.M))


def _names(source: str) -> tuple[set[str], set[str]]:
    """The notebook's names that a cell uses, and those that it may bind; every word of a cell that is not plain Python.

    What is a local variable of the cell's own functions, however it is called, is neither.
    """
    try:
        top = symtable.symtable(source, "<cell>", "exec")
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return _words(source), _words(source)
    scopes = [top]
    for scope in scopes:
        scopes += scope.get_children()
    symbols = [symbol for scope in scopes for symbol in scope.get_symbols() if scope is top or symbol.is_global()]
    used = {symbol.get_name() for symbol in symbols if symbol.is_referenced()}
    return used, {symbol.get_name() for symbol in symbols if symbol.is_assigned() or symbol.is_namespace()}


def _words(source: str) -> set[str]:
    return set(re.findall(r"\w+", source))
