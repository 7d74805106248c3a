"""nbgrader for this course. JupyterLab and `nbgrader` find it when they are started in this folder.

What each setting prevents stands beside it; the numbers of issues are nbgrader's.
"""

import os
import sys
from pathlib import Path

from nbconvert.preprocessors import ClearMetadataPreprocessor, CSSHTMLHeaderPreprocessor
from nbgrader.preprocessors import (
    AssignLatePenalties,
    CheckCellMetadata,
    ClearHiddenTests,
    ClearOutput,
    Execute,
    GetGrades,
    IgnorePattern,
    LimitOutput,
    OverwriteCells,
    OverwriteKernelspec,
    SaveAutoGrades,
)

from gancourse.grading.guard import AlwaysRunChecks, DropDuplicateIds, RequireResult, ShortTracebacks
from gancourse.grading.rubric import ShowRubric

c = get_config()  # noqa: F821  nbgrader defines it

# nbgrader calls `alembic` by its name, which lies beside this Python even where the environment is not active.
os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])

# The course: solutions/ is the source, lessons/ what students get.
c.CourseDirectory.course_id = "gancourse"
c.CourseDirectory.source_directory = "solutions"
c.CourseDirectory.release_directory = "lessons"
c.CourseDirectory.ignore = [".ipynb_checkpoints", "*.pyc", "__pycache__", "feedback", ".*"]
c.IncludeHeaderFooter.header = ""

# The gradebook is gradebook.db in this folder. Several graders or machines share a PostgreSQL server; its address
# holds a password, so it is not written here.
if "GANCOURSE_GRADEBOOK" in os.environ:
    c.CourseDirectory.db_url = os.environ["GANCOURSE_GRADEBOOK"]

# A folder that every laptop can write; a server sets its own (default /srv/nbgrader/exchange, 1338).
c.Exchange.root = os.environ.get("NBGRADER_EXCHANGE", str(Path.home() / ".local" / "share" / "gancourse" / "exchange"))
c.ExchangeCollect.check_owner = False

# What students find in the place of an answer.
c.ClearSolutions.code_stub = {"python": "raise NotImplementedError"}
c.ClearSolutions.text_stub = "*Your answer here.*"

# A deleted test comes back; a copied one is dropped instead of stopping the class (1083, 1941).
c.OverwriteCells.add_missing_cells = True
c.Autograde.sanitize_preprocessors = [
    ClearOutput,
    DropDuplicateIds,
    OverwriteKernelspec,
    OverwriteCells,
    CheckCellMetadata,
]

# Warnings cost nothing (1904): stderr in a test cell is otherwise 0 points. A check that never ran gets none.
c.Autograde.autograde_preprocessors = [
    AlwaysRunChecks,
    Execute,
    IgnorePattern,
    RequireResult,
    ShortTracebacks,
    ClearMetadataPreprocessor,
    LimitOutput,
    SaveAutoGrades,
    AssignLatePenalties,
    CheckCellMetadata,
]
c.IgnorePattern.enabled = True
c.IgnorePattern.pattern = r"."

# Training is not repeated for grading; a cell that hangs is stopped. After its reply a kernel gets as long again to
# hand over the outputs: with nbgrader's four seconds a crowded machine loses whole submissions.
c.Execute.skip_cells_with_tag = "train"
c.Execute.timeout = 30
c.Execute.iopub_timeout = 30

# Feedback shows the diagnosis and no hidden test (917).
c.GenerateFeedback.preprocessors = [GetGrades, CSSHTMLHeaderPreprocessor, ClearHiddenTests]

# Whoever grades a written answer in formgrader sees its rubric below it.
c.HTMLExporter.preprocessors = [ShowRubric]
c.ShowRubric.source_directory = str(Path(__file__).resolve().parent / "solutions")
