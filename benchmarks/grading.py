"""A generated class graded by `gancourse grade` and by plain `nbgrader autograde`, one after the other on this machine.

python benchmarks/grading.py [--students 100] [--plain 20] [--jobs 2] [--seed 1]

The same class for both; plain nbgrader grades the first `--plain` of it, for it takes several seconds a student, and
gets each file undamaged, for some damage stops it. Our time includes the feedback pages, plain nbgrader's does not.
Points are compared with those that the checks themselves give.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from common import write

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests" / "classroom"))

from class_of import Student, class_of, expected_points, notebook_of  # noqa: E402
from corpus import LESSON  # noqa: E402
from courses import hand_in, released_course  # noqa: E402
from nbgrader.api import Gradebook  # noqa: E402


def timed(course: Path, *command: str) -> float:
    """Seconds of the clock that a command takes in the course's folder."""
    environment = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "HOME": str(course)}
    started = time.monotonic()
    call = [sys.executable, "-m", *command]
    result = subprocess.run(call, cwd=course, env=environment, capture_output=True, text=True)
    if result.returncode:
        raise SystemExit(
            f"{' '.join(command)} ended with {result.returncode}:\n{(result.stdout + result.stderr)[-2000:]}"
        )
    return time.monotonic() - started


def right_to_the_point(course: Path, students: list[Student]) -> int:
    """How many students have exactly the expected points for every exercise."""
    good = 0
    with Gradebook(f"sqlite:///{course / 'gradebook.db'}") as book:
        for student in students:
            grades = book.find_submission_notebook(LESSON, LESSON, student.name).grades
            given = {grade.name.removeprefix("check-"): grade.auto_score for grade in grades}
            good += all(abs((given[name] or 0) - points) < 1e-9 for name, points in expected_points(student).items())
    return good


def main() -> None:
    """Grade twice, compare."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, default in {"students": 100, "plain": 20, "jobs": 2, "seed": 1}.items():
        parser.add_argument(f"--{name}", type=int, default=default)
    options = parser.parse_args()
    students = class_of(options.students, seed=options.seed)
    with tempfile.TemporaryDirectory() as folder:
        blank = released_course(Path(folder) / "blank")
        ours, plain = (Path(shutil.copytree(blank, Path(folder) / name)) for name in ("ours", "plain"))
        for student in students:
            hand_in(ours, student.name, student.files)
        for student in students[: options.plain]:
            hand_in(plain, student.name, {f"{LESSON}.ipynb": notebook_of(student.answers)})
        ours_seconds = timed(ours, "gancourse.cli", "grade", LESSON, "--jobs", str(options.jobs))
        plain_seconds = timed(plain, "nbgrader", "autograde", LESSON)
        row = {
            "students": options.students,
            "jobs": options.jobs,
            "right to the point": right_to_the_point(ours, students),
            "seconds": round(ours_seconds, 1),
            "seconds a student": round(ours_seconds / options.students, 2),
            "plain students": options.plain,
            "plain seconds a student": round(plain_seconds / options.plain, 2),
            "plain right to the point": right_to_the_point(plain, students[: options.plain]),
            "ratio a student": round(ours_seconds / options.students / (plain_seconds / options.plain), 2),
        }
    table = "\n".join(["| what | value |", "|---|---|", *(f"| {name} | {value} |" for name, value in row.items())])
    write("grading", f"python benchmarks/grading.py {' '.join(sys.argv[1:])}".strip(), table, [row])


if __name__ == "__main__":
    main()
