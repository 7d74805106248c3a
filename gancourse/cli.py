"""The command line. Nothing heavy is imported before a command needs it, so that --help answers at once."""

import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.measure import Measurement
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
Device = Annotated[str, typer.Option(help="auto (CUDA or the CPU), cpu, cuda or mps.")]
Threads = Annotated[int, typer.Option(help="CPU threads; 1 repeats bit for bit.")]
Which = Annotated[str, typer.Option(help="The last checkpoint, or the one with the best score: last or best.")]


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
    except ModuleNotFoundError as error:
        if error.name is None or error.name.startswith("gancourse"):
            raise
        module = error.name.partition(".")[0]
        package = {"PIL": "pillow"}.get(module, module)
        said = f"Error: {package} is not installed, and this command needs it. Run: {sys.executable} -m pip install "
        Console(stderr=True).print(said + package, highlight=False, markup=False, soft_wrap=True)
        sys.exit(2)
    except KeyboardInterrupt:
        Console(stderr=True).print("Stopped.")
        sys.exit(130)


@app.command()
def train(
    recipe: Annotated[str | None, typer.Argument(help="A recipe's name; `gancourse train` lists them.")] = None,
    budget: Annotated[
        str | None, typer.Option(help="smoke (seconds), laptop (a minute on a core) or gpu; laptop if not given.")
    ] = None,
    data: Annotated[
        str | None,
        typer.Option(
            help="embedded, full, cifar10, celeba, grid, ring, scenes, emoji, horse2zebra (what fits the recipe), or a "
            "folder of pictures; if not given, what fits the budget."
        ),
    ] = None,
    out: Annotated[Path | None, typer.Option(help="The run folder; runs/RECIPE-SEED if not given.")] = None,
    seed: Annotated[int | None, typer.Option(help="What everything random starts from; 0 if not given.")] = None,
    set_: Annotated[list[str] | None, typer.Option("--set", help="Change a number of the recipe: name=value.")] = None,
    resume: Annotated[Path | None, typer.Option(help="Go on with the run in this folder.")] = None,
    device: Device = "auto",
    threads: Threads = 1,
    scores: Annotated[int | None, typer.Option(help="Evaluations during the run; 4 if not given.")] = None,
    stop: Annotated[
        bool | None, typer.Option(help="End a run that explodes, collapses or is saturated; on if not given.")
    ] = None,
    patience: Annotated[
        int | None, typer.Option(help="End after so many evaluations without a better score; 0, never, if not given.")
    ] = None,
) -> None:
    """Train a recipe. Writes a run folder with samples, curves, scores and a checkpoint to go on from.

    Several processes share the work when torchrun starts it: torchrun --nproc-per-node 2 -m gancourse train ...
    """
    from dataclasses import replace

    from gancourse.training import distributed

    _use_threads(threads)
    given = {"scores": scores, "stop": stop, "patience": patience}
    with distributed.processes():
        if resume:
            _refuse_new_choices({"--budget": budget, "--data": data, "--out": out, "--seed": seed}, resume)
            run = _resumed(resume, recipe, set_ or [], device)
        else:
            run = _new_run(recipe, budget or "laptop", data, out, seed or 0, set_ or [], device)
        run.options = replace(run.options, **{name: value for name, value in given.items() if value is not None})
        if not resume:
            run.start()
        _train(run)


def _train(run: Any) -> None:
    from gancourse.training import ProgressBar, distributed

    console.quiet = not distributed.is_first()
    if not run.train((ProgressBar(run.recipe.name),)):
        console.print(
            f"{escape(str(run.folder))} is complete: all its images were shown. Its report is report.md.",
            soft_wrap=True,
        )
        return
    if distributed.is_first():
        _print_scores(run.last_scores(), run.best_scores())
        folder = escape(str(run.folder))
        console.print(f"Look at [bold]{folder}/report.md[/bold] and {folder}/samples.", soft_wrap=True)


@app.command()
def again(
    folder: Folder,
    out: Annotated[Path | None, typer.Option(help="The new run folder; FOLDER-again if not given.")] = None,
    set_: Annotated[list[str] | None, typer.Option("--set", help="Change a number: name=value.")] = None,
    device: Device = "auto",
    threads: Annotated[int | None, typer.Option(help="CPU threads; as many as then if not given.")] = None,
) -> None:
    """Make a run again from its folder alone, or a like one with other numbers, and compare the two."""
    from gancourse.errors import TrainingStopped
    from gancourse.recipes.provenance import differences, environment
    from gancourse.recipes.runs import Run

    then = Run.open(folder)
    made = then.environment()
    _use_threads(threads or made.get("threads", 1))
    then.device = _device("cpu" if device == "auto" and made.get("device") == "cpu" else device)
    run = then.again(out or _free_folder(folder), **_pairs(set_ or []))
    run.start()
    for difference in differences(made, environment(run.device)):
        console.print(f"Not as it was: {difference}", highlight=False, markup=False, soft_wrap=True)
    try:
        _train(run)
    except TrainingStopped:
        console.print(_compared(then, run), highlight=False, markup=False, soft_wrap=True)
        raise
    console.print(_compared(then, run), highlight=False, markup=False, soft_wrap=True)


def _free_folder(folder: Path) -> Path:
    """FOLDER-again, or the first of FOLDER-again-2, FOLDER-again-3 and so on that does not exist."""
    folder = folder.resolve() if folder.name in ("", "..") else folder
    name, number = Path(f"{folder}-again"), 2
    while name.exists():
        name, number = Path(f"{folder}-again-{number}"), number + 1
    return name


def _compared(then: Any, now: Any) -> str:
    """Whether two runs read the same at each moment, and where not, what each has come to."""
    before, after = then.readings(), now.readings()
    same = sum(old == new for old, new in zip(before, after, strict=False))
    if before and same == len(before):
        return f"The same as {then.folder}, bit for bit, in all of {same} readings."
    metric = now.recipe.metric
    ends = [run.last_scores().get(metric, "not scored") for run in (now, then)]
    return f"Not the same as {then.folder}: {metric} at the end is {ends[0]} now and was {ends[1]} then."


@app.command()
def runs(
    folder: Annotated[Path, typer.Argument(help="A folder of runs, or one run.")] = RUNS,
    sort: Annotated[str, typer.Option(help="folder, recipe, state, best, last, images, time or date.")] = "date",
    recipe: Annotated[str | None, typer.Option(help="Only runs of this recipe.")] = None,
    state: Annotated[str | None, typer.Option(help="Only runs in this state, like complete.")] = None,
    plot: Annotated[Path | None, typer.Option(help="A PNG to write: the scores of all of them.")] = None,
    csv: Annotated[Path | None, typer.Option(help="A CSV to write: all columns.")] = None,
) -> None:
    """List and compare runs: what was trained on what, how far it is, best and last score."""
    from gancourse.recipes.overview import as_csv, chosen, comparison, find_runs, summarise

    found = chosen([summarise(path) for path in find_runs(folder)], sort, recipe, state)
    table = _runs_table(found)
    needed = Measurement.get(console, console.options.update(max_width=1000), table).maximum
    Console(width=max(needed, console.width)).print(table)  # a narrow terminal breaks its lines, but nothing is lost
    wanted = (csv, "--csv", lambda: as_csv(found).encode()), (plot, "--plot", lambda: comparison(found).png)
    for path, option, content in wanted:
        if path is not None:
            _write(path, content(), option)
            console.print(f"Written: [bold]{escape(str(path))}[/bold].", soft_wrap=True)


def _runs_table(summaries: list[Any]) -> Table:
    head = ("run", "recipe", "data", "seed", "images", "state", "metric", "best", "last", "floor", "min", "changed")
    table = Table(*head, caption="Less is better." if summaries else "No runs.")
    for s in summaries:
        done = "" if s.images is None else f"{s.images:,} of {s.total:,}"
        scores = ["" if value is None else f"{value:.4g}" for value in (s.best, s.last, s.floor)]
        minutes = "" if s.seconds is None else f"{s.seconds / 60:.1f}"
        name, data = escape(Path(s.folder).name), escape(Path(s.data).name)
        seed = "" if s.seed is None else str(s.seed)
        table.add_row(name, s.recipe, data, seed, done, s.state, s.metric, *scores, minutes, s.date)
    return table


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
    return Run(out or RUNS / f"{name}-{seed}", recipe, _lasting(data), chosen)


def _lasting(data: str) -> str:
    """Data as any other folder of this machine would name them: a folder's path becomes absolute."""
    from gancourse.recipes.base import DATA_NAMES

    return str(Path(data).resolve()) if data not in DATA_NAMES and Path(data).is_dir() else data


def _refuse_new_choices(given: dict[str, Any], folder: Path) -> None:
    from gancourse.errors import RecipeError

    options = ", ".join(option for option, value in given.items() if value is not None)
    if options:
        raise RecipeError(
            f"{options} cannot be given with --resume: a run that goes on keeps its own. "
            f"For a like run with other numbers: `gancourse again {folder} --set name=value`."
        )


def _resumed(folder: Path, recipe: str | None, changes: list[str], device: str) -> Any:
    from gancourse.errors import CheckpointError
    from gancourse.recipes.runs import Run
    from gancourse.training import distributed

    run = distributed.first_does(lambda: Run.open(folder))  # other machines may not see the folder
    run.device = _device(device)
    if recipe is not None and recipe != run.recipe.name:
        raise CheckpointError(f"{folder} is a run of {run.recipe.name!r}, not of {recipe!r}.")
    run.read_otherwise(**_pairs(changes))
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
    from gancourse.training import distributed

    there = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if name == "auto":
        return distributed.own_device(best_device())
    if name not in there:
        raise GANCourseError(f"There is no device {name!r}. Choose auto, cpu, cuda or mps.")
    if not there[name]:
        raise GANCourseError(
            f"This machine has no usable {name!r} device. Use --device cpu, or see `gancourse doctor`."
        )
    return distributed.own_device(torch.device(name))


def _use_threads(threads: int) -> None:
    import torch

    if threads < 1:
        raise GANCourseError(f"--threads must be at least 1, but is {threads}.")
    torch.set_num_threads(threads)


def _print_scores(scores: dict[str, Any], best: dict[str, Any] | None = None) -> None:
    """The scores, beside them those of the best moment."""
    from gancourse.recipes.report import shown

    table = Table("", "last", "best") if best else Table(show_header=False)
    for name, value in scores.items():
        table.add_row(name, shown(value), *([shown(best.get(name, ""))] if best else []))
    if scores:
        console.print(table)


@app.command()
def sample(
    folder: Annotated[Path | None, typer.Argument(help="The folder of a run, as train made it.")] = None,
    n: Annotated[int, typer.Option(help="How many samples.")] = 100,
    out: Annotated[Path | None, typer.Option(help="The PNG to write; if not given, beside what is sampled.")] = None,
    seed: Annotated[int, typer.Option(help="Another seed gives other samples.")] = 1,
    which: Which = "last",
    device: Device = "auto",
    onnx: Annotated[
        Path | None, typer.Option(help="Sample this exported file instead of a run, without torch.")
    ] = None,
    class_: Annotated[str | None, typer.Option("--class", help="With --onnx: one class, by name or number.")] = None,
    image: Annotated[Path | None, typer.Option(help="With --onnx: the picture that is translated.")] = None,
    direction: Annotated[str | None, typer.Option(help="With --image: ab (A to B) or ba.")] = None,
) -> None:
    """Draw samples of a trained generator into one picture."""
    if not 1 <= n <= 10_000:
        raise GANCourseError(f"--n must lie between 1 and 10,000, but is {n}.")
    if not 0 <= seed < 2**32:
        raise GANCourseError(f"--seed must lie between 0 and 2^32 - 1, but is {seed}.")
    if (folder is None) == (onnx is None):
        raise GANCourseError("Name the folder of a run, or an exported file with --onnx FILE: one of the two.")
    if onnx is not None:
        from gancourse.export.serve import sample as sample_exported

        png, path = sample_exported(onnx, n, seed, class_, image, direction), out or onnx.with_suffix(".png")
    else:
        if class_ or image or direction:
            raise GANCourseError(
                f"--class, --image and --direction go with --onnx. Run `gancourse export {folder}` first."
            )
        png, path = _sample_run(folder, n, seed, which, device), out or folder / "sample.png"
    _write(path, png)
    console.print(f"Samples in [bold]{escape(str(path))}[/bold].", soft_wrap=True)


def _sample_run(folder: Path, n: int, seed: int, which: str, device: str) -> bytes:
    from gancourse.recipes.runs import Run

    run = Run.open(folder, _device(device))
    return run.recipe.picture(run.generator(which), n, seed).png


def _write(path: Path, content: bytes, option: str = "--out") -> None:
    """Write a file, its folder too. Raises GANCourseError that names the option by which to choose another place."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    except OSError as error:
        raise GANCourseError(f"{path} could not be written: {error}. Choose another place with {option}.") from error


@app.command()
def export(
    folder: Folder,
    out: Annotated[Path | None, typer.Option(help="The file; FOLDER/generator.onnx or .pt2 if not given.")] = None,
    format_: Annotated[str, typer.Option("--format", help="onnx, or torch for a torch.export program.")] = "onnx",
    which: Which = "last",
) -> None:
    """Write the averaged generator of a run as one file, once it has been compared with PyTorch."""
    from gancourse.export.write import BATCHES, export_run
    from gancourse.recipes.runs import Run

    path, difference = export_run(Run.open(folder), out, format_, which)
    batches = ", ".join(map(str, BATCHES))
    console.print(
        f"[bold]{escape(str(path))}[/bold], at most {difference:.1g} from PyTorch in batches of {batches}.",
        soft_wrap=True,
    )


@app.command()
def evaluate(folder: Folder, which: Which = "last", device: Device = "auto") -> None:
    """Score a trained generator against held-out real data, and say with what it was compared."""
    from gancourse.recipes.runs import Run

    run = Run.open(folder, _device(device))
    if run.scorer is None:
        raise GANCourseError(f"There is nothing to compare with: {run.data!r} has no held-out labelled test images.")
    _print_scores(run.scorer(run.generator(which)))


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
def progress(
    export: Annotated[Path | None, typer.Option(help="A file to write: .json, .csv or .html.")] = None,
    forget: Annotated[bool, typer.Option("--forget", help="Delete what is kept, once you have confirmed it.")] = False,
) -> None:
    """Show what you have passed, what is worth redoing, and the next lesson. It is kept on this machine alone."""
    from gancourse import passport
    from gancourse.passport.export import export as write

    if forget and export is not None:
        raise GANCourseError("--export and --forget are two steps: export first, look at the file, then forget.")
    if forget:
        _forget(passport.passport_path())
        return
    found = passport.Progress.now()
    if found.note:
        console.print(found.note, highlight=False, markup=False, soft_wrap=True)
    console.print(_progress_table(found))
    coming = found.next_lesson()
    words = f"Next: {coming.title}, {coming.notebook}" if coming else "Every exercise of the course is passed."
    console.print(words, highlight=False, markup=False, soft_wrap=True)
    if export is not None:
        write(found, export)
        console.print(f"Written: [bold]{escape(str(export))}[/bold].", soft_wrap=True)


def _progress_table(found: Any) -> Table:
    from gancourse.passport.progress import passed, points, redo, tried
    from gancourse.passport.syllabus import syllabus

    table = Table("lesson", "passed", "points", "tried, not passed", "worth redoing")
    for lesson in syllabus():
        rows = found.of(lesson)
        lists = [escape("\n".join(names)) for names in (tried(rows), redo(rows))]
        table.add_row(escape(lesson.title), passed(rows), points(rows), *lists)
    return table


def _forget(path: Path) -> None:
    from gancourse.passport import forget

    if not path.is_file():
        console.print(f"Nothing is kept: there is no {escape(str(path))}.", soft_wrap=True)
        return
    typer.confirm(f"Delete {path}, with everything you have passed?", abort=True)
    forget()
    console.print("Deleted.")


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
