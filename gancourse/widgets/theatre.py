"""Watch the learner's own functions play in the plane: a stage in the page, fed from the kernel's own loop."""

import asyncio
import time
import weakref
from collections.abc import Callable
from functools import partial
from pathlib import Path

import anywidget
import numpy as np
import traitlets
from matplotlib.colors import LinearSegmentedColormap
from torch import Tensor, nn

from gancourse.data import Mixture, ring
from gancourse.errors import GANCourseError
from gancourse.show import Picture
from gancourse.show.picture import figure, picture
from gancourse.show.plots import COLOURS
from gancourse.widgets.stage import LearnersStep, Scene, Stage, told
from gancourse.widgets.still import WithStill

HERE = Path(__file__).parent
FRAME, TRAINING, REST = 1 / 18, 0.03, 0.005  # seconds: between two pictures, of training in between, left to the kernel
SPEED = 60  # steps a second, where the machine can
AHEAD, PATIENCE = 2, 5.0  # pictures that may wait for the page, and seconds to wait before the game stops
STILL_STEPS = 200
ORANGE_TO_BLUE = LinearSegmentedColormap.from_list("says", ["#e69e66", "#ffffff", "#66aad1"])
D_LOSS, G_LOSS = "D's loss", "G's loss"
PARTS = ("surface", "real", "fake", "pulls", "grid", "history")


class Screen(anywidget.AnyWidget):
    """The widget: frame holds a scene's numbers as float32, facts say how to cut and to read them."""

    _esm = (HERE / "theatre.js").read_text(encoding="utf-8")
    _css = (HERE / "theatre.css").read_text(encoding="utf-8")
    frame = traitlets.Bytes(b"").tag(sync=True)
    facts = traitlets.Dict().tag(sync=True)


class Theatre(WithStill):
    """A stage, what the learner presses, and whoever watches.

    Everything that touches the networks runs in the kernel's own loop, between two cells or messages: no thread races
    with the learner's cells or outlives them. A game plays only as long as a page reports what it has drawn.
    """

    def __init__(self, stage: Stage):
        self.stage, self.speed, self.playing = stage, SPEED, False
        self.error: dict[str, str] | None = None
        self.status = "Ready. Space plays; d and g take single turns."
        self._screen: Screen | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task | None = None
        self._sent = self._seen = 0
        self._due = self._waited = self._last = 0.0

    # What the learner can do, from the page or from a cell.

    def play(self) -> None:
        """Train until pause(), in the kernel's loop. Raises GANCourseError where there is no such loop."""
        if self.playing:
            return
        try:
            self._loop = asyncio.get_running_loop()
        except RuntimeError:
            raise GANCourseError("The theatre plays in a notebook. Here, call turn() or stage.advance().") from None
        self.playing, self.error, self.status = True, None, "Playing."
        self._waited, self._last, self._due = 0.0, time.monotonic(), 1.0
        if self._task is not None:
            self._task.cancel()  # paused a moment ago, it may not have noticed yet
        self._task = self._loop.create_task(_perform(weakref.ref(self)))
        self.show()

    def pause(self, why: str = "Paused.") -> None:
        """Stop after the step in progress."""
        self.playing, self.status = False, why
        self.show()

    def turn(self, player: str) -> None:
        """One turn of "discriminator" or "generator" alone. Pauses a game that plays."""
        self._act(partial(self.stage.turn, player), f"One turn of {'D' if player == 'discriminator' else 'G'}.")

    def reset(self) -> None:
        """Back to the first picture."""
        self._act(self.stage.reset, "Back at the start.")

    def close(self) -> None:
        """Stop, and take the widget out of the page."""
        self.playing = False
        if self._screen is not None:
            self._screen.close()
            self._screen = None

    def _act(self, action: Callable[[], None], status: str) -> None:
        self.playing, self.error, self.status = False, None, status
        self._try(action)
        self.show()

    def _try(self, action: Callable[[], object]) -> object:
        """Do it; what the learner's functions raise stops the game and is shown."""
        try:
            return action()
        except Exception as error:
            self.playing, self.error = False, told(error)
            self.status = "Stopped by an error in your code. Mend the function, run its cell and this one again."
            return None

    # What comes from the page. JupyterLab may deliver it in a thread of its own.

    def _heard(self, widget: object, content: dict, buffers: object) -> None:
        if content.get("command") == "seen":
            self._seen = max(self._seen, content["frame"])
        elif self._loop is not None and self._loop.is_running():
            self._loop.call_soon_threadsafe(self._obey, content)
        else:
            self._obey(content)

    def _obey(self, content: dict) -> None:
        command = content.get("command")
        if command in ("play", "pause", "reset"):
            getattr(self, command)()
        elif command in self.stage.updates:
            self.turn(command)
        elif command == "speed":
            self.speed = max(1, int(content["value"]))
            self.show()

    # What goes to it.

    def tick(self) -> float:
        """As much of the game as fits between two pictures, and the picture. Returns the seconds to rest."""
        if self._screen is None or self._sent - self._seen > AHEAD:
            self._waited += FRAME
            if self._waited > PATIENCE:
                self.pause("Paused, because no page was showing the game.")
            return FRAME
        began, self._waited = time.monotonic(), 0.0
        self._due += self.speed * min(began - self._last, 0.5)
        self._last, moved = began, self._due >= 1
        while self.playing and self._due >= 1 and time.monotonic() - began < TRAINING:
            self._try(self.stage.advance)
            self._due -= 1
        self._due = min(self._due, 1.0)  # what could not be done in time is not made up for
        if moved:
            self.show()
        return max(REST, FRAME - (time.monotonic() - began))

    def show(self) -> None:
        """Send the scene as it is, if there is a page to send it to."""
        if self._screen is None:
            return
        scene = self._try(self.stage.scene)
        self._sent += 1
        with self._screen.hold_sync():
            if scene is not None:
                self._screen.frame = packed(scene)
            self._screen.facts = self._facts(scene)

    def _facts(self, scene: Scene | None) -> dict:
        state = {"playing": self.playing, "error": self.error, "status": self.status, "speed": self.speed}
        same = {"frame": self._sent, "scores": self.stage.scores, "heaps": len(self.stage.data.centers)}
        if scene is None:
            kept = self._screen.facts or {"numbers": {}, "words": "Nothing can be drawn yet."}
            return kept | state | same
        shapes = {name: list(getattr(scene, name).shape) for name in PARTS}
        drawn = {"shapes": shapes, "limit": scene.limit, "numbers": numbers(scene), "words": self._words(scene)}
        return state | same | drawn

    def _words(self, scene: Scene) -> str:
        return words(scene, len(self.stage.data.centers))

    def widget(self) -> Screen:
        """The one screen of this theatre."""
        if self._screen is None:
            try:
                self._loop = asyncio.get_running_loop()
            except RuntimeError:
                self._loop = None
            self._screen = Screen()
            self._screen.on_msg(self._heard)
            self.show()
        return self._screen

    def still(self) -> Picture:
        """The game as it stands; one that has not begun is shown some hundred steps on, and then put back."""
        try:
            if any(self.stage.updates.values()):
                return self._drawn()
            with self.stage.ahead(STILL_STEPS):
                return self._drawn()
        except Exception as error:
            return _sorry(told(error))

    def _drawn(self) -> Picture:
        scene = self.stage.scene()
        return draw(scene, self.stage.scores, self._words(scene))


async def _perform(theatre: weakref.ref) -> None:
    """Play until the game is paused, or nobody has it any more."""
    while (playing := theatre()) is not None and playing.playing:
        rest = playing.tick()
        del playing
        await asyncio.sleep(rest)


def packed(scene: Scene) -> bytes:
    """The scene's numbers one after another, float32, in the order of PARTS."""
    return np.concatenate([getattr(scene, name).numpy().ravel() for name in PARTS]).astype("<f4").tobytes()


def numbers(scene: Scene) -> dict[str, str]:
    """What is written beside the stage."""
    _, d_loss, g_loss, _, of_average = scene.history[-1].tolist()
    return {
        "updates of D": str(scene.updates["discriminator"]),
        "updates of G": str(scene.updates["generator"]),
        D_LOSS: _number(d_loss),
        G_LOSS: _number(g_loss),
        "heaps, G": f"{scene.modes:.0f}",
        "heaps, average": f"{of_average:.0f}",
        "median pull": _number(scene.pull),
    }


def _number(value: float) -> str:
    return "none yet" if value != value else f"{value:.2f}"


def words(scene: Scene, heaps: int) -> str:
    """The scene for those who cannot see it."""
    shown = numbers(scene)
    spread = scene.fake.std(0).norm().item() / max(scene.real.std(0).norm().item(), 1e-9)
    return (
        f"The plane after {shown['updates of D']} updates of D and {shown['updates of G']} of G. "
        f"The fakes cover {scene.modes} of {heaps} heaps, their average generator {shown['heaps, average']}; they are "
        f"spread {spread:.0%} as wide as the real points. Losses: D {shown[D_LOSS]}, G {shown[G_LOSS]}. "
        f"G's loss pulls the fakes with a median strength of {shown['median pull']}."
    )


def draw(scene: Scene, scores: bool, alt: str) -> Picture:
    """The same picture as the page's, once."""
    fig, (stage, chart) = figure(9.0, 4.4, 2)
    _draw_stage(stage, scene, scores)
    batches, *curves = scene.history.T
    chart.plot(batches, curves[0], color=COLOURS[0], label=D_LOSS)
    chart.plot(batches, curves[1], "--", color=COLOURS[1], label=G_LOSS)
    chart.set(xlabel="batches shown", title="losses")
    chart.legend()
    return picture(fig, alt)


def _draw_stage(axes: object, scene: Scene, scores: bool) -> None:
    """D's answers, the latent grid, real and fake points, and arrows."""
    extent = (-scene.limit, scene.limit, -scene.limit, scene.limit)
    _draw_surface(axes, scene.surface, scores, extent)
    for direction, style in zip(scene.grid, ("-", "--"), strict=True):
        for line in direction:
            axes.plot(*line.T, style, color="#4a4a4a", linewidth=0.6)
    axes.scatter(*scene.real.T, s=14, facecolors="none", edgecolors="black", linewidths=0.7, label="real")
    axes.scatter(*scene.fake.T, s=7, marker="s", color="#8b2f6f", linewidths=0, label="fake")
    arrows = scene.pulls / (1 + scene.pulls.norm(dim=1, keepdim=True)) * 0.19 * scene.limit
    starts = scene.fake[: len(arrows)]
    axes.quiver(*starts.T, *arrows.T, angles="xy", scale_units="xy", scale=1, width=0.005, color="black")
    axes.set(xlim=extent[:2], ylim=extent[2:], xticks=[], yticks=[], title="what D says, and where G is pulled")
    axes.legend(loc="upper right", fontsize=7)


def _draw_surface(axes: object, surface: Tensor, scores: bool, extent: tuple[float, ...]) -> None:
    """D's answers in colour, with lines of equal height."""
    low, high = (surface.min().item(), surface.max().item()) if scores else (0.0, 1.0)
    height = (surface if scores else surface.sigmoid()).numpy()
    colour = {"vmin": low, "vmax": max(high, low + 1e-6), "cmap": ORANGE_TO_BLUE}
    axes.imshow(height, origin="lower", extent=extent, interpolation="bilinear", **colour)
    levels = 8 if scores else [0.1, 0.5, 0.9]
    lines = axes.contour(height, levels=levels, extent=extent, colors="#333333", linewidths=0.8)
    axes.clabel(lines, fontsize=7)


def _sorry(error: dict[str, str]) -> Picture:
    """What the learner's code raised, where the picture would be."""
    text = f"{error['type']}: {error['message']}\n{error['where']}"
    fig, (axes,) = figure(7.0, 1.6)
    axes.text(0.02, 0.9, text, va="top", wrap=True, family="monospace", fontsize=8, parse_math=False)
    axes.set_axis_off()
    return picture(fig, f"Nothing to see: {text}")


def theatre(
    generator: nn.Module,
    discriminator: nn.Module,
    data: Mixture | None = None,
    *,
    generator_loss: Callable[..., Tensor],
    discriminator_loss: Callable[..., Tensor] | None = None,
    gradient_penalty: Callable[..., Tensor] | None = None,
    step: LearnersStep | None = None,
    **numbers: float,
) -> Theatre:
    """Play a game of one's own: two networks on 2-D data, trained live by the losses or by the step that is given.

    generator: noise (N, latent_dim) to points (N, 2); discriminator: points to logits or scores (N,). They are trained
    in place. data: a mixture such as ring() or grid().
    discriminator_loss(real_logits, fake_logits) and generator_loss(fake_logits) make the game of lesson 1; with
    gradient_penalty(critic, real, fake) it is that of lesson 3. step, instead of discriminator_loss, is a whole step
    with the arguments of lesson 1's train_step; generator_loss then only draws the arrows.
    numbers: those of the recipes `points` and `points_wgan`, as learning_rate, batch_size, gamma, n_critic, gp_weight,
    seed. Raises RecipeError for numbers that make no sense.
    """
    losses = (generator_loss, discriminator_loss, gradient_penalty, step)
    return Theatre(Stage(generator, discriminator, data or ring(), *losses, **numbers))
