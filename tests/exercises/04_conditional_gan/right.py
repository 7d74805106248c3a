"""Right answers of lesson 04 in other styles than ours: every one of them must be accepted."""

import torch
import torch.nn.functional as F
from torch import nn

from gancourse.authoring.answers import right
from gancourse.objectives import discriminator_loss, generator_loss


def one_hot(labels, classes):
    return F.one_hot(labels, classes).float()


@right("one_hot")
def rows_of_the_identity(labels, classes):
    return torch.eye(classes, device=labels.device)[labels]


@right("one_hot")
def scattered(labels, classes):
    rows = torch.zeros(len(labels), classes, device=labels.device)
    return rows.scatter_(1, labels[:, None], 1.0)


@right("one_hot")
def compared(labels, classes):
    return (labels[:, None] == torch.arange(classes, device=labels.device)).float()


@right("one_hot")
def assigned(labels, classes):
    rows = torch.zeros(labels.shape[0], classes, device=labels.device)
    rows[torch.arange(len(labels), device=labels.device), labels] = 1
    return rows


@right("one_hot")
def one_by_one(labels, classes):
    rows = torch.zeros(len(labels), classes).to(labels.device)
    for i, label in enumerate(labels):
        rows[i, label.item()] = 1
    return rows


@right("one_hot")
def through_functional_to(labels, classes):
    return F.one_hot(labels, num_classes=classes).to(torch.float32)


@right("condition")
def with_ones(images, labels, classes):
    n, _, h, w = images.shape
    planes = one_hot(labels, classes).view(n, classes, 1, 1) * torch.ones(n, classes, h, w, device=images.device)
    return torch.cat((images, planes.to(images.dtype)), 1)


@right("condition")
def repeated(images, labels, classes):
    rows = one_hot(labels, classes).type_as(images)
    planes = rows.unsqueeze(-1).unsqueeze(-1).repeat(1, 1, images.size(2), images.size(3))
    return torch.cat([images, planes], dim=1)


@right("condition")
def filled(images, labels, classes):
    planes = images.new_zeros(len(images), classes, *images.shape[2:])
    planes[torch.arange(len(images), device=labels.device), labels] = 1
    return torch.cat([images, planes], 1)


@right("condition")
def filled_in_a_loop(images, labels, classes):
    n, c, h, w = images.shape
    out = torch.zeros(n, c + classes, h, w, dtype=images.dtype, device=images.device)
    out[:, :c] = images
    for i in range(n):
        out[i, c + int(labels[i])] = 1
    return out


@right("condition")
def looked_up(images, labels, classes):
    table = torch.eye(classes, dtype=images.dtype, device=images.device)
    planes = F.embedding(labels, table)[..., None, None].expand(-1, -1, images.shape[-2], images.shape[-1])
    return torch.hstack([images, planes])


@right("conditional_train_step")
@right("repaired_step")
def fakes_without_a_graph(generator, discriminator, g_optimizer, d_optimizer, real, labels, latent_dim):
    with torch.no_grad():
        fake = generator(torch.randn(len(real), latent_dim, device=real.device), labels)
    d_loss = discriminator_loss(discriminator(real, labels), discriminator(fake, labels))
    d_optimizer.zero_grad()
    d_loss.backward()
    d_optimizer.step()
    fake = generator(torch.randn(len(real), latent_dim, device=real.device), labels)
    g_loss = generator_loss(discriminator(fake, labels))
    g_optimizer.zero_grad()
    g_loss.backward()
    g_optimizer.step()
    return d_loss.detach(), g_loss.detach()


@right("conditional_train_step")
@right("repaired_step")
def labels_shuffled_among_the_fakes(generator, discriminator, g_optimizer, d_optimizer, real, labels, latent_dim):
    bce = F.binary_cross_entropy_with_logits
    mixed = labels[torch.randperm(len(labels))]
    real_logits = discriminator(real, labels)
    fake_logits = discriminator(generator(torch.randn(len(real), latent_dim), mixed).detach(), mixed)
    d_loss = bce(real_logits, torch.ones_like(real_logits)) + bce(fake_logits, torch.zeros_like(fake_logits))
    d_optimizer.zero_grad()
    d_loss.backward()
    d_optimizer.step()
    mixed = labels[torch.randperm(len(labels))]
    fooled = discriminator(generator(torch.randn(len(real), latent_dim), mixed), mixed)
    g_loss = bce(fooled, torch.ones_like(fooled))
    g_optimizer.zero_grad()
    g_loss.backward()
    g_optimizer.step()
    return d_loss.item(), g_loss.item()


@right("conditional_train_step")
@right("repaired_step")
def one_call_for_both_batches(generator, discriminator, g_optimizer, d_optimizer, real, labels, latent_dim):
    n = real.size(0)
    fake = generator(torch.randn(n, latent_dim), labels).detach()
    both = discriminator(torch.cat([real, fake]), torch.cat([labels, labels]))
    d_loss = F.softplus(-both[:n]).mean() + F.softplus(both[n:]).mean()
    discriminator.zero_grad()
    d_loss.backward()
    d_optimizer.step()
    generator.zero_grad()
    discriminator.requires_grad_(False)
    g_loss = F.softplus(-discriminator(generator(torch.randn(n, latent_dim), labels), labels)).mean()
    g_loss.backward()
    g_optimizer.step()
    discriminator.requires_grad_(True)
    return [d_loss.detach(), g_loss.detach()]


@right("conditional_train_step")
@right("repaired_step")
def by_keyword_and_cleared_after(generator, discriminator, g_optimizer, d_optimizer, real, labels, latent_dim):
    def judge(noise):
        return discriminator(generator(noise, labels=labels), labels=labels)

    with torch.no_grad():
        fake = generator(torch.randn(len(labels), latent_dim), labels=labels)
    d_loss = discriminator_loss(discriminator(real, labels=labels), discriminator(fake, labels=labels))
    d_loss.backward()
    d_optimizer.step()
    g_loss = generator_loss(judge(torch.randn(len(labels), latent_dim)))
    g_loss.backward()
    g_optimizer.step()
    d_optimizer.zero_grad()
    g_optimizer.zero_grad()
    return d_loss.detach(), g_loss.detach()


@right("label_agreement")
def with_a_loop(classifier, images, labels):
    was_training = classifier.training
    classifier.eval()
    hits = 0
    with torch.no_grad():
        for image, label in zip(images, labels, strict=True):
            hits += int(classifier(image[None]).argmax() == label)
    classifier.train(was_training)
    return hits / len(images)


@right("label_agreement")
@torch.no_grad()
def in_parts(classifier, images, labels):
    mode = classifier.training
    classifier.train(False)
    said = torch.cat([classifier(part).argmax(dim=-1) for part in images.split(5)])
    classifier.train(mode)
    return said.eq(labels).double().mean().item()


@right("label_agreement")
def modes_of_every_part(classifier, images, labels):
    modes = {module: module.training for module in classifier.modules()}
    classifier.eval()
    try:
        with torch.inference_mode():
            likely = classifier(images).softmax(1).max(1).indices
    finally:
        for module, mode in modes.items():
            module.training = mode
    return (likely == labels).sum().item() / labels.numel()


@right("label_agreement")
def as_a_tensor(classifier, images, labels):
    training = classifier.training
    with torch.no_grad():
        agreed = classifier.eval()(images).topk(1).indices.squeeze(1) == labels
    classifier.train(training)
    return agreed.float().mean()


@right("projection_logit")
def as_matrices(features, labels, embedding, weight, bias):
    return features.matmul(weight) + bias + torch.einsum("nf,nf->n", features, embedding[labels])


@right("projection_logit")
def with_functional(features, labels, embedding, weight, bias):
    psi = F.linear(features, weight[None], bias[None])[:, 0]
    return psi + (F.embedding(labels, embedding) * features).sum(dim=-1)


@right("projection_logit")
def one_direction_for_each_sample(features, labels, embedding, weight, bias):
    return ((weight + embedding[labels]) * features).sum(1) + bias


@right("projection_logit")
def all_classes_then_gathered(features, labels, embedding, weight, bias):
    every = features @ embedding.T
    return features @ weight + bias + every.gather(1, labels[:, None]).squeeze(1)


@right("projection_logit")
def sample_by_sample(features, labels, embedding, weight, bias):
    return torch.stack(
        [x.dot(weight) + bias + x.dot(embedding[y]) for x, y in zip(features, labels.tolist(), strict=True)]
    )


@right("ConditionalBatchNorm")
class TwoEmbeddings(nn.Module):
    def __init__(self, channels, classes):
        super().__init__()
        self.bn = nn.BatchNorm2d(channels, affine=False)
        self.gamma, self.beta = nn.Embedding(classes, channels), nn.Embedding(classes, channels)
        nn.init.ones_(self.gamma.weight)
        nn.init.zeros_(self.beta.weight)

    def forward(self, x, labels):
        return self.gamma(labels)[:, :, None, None] * self.bn(x) + self.beta(labels)[:, :, None, None]


@right("ConditionalBatchNorm")
class OneEmbedding(nn.Module):
    def __init__(self, channels, classes):
        super().__init__()
        self.norm = nn.BatchNorm2d(channels, affine=False)
        self.both = nn.Embedding(classes, 2 * channels)
        self.both.weight.data[:, :channels] = 1
        self.both.weight.data[:, channels:] = 0

    def forward(self, x, labels):
        scale, shift = self.both(labels).unsqueeze(-1).unsqueeze(-1).chunk(2, 1)
        return self.norm(x) * scale + shift


@right("ConditionalBatchNorm")
class ByHand(nn.Module):
    def __init__(self, channels, classes):
        super().__init__()
        self.scale = nn.Parameter(torch.ones(classes, channels, 1, 1))
        self.shift = nn.Parameter(torch.zeros(classes, channels, 1, 1))
        self.register_buffer("mean", torch.zeros(channels))
        self.register_buffer("var", torch.ones(channels))

    def forward(self, x, labels):
        normed = F.batch_norm(x, self.mean, self.var, training=self.training)
        return self.scale[labels] * normed + self.shift[labels]


@right("ConditionalBatchNorm")
class Inherited(nn.BatchNorm2d):
    def __init__(self, channels, classes):
        super().__init__(channels, affine=False)
        self.scale = nn.Parameter(torch.ones(classes, channels))
        self.shift = nn.Parameter(torch.zeros(classes, channels))

    def forward(self, x, labels):
        return super().forward(x) * self.scale[labels][:, :, None, None] + self.shift[labels][:, :, None, None]
