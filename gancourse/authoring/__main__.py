"""python -m gancourse.authoring build [LESSON ...] | lint | answers | mutants [LESSON ...]"""

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


@app.command()
def mutants(
    lessons: Annotated[list[str] | None, typer.Argument(help="Lessons, like 03 or 03_wgan_gp; all if none.")] = None,
    every: Annotated[int, typer.Option(min=1, help="Only one change in so many.")] = 1,
) -> None:
    """Change the right answers in one place after another, and print what the checks accept and nobody has judged."""
    from gancourse.authoring.mutants import examine_mutants, folders

    unjudged = 0
    for lesson in folders(lessons or []):
        result = examine_mutants(lesson, every)
        print(f"{lesson.name}: {result}")
        unjudged += len(result.unjudged)
    raise typer.Exit(1 if unjudged else 0)


if __name__ == "__main__":
    try:
        app()
    except GANCourseError as error:
        print(f"Error: {error}", file=sys.stderr)
        sys.exit(2)
