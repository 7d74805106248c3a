"""`gancourse grade`: repair, isolate, run several at once, enter into nbgrader's gradebook, write feedback."""

import ast
import os
import queue
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from nbformat import NotebookNode
from nbformat.v4 import new_markdown_cell, new_output
from sqlalchemy.exc import SQLAlchemyError

import gancourse
from gancourse.errors import GradingError
from gancourse.grading import sandbox
from gancourse.grading.course import Course, Pipeline
from gancourse.grading.diagnoses import diagnoses_of
from gancourse.grading.execution import Executed, execute, is_check
from gancourse.grading.journal import Journal, Record, digest, handed_in
from gancourse.grading.page import write_statistics
from gancourse.grading.parts import Part
from gancourse.grading.pool import WarmParent
from gancourse.grading.repair import repair
from gancourse.grading.sandbox import Limits

PARENT_BYTES = 2 << 30  # what a warm parent and its fork take, in memory
TAMPERED = "This submission interfered with its checks. Its points wait for a person who has looked at it."


@dataclass(frozen=True)
class Options:
    """How a class is graded. jobs: 0 for as many as cores and memory allow; students: none for all.

    part: of several machines, this one's; its results go to the journal alone, and a run of the whole enters them.
    """

    jobs: int = 0
    students: tuple[str, ...] = ()
    resume: bool = False
    unsafe: bool = False
    limits: Limits = field(default_factory=Limits)
    feedback: bool = True
    part: Part = field(default_factory=Part)


Progress = Callable[[int, int, Record], None]


def grade(root: Path, lesson: str, options: Options, progress: Progress = lambda *_: None) -> list[Record]:
    """Grade everybody who handed a lesson in, write feedback and statistics. Returns the records, by student.

    progress(done, all, record) is called after each. Raises GradingError when the machine, not a student, is at fault.
    """
    course = Course(root)
    release = course.release(lesson)
    chosen = options.part.of(_chosen(course.students(lesson), options.students, lesson))
    course.require_gradebook(lesson)
    _require_sandbox(options.unsafe)
    grader = Grader(course, lesson, release, options)
    records = {}
    for record, notebook in grader.run(chosen):
        grader.enter(record, notebook)
        records[record.student] = record
        progress(len(records), len(chosen), record)
    if options.feedback and options.part.whole:
        course.feedback(lesson, chosen)
        write_statistics(root, lesson)
    return [records[student] for student in chosen]


def _chosen(there: list[str], wanted: tuple[str, ...], lesson: str) -> list[str]:
    unknown = sorted(set(wanted) - set(there))
    if unknown:
        raise GradingError(f"{', '.join(unknown)} handed nothing in for {lesson}. Handed in: {', '.join(there)}.")
    return [student for student in there if not wanted or student in wanted]


def _require_sandbox(unsafe: bool) -> None:
    why = "" if unsafe else sandbox.available()
    if why:
        raise GradingError(
            f"Student code would run with your rights: {why}. "
            "With --unsafe it does, and can read, change and send whatever you can."
        )


class Grader:
    """The part between the folder of submissions and the gradebook: several warm parents, one thread for each."""

    def __init__(self, course: Course, lesson: str, release: NotebookNode, options: Options):
        self.course, self.lesson, self.release, self.options = course, lesson, release, options
        self.journal = Journal(course.root, lesson)
        self.seed = os.environ.get("GANCOURSE_HIDDEN_SEED")
        self._depends_on = (lesson, self.seed or "", _checks_version(), str(options.limits))

    def run(self, students: list[str]) -> Iterator[tuple[Record, NotebookNode]]:
        """Yield each student's record and executed notebook as it is ready; those of an earlier run first."""
        waiting: queue.Queue[str] = queue.Queue()
        for student in students:
            known = self._known(student) if self.options.resume else None
            if known:
                yield known
            else:
                waiting.put(student)
        yield from self._run_in_parallel(waiting)

    def _known(self, student: str) -> tuple[Record, NotebookNode] | None:
        found = self.journal.read(student)
        files = handed_in(self.course.submission(self.lesson, student))
        return found if found and found[0].submission_sha256 == digest(files, *self._depends_on) else None

    def _run_in_parallel(self, waiting: "queue.Queue[str]") -> Iterator[tuple[Record, NotebookNode]]:
        count, results = waiting.qsize(), queue.Queue()
        jobs = min(count, self.options.jobs or usable_jobs())
        stop = threading.Event()
        threads = [threading.Thread(target=self._work, args=(waiting, results, stop), daemon=True) for _ in range(jobs)]
        for thread in threads:
            thread.start()
        try:
            for _ in range(count):
                result = results.get()
                if isinstance(result, BaseException):
                    raise result
                yield result
        finally:
            stop.set()
            for thread in threads:
                thread.join()

    def _work(self, waiting: "queue.Queue[str]", results: queue.Queue, stop: threading.Event) -> None:
        """One thread: a warm parent, and one submission after another."""
        parent = WarmParent(imports_of(self.release), self.options.limits, isolated=not self.options.unsafe)
        try:
            parent.start()
            before, after = self.course.sanitizer(self.lesson), self.course.finisher(self.lesson)
            while not stop.is_set():
                student = waiting.get_nowait()
                results.put(self.one(student, parent, before, after))
        except queue.Empty:
            pass
        except BaseException as error:  # whatever it is, the main thread must hear of it
            results.put(error)
        finally:
            parent.close()

    def enter(self, record: Record, notebook: NotebookNode) -> None:
        """Into the gradebook, then into the journal: what is in the journal is in the gradebook.

        The part of one machine goes into the journal alone; the run of the whole that follows enters it.
        """
        if not self.options.part.whole:
            return self.journal.write(record, notebook)
        try:
            record.points = self.course.merge(self.lesson, record.student, notebook, record.state == "tampered")
        except (SQLAlchemyError, OSError) as error:
            raise GradingError(
                f"{record.student} could not be entered into the gradebook: {str(error).splitlines()[0]}. "
                "What was graded before is kept; go on with --resume."
            ) from error
        except Exception as error:  # whatever nbgrader dislikes about one notebook must not stop the others
            record.state, record.reasons = "failed", [f"the grading failed: {type(error).__name__}: {error}"]
            notebook = failed_notebook(self.release, record.student, self.course.sanitizer(self.lesson), error)
            record.points = self.course.merge(self.lesson, record.student, notebook, tampered=False)
        self.journal.write(record, notebook)

    def one(self, student: str, parent: WarmParent, before: Pipeline, after: Pipeline) -> tuple[Record, NotebookNode]:
        """Repair and run one submission. A fault of our own is that submission's result too, and not the end."""
        started = time.monotonic()
        folder = self.course.submission(self.lesson, student)
        files = handed_in(folder)
        record = Record(student, self.lesson, "graded", submission_sha256=digest(files, *self._depends_on))
        try:
            repaired = repair(folder, self.release, self.lesson)
            record.notes = [asdict(note) for note in repaired.notes]
            record.suspicions = [asdict(note) for note in repaired.suspicions]
            notebook = before(student, repaired.notebook)
            beside = {name: content for name, content in files.items() if not name.endswith(".ipynb")}
            executed = execute(notebook, self.release, beside, parent, self.seed)
            notebook = after(student, judged(record, executed))
            if not repaired.readable:
                record.state, record.reasons = "unreadable", [note.words for note in repaired.notes]
        except GradingError:
            raise
        except Exception as error:
            notebook = failed_notebook(self.release, student, before, error)
            record.state, record.reasons = "failed", [f"the grading failed: {type(error).__name__}: {error}"]
        record.diagnoses = diagnoses_of(notebook)
        record.seconds = round(time.monotonic() - started, 2)
        return record, notebook


def judged(record: Record, executed: Executed) -> NotebookNode:
    """Write into the record how it went. Checks of a submission that interfered give 0 until somebody has looked."""
    record.reasons += executed.reasons
    if executed.evidence:
        record.state = "tampered"
        record.suspicions += [{"kind": "tampering", "where": "checks", "words": words} for words in executed.evidence]
        record.reasons.append(TAMPERED)
        for cell in filter(is_check, executed.notebook.cells):
            cell.outputs = [new_output("error", ename="Tampered", evalue=TAMPERED, traceback=[TAMPERED])]
    elif executed.reasons:
        record.state = "failed"
    return executed.notebook


def failed_notebook(release: NotebookNode, student: str, before: Pipeline, error: Exception) -> NotebookNode:
    """The release, with the reason on top and no check passed, for a submission that our machinery could not take."""
    notebook = before(student, repair(b"", release).notebook)
    words = "".join(traceback.format_exception_only(error)).strip()
    notebook.cells.insert(0, new_markdown_cell(f"This submission could not be graded: {words}", id="not-graded"))
    for cell in filter(is_check, notebook.cells):
        cell.outputs = [new_output("error", ename="NotGraded", evalue=words, traceback=[words])]
    return notebook


def imports_of(release: NotebookNode) -> list[str]:
    """The modules that a lesson imports: what a warm parent should have before the first submission."""
    modules = ["matplotlib.pyplot", "matplotlib_inline.backend_inline"]
    for cell in release.cells:
        if cell.cell_type != "code":
            continue
        try:
            tree = ast.parse(cell.source)
        except SyntaxError:
            continue
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                modules += [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and node.module:
                modules += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
    return list(dict.fromkeys(modules))


def usable_jobs() -> int:
    """One for each core, as far as the free memory goes."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        free = os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (ValueError, OSError):
        return cores
    return max(1, min(cores, free // PARENT_BYTES))


def _checks_version() -> str:
    """A checksum of the package's checks: another check is another grade."""
    folder = Path(gancourse.__file__).parent / "checks"
    return digest({path.name: path.read_bytes() for path in folder.glob("*.py")})


def with_seconds(limits: Limits, seconds: float) -> Limits:
    """Other limits of time: so many seconds a cell, ten times that in all."""
    if seconds <= 0:
        raise GradingError(f"--timeout must be above 0 seconds, but is {seconds:g}.")
    return replace(limits, cell_seconds=seconds, total_seconds=10 * seconds)
