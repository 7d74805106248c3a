"""python -m gancourse.authoring build [LESSON ...] | lint | answers"""

import sys
from typing import Annotated

import typer

from gancourse.errors import GANCourseError

app = typer.Typer(help=__doc__, no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)


@app.command()
def build(
    lessons: Annotated[list[str] | None, typer.Argument(help="Lessons, like 01_vanilla_gan; all if none.")] = None,
) -> None:
    """Execute the solutions and let nbgrader make the students' lessons from them."""
    from gancourse.authoring.build import build as build_lessons

    build_lessons(lessons or [])


@app.command()
def lint() -> None:
    """Refuse an exercise that lacks something it owes."""
    from gancourse.authoring.lint import lint_course

    problems = lint_course()
    for problem in problems:
        print(problem)
    print(f"{len(problems)} problems")
    raise typer.Exit(1 if problems else 0)


@app.command()
def answers() -> None:
    """Put every wrong answer and every accepted variant to its check and print the rates."""
    from gancourse.authoring.answers import examine_answers

    result = examine_answers()
    print(result)
    raise typer.Exit(0 if result.good else 1)


if __name__ == "__main__":
    try:
        app()
    except GANCourseError as error:
        print(f"Error: {error}", file=sys.stderr)
        sys.exit(2)
