"""Submissions as they come in, damaged and hostile, each with the grade and the words it must get.

CASES: name -> Case; see corpus.notebooks.Case.
"""

from corpus import cells, files, hostile
from corpus.notebooks import LESSON, Case, full_points, released, solved, source

CASES: dict[str, Case] = {**cells.CASES, **files.CASES, **hostile.CASES}

__all__ = ["CASES", "LESSON", "Case", "full_points", "released", "solved", "source"]
