"""What a learner has passed: kept in one small local file, shown, and exported. No account, no network, no torch."""

from gancourse.passport.keep import Entry, forget, passport_path, read, record
from gancourse.passport.progress import Progress, show_progress
from gancourse.passport.syllabus import Lesson, Task, syllabus

__all__ = [
    "Entry", "Lesson", "Progress", "Task", "forget", "passport_path", "read", "record", "show_progress", "syllabus",
]  # fmt: skip
