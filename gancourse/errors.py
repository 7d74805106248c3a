"""Errors a user can mend. Each message says what is wrong, what was expected and what to do next."""


class GANCourseError(Exception):
    """Base of the family: the command line prints the message alone and exits with 2; a notebook shows it alone too."""

    def _render_traceback_(self) -> list[str]:
        """What IPython prints instead of a traceback."""
        return [f"{type(self).__name__}: {self}"]


class DataError(GANCourseError):
    """Data are missing, damaged or of the wrong shape."""


class RecipeError(GANCourseError):
    """A recipe, a budget or one of its numbers does not exist or makes no sense."""


class CheckpointError(GANCourseError):
    """A run folder or a checkpoint cannot be read, written or continued."""


class ExportError(GANCourseError):
    """A generator cannot be exported, or an exported file cannot be read or asked for what is wanted."""


class TrainingError(GANCourseError):
    """Training cannot go on, for instance because a loss is no longer a number."""


class ProcessLost(TrainingError):
    """One of the processes of a run was killed, or does not answer."""


class TrainingStopped(TrainingError):
    """A stopping rule has ended a run that was not worth going on with; the message has the reason and what to try."""


class TrainingInterrupted(GANCourseError):
    """Training was stopped by hand after a whole step; what was learned is kept."""


class CheckError(GANCourseError):
    """A check was called in a way it cannot be answered, for instance under a name it does not know."""


class GradingError(GANCourseError):
    """A class cannot be graded as asked: no submissions, no gradebook, no sandbox."""


class PassportError(GANCourseError):
    """The file of what a learner has passed cannot be read, written or exported as asked."""


class SetupError(GANCourseError):
    """This machine lacks something without which no lesson runs."""
