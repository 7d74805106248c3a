"""Conditional GANs: what the label does, and that nothing which belongs to another image gets in its way."""

import json
from functools import cache

import pytest
import torch
from torch import nn

from gancourse.data import Images, LabelledBatches, ShuffledBatches, fashion_mnist
from gancourse.errors import DataError, RecipeError
from gancourse.metrics import class_agreement, class_recall, label_agreement
from gancourse.nets import (
    ConcatDiscriminator,
    ConcatGenerator,
    ConditionalBatchNorm,
    NormGenerator,
    ProjectionDiscriminator,
    condition,
    one_hot,
    projection_logit,
)
from gancourse.recipes.conditional import (
    Conditional,
    ConditionalGame,
    generate_labelled,
    labels_in_rows,
    wrong_labels,
)
from gancourse.recipes.runs import Run


@pytest.fixture(scope="module")
def clothes():
    return fashion_mnist("train")


def test_labelled_batches_are_the_shuffled_ones_with_the_labels_of_their_images(clothes):
    plain, labelled = ShuffledBatches(clothes, 3000, seed=5), LabelledBatches(clothes, 3000, seed=5)
    for _ in range(5):  # beyond the end of an epoch
        images, labels = labelled.next()
        assert torch.equal(images, plain.next())
    row = (clothes.images.float() / 127.5 - 1).flatten(1)
    first = torch.stack([(row == image.flatten()).all(1).nonzero()[0, 0] for image in images[:5]])
    assert torch.equal(clothes.labels[first], labels[:5]) and labels.dtype == torch.int64


def test_labelled_batches_go_on_where_they_stopped(clothes):
    there, here = LabelledBatches(clothes, 4000, seed=1), LabelledBatches(clothes, 4000, seed=1)
    for _ in range(3):
        there.next()
    assert there.state_dict() == {"epoch": 1, "position": 4000}
    here.load_state_dict(there.state_dict())
    assert all(torch.equal(a, b) for a, b in zip(there.next(), here.next(), strict=True))


def test_pictures_without_labels_are_refused():
    nameless = Images("holiday", torch.zeros(4, 1, 32, 32, dtype=torch.uint8))
    with pytest.raises(DataError, match="one folder for each class"):
        LabelledBatches(nameless, 2)


def test_one_hot_and_label_planes():
    labels = torch.tensor([2, 0])
    assert one_hot(labels, 4).tolist() == [[0, 0, 1, 0], [1, 0, 0, 0]]
    images = torch.randn(2, 3, 5, 7, dtype=torch.float64)
    joined = condition(images, labels, 4)
    assert joined.shape == (2, 7, 5, 7) and joined.dtype == torch.float64
    assert torch.equal(joined[:, :3], images)
    assert joined[0, 3:].mean((1, 2)).tolist() == [0, 0, 1, 0] and joined[:, 3:].std((2, 3)).max() == 0


def test_the_projection_logit_is_a_log_likelihood_ratio():
    """Two Gaussians of variance 1 for each class: log p(x | y) - log q(x | y) from the densities themselves."""
    m, n = torch.randn(4, 2), torch.randn(4, 2)
    x, y = 3 * torch.randn(50, 2), torch.randint(4, (50,))
    ratio = (x - n[y]).pow(2).sum(1) / 2 - (x - m[y]).pow(2).sum(1) / 2
    rows = torch.cat([m - n, (n.pow(2).sum(1) - m.pow(2).sum(1))[:, None] / 2], 1)
    logit = projection_logit(torch.cat([x, torch.ones(50, 1)], 1), y, rows, torch.zeros(3), torch.tensor(0.0))
    assert torch.allclose(logit, ratio, atol=1e-4)


def test_conditional_batch_norm_is_plain_at_the_start_and_keeps_one_memory():
    x, labels = 3 * torch.randn(6, 4, 5, 5) + 1, torch.tensor([0, 1, 2, 0, 0, 1])
    layer, plain = ConditionalBatchNorm(4, 3), nn.BatchNorm2d(4)
    assert torch.allclose(layer(x, labels), plain(x), atol=1e-5)
    layer.eval(), plain.eval()
    assert torch.allclose(layer(x[:1], labels[:1]), plain(x[:1]), atol=1e-5)
    with torch.no_grad():
        layer.scale[1], layer.shift[1] = 2.0, 0.5
    changed = layer(x, labels) - plain(x)
    assert torch.allclose(changed[labels == 1], plain(x)[labels == 1] + 0.5, atol=1e-5)
    assert changed[labels != 1].abs().max() < 1e-5


@pytest.mark.parametrize("generator", [ConcatGenerator, NormGenerator])
@pytest.mark.parametrize("shape", [(1, 28, 28), (3, 32, 32)])
def test_generators_answer_to_the_label(generator, shape):
    torch.manual_seed(0)
    made = generator(8, 5, shape, width=4)
    z = torch.randn(6, 8)
    images = made(z, torch.tensor([0, 1, 2, 3, 4, 4]))
    assert images.shape == (6, *shape) and images.abs().max() <= 1
    if generator is NormGenerator:
        nn.init.normal_(made.norms[0].scale, 1.0, 0.3)
    made.eval()
    one, other = (made(z, torch.full((6,), label)) for label in (1, 3))
    assert not torch.equal(one, other)


@pytest.mark.parametrize("discriminator", [ConcatDiscriminator, ProjectionDiscriminator])
@pytest.mark.parametrize("batch_std", [False, True])
def test_discriminators_judge_the_pair(discriminator, batch_std):
    torch.manual_seed(0)
    judge = discriminator(5, (1, 32, 32), width=4, batch_std=batch_std)
    if discriminator is ProjectionDiscriminator:
        assert judge.embedding.abs().max() == 0, "the label says nothing before it has learned"
        nn.init.normal_(judge.embedding, 0.0, 0.1)
    x = torch.randn(4, 1, 32, 32)
    logits = judge(x, torch.tensor([0, 1, 2, 3]))
    assert logits.shape == (4,) and not torch.equal(logits, judge(x, torch.tensor([1, 2, 3, 4])))


class Fixed(nn.Module):
    """Says the class that is written into the first pixel; the next one in train mode."""

    def forward(self, images):
        return one_hot((images[:, 0, 0, 0].long() + self.training) % 4, 4)


def test_agreement_counts_and_leaves_the_mode():
    images = torch.tensor([0.0, 1, 2, 3, 3]).view(-1, 1, 1, 1)
    labels = torch.tensor([0, 1, 1, 3, 0])
    for training in (True, False):
        classifier = Fixed().train(training)
        assert label_agreement(classifier, images, labels) == pytest.approx(0.6)
        assert classifier.training == training
    assert class_agreement(Fixed(), images[:4], torch.tensor([0, 1, 1, 2]), 3) == [1.0, 0.5, 0.0]


def test_class_recall_sees_the_class_that_collapsed():
    torch.manual_seed(0)
    labels = torch.arange(300) % 3
    real, fake = torch.randn(300, 4), torch.randn(300, 4)
    fake[labels == 2] = 0.01 * fake[labels == 2]
    recall = class_recall(real, labels, fake, labels, 3)
    assert min(recall[:2]) > 0.6 and recall[2] < 0.1


def test_labels_in_rows_are_balanced():
    assert labels_in_rows(6, 3).tolist() == [0, 0, 1, 1, 2, 2]
    assert labels_in_rows(5, 3).tolist() == [0, 0, 1, 1, 2] and labels_in_rows(2, 3).tolist() == [0, 1]


def test_wrong_labels_are_all_the_others_and_never_the_right_one():
    torch.manual_seed(0)
    labels = torch.arange(4).repeat_interleave(300)
    wrong = wrong_labels(labels, 4)
    seen = torch.zeros(4, 4).index_put_((labels, wrong), torch.tensor(1.0), accumulate=True)
    assert seen.diag().tolist() == [0, 0, 0, 0] and seen[~torch.eye(4, dtype=bool)].min() > 60


def test_a_share_of_what_is_rejected_are_real_images_with_a_wrong_label():
    """Against the loss written out: real, 3/4 of the fakes' term and 1/4 of the term for wrong labels."""
    recipe = Conditional.for_budget("smoke", batch_std=False)
    players = recipe.players(recipe.load_data())
    batch = torch.rand(8, 1, 32, 32), torch.arange(8)

    def loss(mismatch: float) -> torch.Tensor:
        torch.manual_seed(3)
        return ConditionalGame(players, recipe.latent_dim, mismatch=mismatch).discriminator_loss(batch)

    torch.manual_seed(3)
    noise = torch.randn(8, recipe.latent_dim)
    wrong = wrong_labels(batch[1], 10)
    fakes = players.generator(noise, batch[1])
    real, fake, other = (players.discriminator(*pair) for pair in (batch, (fakes, batch[1]), (batch[0], wrong)))
    softplus = nn.functional.softplus
    assert torch.allclose(loss(0.0), (softplus(-real) + softplus(fake)).mean())
    assert torch.allclose(loss(0.25), (softplus(-real) + 0.75 * softplus(fake) + 0.25 * softplus(other)).mean())


def test_generate_labelled_restores_the_mode_and_keeps_the_order():
    torch.manual_seed(0)
    generator = ConcatGenerator(8, 3, (1, 32, 32), width=4)
    z, labels = torch.randn(7, 8), torch.tensor([0, 1, 2, 0, 1, 2, 0])
    images = generate_labelled(generator, z, labels, batch=3)
    assert generator.training and not images.requires_grad
    assert torch.allclose(images, generate_labelled(generator, z, labels), atol=1e-5)


@cache
def _end_of(**numbers):
    """Images of a short run: of the unchanged one only once."""
    recipe = Conditional.for_budget("smoke", **{"images": 160, **numbers})
    data = recipe.load_data()
    players = recipe.players(data)
    trainer = recipe.trainer(players, recipe.batches(data), recipe.step(players))
    trainer.run()
    return recipe.generate(trainer.ema.model, 20, seed=1)


@pytest.mark.slow
@pytest.mark.parametrize("change", [{"gamma": 0.0}, {"r1_every": 2}, {"batch_std": False}, {"width": 4},
                                    {"label_in_g": "norm"}, {"label_in_d": "planes"}, {"learning_rate": 2e-3},
                                    {"seed": 1}, {"betas": (0.5, 0.9)}, {"latent_dim": 8},
                                    {"ema_half_life": 10.0}, {"mismatch": 0.5}])  # fmt: skip
def test_every_number_changes_the_run(change):
    assert not torch.equal(_end_of(), _end_of(**change))


def test_each_turn_leaves_the_other_player_alone(clothes):
    recipe = Conditional.for_budget("smoke")
    players = recipe.players(recipe.load_data())
    game = ConditionalGame(players, recipe.latent_dim, gamma=1.0, r1_every=2)
    batch = torch.rand(8, 1, 32, 32), torch.arange(8)
    for turn, idle in ((game.discriminator_loss, players.generator), (game.steepness, players.generator)):
        turn(batch).backward()
        assert all(p.grad is None for p in idle.parameters())
    assert not batch[0].requires_grad
    assert set(game.step()(batch, 0)) == {"discriminator", "generator", "steepness"}
    assert set(game.step()(batch, 1)) == {"discriminator", "generator"}


def test_numbers_and_data_that_make_no_sense_are_refused(tmp_path):
    for change, message in (
        ({"label_in_g": "magic"}, "concat, norm"),
        ({"gamma": -1.0}, "gamma"),
        ({"r1_every": 0}, "r1_every"),
        ({"mismatch": 1.0}, "mismatch"),
    ):
        with pytest.raises(RecipeError, match=message):
            Conditional.for_budget("smoke", **change)
    from PIL import Image

    Image.new("L", (40, 40)).save(tmp_path / "one.png")
    with pytest.raises(DataError, match="no labels to condition on"):
        Conditional.for_budget("smoke").load_data(str(tmp_path))


@pytest.mark.slow
def test_a_run_scores_the_agreement_and_shows_a_row_a_class(tmp_path):
    recipe = Conditional.for_budget("smoke")
    run = Run(tmp_path / "run", recipe, "embedded")
    run.start()
    run.train()
    scores = run.last_scores()
    assert 0 <= scores["agreement"] <= 1 and 0.9 < scores["agreement_real"] < 0.95 and "recall" in scores
    assert "agreement" in (run.folder / "report.md").read_text()
    assert json.loads((run.folder / "config.json").read_text())["label_in_d"] == "projection"
    assert "one class in each row" in recipe.picture(run.generator(), 30).alt
