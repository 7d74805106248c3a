"""Checks that a learner calls on an answer: immediate, specific, and the same words everywhere."""

from gancourse.checks.core import EXERCISES, Case, Exercise, Report, Wrong, check, report
from gancourse.checks.predictions import compare

__all__ = ["EXERCISES", "Case", "Exercise", "Report", "Wrong", "check", "compare", "report"]
