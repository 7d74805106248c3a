"""Levers of speed: what must not change the numbers does not, and each switch does what it says."""

import platform
import shutil
import time
import warnings

import pytest
import torch
from torch import nn

from gancourse.errors import RecipeError
from gancourse.recipes import MODULES, recipe_class
from gancourse.recipes.cyclegan import AskedAhead
from gancourse.recipes.game import VanillaGame
from gancourse.training import Engine, engine, seconds_of_compiling
from gancourse.training.engine import keep_freed_memory


def trained(name, steps=5, dtype=torch.float64, **changes):
    """The players of a smoke run after some steps, and its losses."""
    recipe = recipe_class(name).for_budget("smoke", **changes)
    data = recipe.load_data()
    torch.set_default_dtype(dtype)
    try:
        players = recipe.players(data)
        step, batches = recipe.step(players), recipe.batches(data)
        torch.manual_seed(0)
        losses = [step(_as(batches.next(), dtype), number) for number in range(steps)]
    finally:
        torch.set_default_dtype(torch.float32)
    return players, losses


def _as(batch, dtype):
    if isinstance(batch, tuple):
        return tuple(_as(part, dtype) for part in batch)
    return batch.to(dtype) if batch.is_floating_point() else batch


def assert_equal_runs(one, other, tolerance):
    """Weights and losses of two runs differ by at most the tolerance."""
    for a, b in zip(one[1], other[1], strict=True):
        assert a.keys() == b.keys()
        for name in a:
            assert abs(a[name] - b[name]) <= tolerance
    for a, b in zip(_weights(one[0]), _weights(other[0]), strict=True):
        torch.testing.assert_close(a, b, rtol=0, atol=tolerance)


def _weights(players):
    return [*players.generator.parameters(), *players.discriminator.parameters()]


def _laid_out(run):
    kernels = [w for w in _weights(run[0]) if w.ndim == 4 and min(w.shape[1:]) > 1]
    return [w.is_contiguous(memory_format=torch.channels_last) for w in kernels]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["dcgan", "conditional", "cyclegan"])
def test_channels_last_changes_the_layout_and_no_number(name):
    plain, laid_out = trained(name), trained(name, channels_last=True)
    assert not any(_laid_out(plain)) and all(_laid_out(laid_out))
    assert_equal_runs(plain, laid_out, 1e-7)


@pytest.mark.parametrize("name", ["vanilla", "wgan_gp"])
def test_one_kernel_for_a_whole_optimiser_step_changes_no_number(name):
    fused, plain = trained(name), trained(name, fused=False)
    assert fused[0].generator_optimizer.defaults["fused"] and not plain[0].generator_optimizer.defaults["fused"]
    assert_equal_runs(plain, fused, 1e-9)


def test_one_pass_for_what_changes_and_what_stays_gives_the_same_gradients():
    apart, joined = trained("cyclegan"), trained("cyclegan", joined=True)
    assert_equal_runs(apart, joined, 1e-7)


def test_a_translation_that_was_asked_ahead_works_once_for_all():
    passes = []

    def double(x):
        passes.append(len(x))
        return 2 * x

    a, b, other = torch.rand(2, 1), torch.rand(2, 1), torch.rand(3, 1)
    ahead = AskedAhead(double, a, b)
    assert torch.equal(ahead(a), 2 * a) and torch.equal(ahead(b), 2 * b) and torch.equal(ahead(other), 2 * other)
    assert passes == [4, 3]


@pytest.mark.parametrize("fresh", [True, False])
def test_judges_see_fresh_fakes_or_those_of_the_generators_turn(fresh):
    recipe = recipe_class("cyclegan").for_budget("smoke", fresh_fakes=fresh)
    data = recipe.load_data()
    players = recipe.players(data)
    passes = []
    players.generator.ab.register_forward_hook(lambda net, inputs, out: passes.append(out.requires_grad))
    recipe.step(players)(recipe.batches(data).next(), 0)
    assert passes == [True] * 3 + [False] * fresh


@pytest.mark.parametrize("fresh", [True, False])
def test_d_sees_fresh_fakes_or_those_of_gs_turn(fresh):
    recipe = recipe_class("dcgan").for_budget("smoke", fresh_fakes=fresh)
    data = recipe.load_data()
    players = recipe.players(data)
    passes, shown, game = [], [], VanillaGame(players, recipe.latent_dim, recipe.gamma, fresh_fakes=fresh)
    players.generator.register_forward_hook(lambda net, inputs, out: passes.append(out))
    players.discriminator.register_forward_hook(lambda net, inputs, out: shown.append(inputs[0]))
    losses = game.step()(recipe.batches(data).next(), 0)
    assert [p.requires_grad for p in passes] == ([False, True] if fresh else [True])
    assert hasattr(game, "_last_fakes") is not fresh  # nothing is held that nobody will look at
    assert list(losses) == (["discriminator", "generator"] if fresh else ["generator", "discriminator"])
    assert any(torch.equal(x, passes[0]) and not x.requires_grad for x in shown)


class _Dtypes(nn.Module):
    """A linear layer that notes in which type its input reaches the matrix product."""

    def __init__(self):
        super().__init__()
        self.inner, self.seen = nn.Linear(4, 4), []

    def forward(self, x):
        out = self.inner(x)
        self.seen.append(out.dtype)
        return out


def test_bf16_is_for_what_a_network_computes_and_not_for_what_comes_out_of_it():
    net = _Dtypes()
    x = torch.rand(8, 4, requires_grad=True)
    out = Engine(precision="bf16").call(net)(x)
    assert net.seen == [torch.bfloat16] and out.dtype == torch.float32
    out.sum().backward()
    assert x.grad.dtype == net.inner.weight.grad.dtype == torch.float32
    assert Engine().call(net) is net


@pytest.mark.parametrize(("name", "changes"), [("dcgan", {}), ("wgan_gp", {}), ("conditional", {"r1_every": 1}),
                                               ("progressive", {"r1_every": 1})])  # fmt: skip
def test_what_is_differentiated_twice_stays_in_fp32(name, changes, monkeypatch):
    """A bf16 run: every first-order pass of D under autocast, every penalty's pass without."""
    recipe = recipe_class(name).for_budget("smoke", precision="bf16", **changes)
    data = recipe.load_data()
    players, under = recipe.players(data), {"penalty": [], "other": []}
    real_grad = torch.autograd.grad

    def note(net, inputs, out):
        inputs = [i for i in inputs if i.is_floating_point()]
        kind = "penalty" if inputs[0].is_leaf and inputs[0].requires_grad else "other"
        under[kind].append(torch.is_autocast_enabled("cpu"))

    def no_bf16(outputs, inputs, **options):
        assert outputs.dtype == torch.float32 and options["create_graph"]
        slopes = real_grad(outputs, inputs, **options)
        assert all(slope.dtype == torch.float32 for slope in slopes)
        return slopes

    players.discriminator.register_forward_hook(note)
    monkeypatch.setattr(torch.autograd, "grad", no_bf16)
    losses = recipe.step(players)(recipe.batches(data).next(), 0)
    assert under["penalty"] == [False] and len(under["other"]) >= 2 and all(under["other"])
    assert all(loss.dtype == torch.float32 and loss.isfinite() for loss in losses.values())


@pytest.mark.parametrize("name", MODULES)
def test_bf16_losses_follow_those_of_fp32(name):
    """The first steps of every recipe, from the same start and the same noise."""
    _, plain = trained(name, steps=3, dtype=torch.float32)
    _, short = trained(name, steps=3, dtype=torch.float32, precision="bf16")
    pairs = [(a[term], b[term]) for a, b in zip(plain, short, strict=True) for term in a]
    assert all(abs(a - b) <= 0.05 * max(1, abs(a)) for a, b in pairs)
    assert any(a != b for a, b in pairs)


def needs_a_compiler(test):
    """torch.compile on a CPU writes C++."""
    there = any(shutil.which(name) for name in ("g++", "c++", "clang++"))
    return pytest.mark.skipif(not there, reason="there is no C++ compiler")(test)


@needs_a_compiler
@pytest.mark.slow
def test_compiled_networks_give_the_same_numbers_and_their_compiling_is_counted(tmp_path):
    plain = trained("points", steps=4, dtype=torch.float32)
    before, began = seconds_of_compiling(), time.perf_counter()
    with warnings.catch_warnings():
        warnings.filterwarnings("error", "torch.compile failed")
        compiled = trained("points", steps=4, dtype=torch.float32, compile=True)
    assert_equal_runs(plain, compiled, 1e-5)
    counted, elapsed = seconds_of_compiling() - before, time.perf_counter() - began
    assert 0.2 * elapsed < counted <= elapsed  # the ways back are in it, which torch compiles later by itself


class _Written:
    """What torch.compile returns, without compiling: notes its calls, and fails if it is told to."""

    def __init__(self, network, fails=False):
        self.network, self.fails, self.calls = network, fails, 0

    def __call__(self, *inputs):
        self.calls += 1
        if self.fails:
            raise RuntimeError("\nno g++ here\nand much more")
        return self.network(*inputs)


def test_where_compiling_fails_a_run_goes_on_without_it_and_says_so_once(monkeypatch):
    written = []
    monkeypatch.setattr(torch, "compile", lambda net, mode=None: written.append(_Written(net, True)) or written[-1])
    with pytest.warns(UserWarning, match=r"failed for Point\w+ \(no g\+\+ here\).*apt install g\+\+") as said:
        compiled = trained("points", compile=True)
    assert_equal_runs(trained("points"), compiled, 0)
    assert len(said) == 2 == len(written) and [w.calls for w in written] == [1, 1]  # a warning for each player


def test_a_mistake_in_a_network_is_not_taken_for_a_failure_of_the_compiler(monkeypatch):
    monkeypatch.setattr(torch, "compile", lambda net, mode=None: _Written(net))
    with warnings.catch_warnings(), pytest.raises(RuntimeError, match="shapes cannot be multiplied"):
        warnings.simplefilter("error")
        Engine(compile=True).call(nn.Linear(3, 1))(torch.rand(2, 4))


def test_only_calls_for_which_kernels_are_written_are_counted(monkeypatch):
    monkeypatch.setattr(torch, "compile", lambda net, mode=None: _Written(net))
    now = iter(range(100))
    monkeypatch.setattr("gancourse.training.compiled.time.perf_counter", lambda: next(now))
    net = nn.Linear(3, 1)
    function, before = Engine(compile=True).call(net), seconds_of_compiling()
    counted = []
    for shape, learning in (((2, 3), True), ((2, 3), True), ((4, 3), True), ((2, 3), False), ((4, 3), True)):
        net.requires_grad_(learning)
        function(torch.rand(shape))
        counted.append(seconds_of_compiling() - before)
    assert counted == [1, 1, 2, 3, 3]


def test_cuda_graphs_are_asked_for_on_a_cuda_device_and_elsewhere_it_is_said_that_there_are_none(monkeypatch):
    modes = []
    monkeypatch.setattr(torch, "compile", lambda net, mode=None: modes.append(mode) or net)
    net = nn.Linear(2, 1)
    with pytest.warns(UserWarning, match="needs a CUDA device, but Linear is on the cpu"):
        assert Engine(cuda_graphs=True).call(net) is net
    with pytest.warns(UserWarning, match="Going on without graphs"):
        Engine(cuda_graphs=True, compile=True).call(net)
    monkeypatch.setattr(engine, "device_type", lambda network: "cuda")
    Engine(cuda_graphs=True).call(net), Engine(compile=True).call(net)
    assert modes == [None, "reduce-overhead", None]


def test_a_step_with_graphs_begins_by_letting_go_of_the_last_ones_tensors(monkeypatch):
    done = []
    monkeypatch.setattr(torch.compiler, "cudagraph_mark_step_begin", lambda: done.append("begin"))
    for there in (False, True):
        monkeypatch.setattr(torch.cuda, "is_available", lambda there=there: there)
        Engine(cuda_graphs=True).stepping(lambda real, number: done.append(number))(None, there)
    assert done == [0, "begin", 1]
    assert Engine().stepping(len) is len


def test_tf32_is_for_a_step_and_is_put_back_also_after_a_mistake():
    def flags():
        return torch.get_float32_matmul_precision(), torch.backends.cudnn.allow_tf32

    before, within = flags(), []

    def step(real, number):
        within.append(flags())
        assert number < 1
        return {}

    recipe = recipe_class("points").for_budget("smoke", tf32=True, images=1000, batch_size=256)
    players = recipe.players(recipe.load_data())
    assert flags() == before  # making the players sets nothing for good
    with pytest.raises(AssertionError):
        recipe.trainer(players, recipe.batches(recipe.load_data()), step).run()
    assert within == [("high", True)] * 2 and flags() == before != within[0]


def test_a_precision_that_does_not_exist_is_refused():
    with pytest.raises(RecipeError, match="precision must be one of fp32, bf16, but is 'fp8'"):
        recipe_class("points").for_budget("smoke", precision="fp8")


def test_switches_are_part_of_a_runs_configuration():
    recipe = recipe_class("dcgan").for_budget("smoke", channels_last="true", precision="bf16")
    assert recipe.channels_last is True and recipe.as_config()["precision"] == "bf16"
    assert recipe_class("dcgan").from_config(recipe.as_config()) == recipe


def test_kept_fakes_and_micro_batches_exclude_each_other():
    with pytest.raises(RecipeError, match="fresh_fakes=false keeps the fakes of one whole batch"):
        recipe_class("dcgan").for_budget("smoke", fresh_fakes=False, accumulate=2)


def test_memory_that_a_step_frees_is_kept_where_there_is_glibc():
    assert keep_freed_memory() == (platform.libc_ver()[0] == "glibc")
