"""The command line. Nothing heavy is imported before a command needs it, so that --help answers at once."""

import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from gancourse.errors import GANCourseError, TrainingInterrupted
from gancourse.grading.commands import class_app

app = typer.Typer(
    help="Learn GANs by building them: train, sample, evaluate, check.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.add_typer(class_app, name="class")
console = Console()
RUNS = Path("runs")

Folder = Annotated[Path, typer.Argument(help="The folder of a run, as train made it.")]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")]


def main() -> None:
    """Run the command line; a mistake of the user ends in one message and exit code 2."""
    try:
        app()
    except TrainingInterrupted as stopped:
        Console(stderr=True).print(str(stopped), highlight=False, markup=False)
        sys.exit(130)
    except GANCourseError as error:
        Console(stderr=True).print(f"Error: {error}", highlight=False, markup=False, soft_wrap=True)
        sys.exit(2)
    except KeyboardInterrupt:
        Console(stderr=True).print("Stopped.")
        sys.exit(130)


@app.command()
def train(
    recipe: Annotated[str | None, typer.Argument(help="A recipe's name; `gancourse train` lists them.")] = None,
    budget: Annotated[str, typer.Option(help="smoke (seconds), laptop (a minute on a core) or gpu.")] = "laptop",
    data: Annotated[
        str | None,
        typer.Option(
            help="embedded, full, cifar10, celeba, or a folder of pictures; if not given, what fits the budget."
        ),
    ] = None,
    out: Annotated[Path | None, typer.Option(help="The run folder; runs/RECIPE-SEED if not given.")] = None,
    seed: Annotated[int, typer.Option(help="What everything random starts from.")] = 0,
    set_: Annotated[list[str] | None, typer.Option("--set", help="Change a number of the recipe: name=value.")] = None,
    resume: Annotated[Path | None, typer.Option(help="Go on with the run in this folder.")] = None,
    device: Device = "auto",
    threads: Annotated[int, typer.Option(help="CPU threads; 1 repeats bit for bit.")] = 1,
) -> None:
    """Train a recipe. Writes a run folder with samples, curves, scores and a checkpoint to go on from."""
    from gancourse.training import ProgressBar

    _use_threads(threads)
    run = _resumed(resume, recipe, device) if resume else _new_run(recipe, budget, data, out, seed, set_ or [], device)
    trainer = run.trainer((ProgressBar(run.recipe.name),))
    if trainer.images >= trainer.total_images:
        console.print(f"{run.folder} is complete: {trainer.images:,} images were shown. Its report is report.md.")
        return
    trainer.run()
    report = run.write_report()
    _print_scores(run.last_scores())
    console.print(f"Look at [bold]{report}[/bold] and {run.folder}/samples.")


def _new_run(
    name: str | None, budget: str, data: str | None, out: Path | None, seed: int, changes: list[str], device: str
) -> Any:
    from gancourse.errors import RecipeError
    from gancourse.recipes import MODULES, recipe_class
    from gancourse.recipes.runs import Run

    if name is None:
        raise RecipeError(f"Name a recipe ({', '.join(MODULES)}), or go on with a run by --resume FOLDER.")
    recipe = recipe_class(name).for_budget(budget, seed=seed, **_pairs(changes))
    data, chosen = data or recipe.default_data(budget), _device(device)
    recipe.batches(recipe.load_data(data))  # what does not fit must fail before a folder is made
    run = Run(out or RUNS / f"{name}-{seed}", recipe, data, chosen)
    run.start()
    return run


def _resumed(folder: Path, recipe: str | None, device: str) -> Any:
    from gancourse.errors import CheckpointError
    from gancourse.recipes.runs import Run

    run = Run.open(folder, _device(device))
    if recipe is not None and recipe != run.recipe.name:
        raise CheckpointError(f"{folder} is a run of {run.recipe.name!r}, not of {recipe!r}.")
    return run


def _pairs(changes: list[str]) -> dict[str, str]:
    from gancourse.errors import RecipeError

    pairs = {}
    for change in changes:
        name, equals, value = change.partition("=")
        if not equals:
            raise RecipeError(f"--set takes name=value, for instance --set gamma=0.5, but got {change!r}.")
        pairs[name.strip()] = value.strip()
    return pairs


def _device(name: str) -> Any:
    import torch

    from gancourse.lesson import best_device

    there = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if name == "auto":
        return best_device()
    if name not in there:
        raise GANCourseError(f"There is no device {name!r}. Choose auto, cpu, cuda or mps.")
    if not there[name]:
        raise GANCourseError(
            f"This machine has no usable {name!r} device. Use --device cpu, or see `gancourse doctor`."
        )
    return torch.device(name)


def _use_threads(threads: int) -> None:
    import torch

    if threads < 1:
        raise GANCourseError(f"--threads must be at least 1, but is {threads}.")
    torch.set_num_threads(threads)


def _print_scores(scores: dict[str, Any]) -> None:
    table = Table(show_header=False)
    for name, value in scores.items():
        table.add_row(name, f"{value:.4g}" if isinstance(value, float) else str(value))
    if scores:
        console.print(table)


@app.command()
def sample(
    folder: Folder,
    n: Annotated[int, typer.Option(help="How many samples.")] = 100,
    out: Annotated[Path | None, typer.Option(help="The PNG to write; FOLDER/sample.png if not given.")] = None,
    seed: Annotated[int, typer.Option(help="Another seed gives other samples.")] = 1,
    device: Device = "auto",
) -> None:
    """Draw samples of a trained generator into one picture."""
    from gancourse.errors import CheckpointError
    from gancourse.recipes.runs import Run

    if not 1 <= n <= 10_000:
        raise GANCourseError(f"--n must lie between 1 and 10,000, but is {n}.")
    run = Run.open(folder, _device(device))
    picture = run.recipe.picture(run.generator(), n, seed)
    path = out or folder / "sample.png"
    try:
        picture.save(path)
    except OSError as error:
        raise CheckpointError(f"{path} could not be written: {error}. Choose another place with --out.") from error
    console.print(f"{n} samples in [bold]{path}[/bold].")


@app.command()
def evaluate(folder: Folder, device: Device = "auto") -> None:
    """Score a trained generator against held-out real data, and say with what it was compared."""
    from gancourse.recipes.runs import Run

    run = Run.open(folder, _device(device))
    scorer = run.recipe.scorer(run.data, run.device)
    if scorer is None:
        raise GANCourseError(f"There is nothing to compare with: {run.data!r} has no held-out labelled test images.")
    _print_scores(scorer(run.generator()))


@app.command()
def doctor() -> None:
    """Look for what could go wrong on this machine, and for each problem name the command that repairs it."""
    from gancourse.doctor import examine

    findings = examine()
    table = Table("", "what", "found")
    for finding in findings:
        table.add_row({True: "ok", False: "NO", None: "--"}[finding.good], finding.what, escape(finding.found))
    console.print(table)
    for finding in findings:
        if finding.repair:  # outside the table: a command must stay on one line to be copied
            console.print(f"{finding.what}:\n    {escape(finding.repair)}", soft_wrap=True, highlight=False)
    if any(finding.good is False for finding in findings):
        raise typer.Exit(1)


@app.command()
def check(
    file: Annotated[Path, typer.Argument(help="A lesson's notebook, or a .py file with your functions.")],
    names: Annotated[
        list[str] | None, typer.Argument(help="Exercises, like sample_noise; all if none is given.")
    ] = None,
) -> None:
    """Run the visible checks on the answers in a file, without JupyterLab."""
    from gancourse.checks.files import check_file

    points, possible = check_file(file, names or [])
    console.print(f"[bold]{points:g} of {possible} points[/bold] (visible checks)")
    if points < possible:
        raise typer.Exit(1)


@app.command()
def grade(
    lesson: Annotated[str, typer.Argument(help="The assignment, for instance 01_vanilla_gan.")],
    jobs: Annotated[int, typer.Option(help="Submissions at once; 0: as many as cores and memory allow.")] = 0,
    student: Annotated[list[str] | None, typer.Option(help="Only this one; may be given several times.")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Do not run again what an earlier run finished.")] = False,
    unsafe: Annotated[bool, typer.Option("--unsafe", help="Run student code with your own rights.")] = False,
    timeout: Annotated[float, typer.Option(help="Seconds a cell may run; ten times that a notebook.")] = 30.0,
    part: Annotated[
        str | None, typer.Option(help="I/N: this machine's part of N; --resume afterwards enters all.")
    ] = None,
) -> None:
    """Grade a class: repair, isolate, run in parallel, enter into nbgrader's gradebook, write feedback."""
    from gancourse.grading.parts import parse_part
    from gancourse.grading.report import grade_with_progress

    students, share = tuple(student or ()), parse_part(part)
    grade_with_progress(Path.cwd(), lesson, jobs, students, resume, unsafe, timeout, share, console)


if __name__ == "__main__":
    main()
