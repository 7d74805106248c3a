"""Wrong answers of lesson 04 that people really give, each with the words that its diagnosis must contain."""

import torch
import torch.nn.functional as F
from torch import nn

from gancourse.authoring.answers import wrong
from gancourse.objectives import discriminator_loss, generator_loss


def one_hot(labels, classes):
    return F.one_hot(labels, classes).float()


# one_hot


@wrong("one_hot", says="not written yet")
def hot_untouched(labels, classes):
    raise NotImplementedError


@wrong("one_hot", says="no return")
def hot_forgotten_return(labels, classes):
    F.one_hot(labels, classes).float()


@wrong("one_hot", says="integers cannot be concatenated")
def hot_integers(labels, classes):
    return F.one_hot(labels, classes)


@wrong("one_hot", says="a class that is missing from the batch")
def hot_classes_from_the_batch(labels, classes):
    return F.one_hot(labels).float()


@wrong("one_hot", says="transposed")
def hot_transposed(labels, classes):
    return F.one_hot(labels, classes).float().T


@wrong("one_hot", says="off by one")
def hot_from_one(labels, classes):
    return torch.eye(classes, device=labels.device)[labels - 1]


@wrong("one_hot", says="whatever the label is")
def hot_holds_the_label(labels, classes):
    return F.one_hot(labels, classes).float() * labels[:, None]


@wrong("one_hot", says="0 where the class is another one")
def hot_plus_minus(labels, classes):
    return 2 * F.one_hot(labels, classes).float() - 1


@wrong("one_hot", says="more than one 1")
def hot_every_label_in_every_row(labels, classes):
    rows = torch.zeros(len(labels), classes)
    rows[:, labels] = 1
    return rows


@wrong("one_hot", says="all 0")
def hot_scatter_not_returned(labels, classes):
    rows = torch.zeros(len(labels), classes)
    rows.scatter(1, labels[:, None], 1.0)
    return rows


@wrong("one_hot", says="batch of 1")
def hot_squeezed(labels, classes):
    return F.one_hot(labels, classes).float().squeeze()


@wrong("one_hot", says="float64")
def hot_double(labels, classes):
    return F.one_hot(labels, classes).double()


@wrong("one_hot", says="another device")
def hot_on_the_cpu(labels, classes):
    return torch.zeros(len(labels), classes).scatter_(1, labels[:, None], 1.0)


# condition


@wrong("condition", says="not written yet")
def condition_untouched(images, labels, classes):
    raise NotImplementedError


@wrong("condition", says="classes have no order")
def condition_one_number(images, labels, classes):
    plane = labels.view(-1, 1, 1, 1).to(images).expand(-1, 1, *images.shape[2:])
    return torch.cat([images, plane], 1)


@wrong("condition", says="not broadcast")
def condition_one_pixel(images, labels, classes):
    planes = torch.zeros(len(images), classes, *images.shape[2:]).to(images)
    planes[:, :, 0, 0] = one_hot(labels, classes).to(images)
    return torch.cat([images, planes], 1)


@wrong("condition", says="your code raised")
def condition_never_expanded(images, labels, classes):
    return torch.cat([images, one_hot(labels, classes)[:, :, None, None]], 1)


@wrong("condition", says="planes come first")
def condition_planes_first(images, labels, classes):
    planes = one_hot(labels, classes).to(images)[:, :, None, None].expand(-1, -1, *images.shape[2:])
    return torch.cat([planes, images], 1)


@wrong("condition", says="your code raised")
def condition_square_only(images, labels, classes):
    size = images.shape[-1]
    planes = one_hot(labels, classes)[:, :, None, None].expand(-1, -1, size, size)
    return torch.cat([images, planes], 1)


@wrong("condition", says="your code raised")
def condition_one_size_only(images, labels, classes):
    planes = one_hot(labels, classes)[:, :, None, None].expand(-1, -1, 32, 32)
    return torch.cat([images, planes], 1)


@wrong("condition", says="torch.bfloat16 came back")
def condition_float32_planes(images, labels, classes):
    planes = one_hot(labels, classes)[:, :, None, None].expand(-1, -1, *images.shape[2:])
    return torch.cat([images, planes], 1)


@wrong("condition", says="torch.float64 came back")
def condition_float32_result(images, labels, classes):
    planes = one_hot(labels, classes)[:, :, None, None].expand(-1, -1, *images.shape[2:])
    return torch.cat([images.float(), planes], 1)


@wrong("condition", says="no gradient reaches the images")
def condition_detached(images, labels, classes):
    planes = one_hot(labels, classes).to(images)[:, :, None, None].expand(-1, -1, *images.shape[2:])
    return torch.cat([images.detach(), planes], 1)


@wrong("condition", says="channels are dim 1")
def condition_along_the_width(images, labels, classes):
    rows = one_hot(labels, classes).to(images)[:, None, None].expand(-1, *images.shape[1:3], -1)
    return torch.cat([images, rows], -1)


@wrong("condition", says="beside the image's own")
def condition_added(images, labels, classes):
    return images + labels.view(-1, 1, 1, 1)


@wrong("condition", says="other labels")
def condition_first_label_for_all(images, labels, classes):
    planes = one_hot(labels[:1].expand(len(labels)), classes).to(images)
    return torch.cat([images, planes[:, :, None, None].expand(-1, -1, *images.shape[2:])], 1)


@wrong("condition", says="came back changed")
def condition_scales_the_image(images, labels, classes):
    planes = one_hot(labels, classes).to(images)[:, :, None, None].expand(-1, -1, *images.shape[2:])
    return torch.cat([(images + 1) / 2, planes], 1)


@wrong("condition", says="a plane is constant")
def condition_label_mixed_up_by_view(images, labels, classes):
    n, _, h, w = images.shape
    rows = one_hot(labels, classes).to(images)
    return torch.cat([images, rows.repeat(1, h * w).view(n, classes, h, w)], 1)


# conditional_train_step and repaired_step


def step(generator, discriminator, g_optimizer, d_optimizer, real, labels, latent_dim, **how):
    """One right step, except for what `how` spoils."""

    def same(labels):
        return labels

    n = len(real)
    made_as, judged_as = how.get("made_as", same), how.get("judged_as", same)
    wanted = made_as(labels)
    noise = torch.randn(n, latent_dim)
    fake = generator(noise, wanted)
    fake = fake if how.get("no_detach") else fake.detach()
    real_logits = discriminator(real, how.get("real_as", same)(labels))
    d_loss = discriminator_loss(real_logits, discriminator(fake, judged_as(wanted)))
    if not how.get("d_keeps"):
        d_optimizer.zero_grad()
    d_loss.backward()
    d_optimizer.step()
    if not how.get("g_keeps"):
        g_optimizer.zero_grad()
    wanted = made_as(labels)
    noise = noise if how.get("same_noise") else torch.randn(n, latent_dim)
    fooled = discriminator(generator(noise, wanted), how.get("g_judged_as", judged_as)(wanted))
    g_loss = how.get("g", generator_loss)(fooled)
    g_loss.backward()
    g_optimizer.step()
    return d_loss.detach(), g_loss.detach()


@wrong("conditional_train_step", says="not written yet")
@wrong("repaired_step", says="not written yet")
def step_untouched(generator, discriminator, g_optimizer, d_optimizer, real, labels, latent_dim):
    raise NotImplementedError


@wrong("conditional_train_step", says="D must be told the label")
def step_label_to_g_only(generator, discriminator, g_optimizer, d_optimizer, real, labels, latent_dim):
    fake = generator(torch.randn(len(real), latent_dim), labels).detach()
    d_loss = discriminator_loss(discriminator(real), discriminator(fake))
    d_optimizer.zero_grad()
    d_loss.backward()
    d_optimizer.step()
    g_loss = generator_loss(discriminator(generator(torch.randn(len(real), latent_dim), labels)))
    g_optimizer.zero_grad()
    g_loss.backward()
    g_optimizer.step()
    return d_loss.detach(), g_loss.detach()


@wrong("conditional_train_step", says="G must be told what to make")
def step_label_to_d_only(generator, discriminator, g_optimizer, d_optimizer, real, labels, latent_dim):
    return step(lambda z, y: generator(z), discriminator, g_optimizer, d_optimizer, real, labels, latent_dim)


@wrong("conditional_train_step", says="real images keep their own labels")
def step_random_labels_with_real(*args):
    return step(*args, real_as=lambda labels: labels[torch.randperm(len(labels))].roll(1))


@wrong("conditional_train_step", says="real images keep their own labels")
@wrong("repaired_step", says="real images keep their own labels")
def step_real_labels_rolled(*args):
    return step(*args, real_as=lambda labels: labels.roll(1))


@wrong("conditional_train_step", says="judged with the label that made it")
@wrong("repaired_step", says="judged with the label that made it")
def step_fakes_judged_with_the_batchs_labels(*args):
    return step(*args, made_as=lambda y: y[torch.randperm(len(y))], judged_as=lambda y: args[5])


@wrong("conditional_train_step", says="judged with the label that made it")
def step_wrong_labels_in_gs_turn_only(*args):
    return step(*args, g_judged_as=lambda y: y.roll(1))


@wrong("conditional_train_step", says="which no image of the batch has")
@wrong("repaired_step", says="which no image of the batch has")
def step_ten_classes_drawn(*args):
    return step(*args, made_as=lambda y: torch.randint(0, 10, y.shape))


@wrong("repaired_step", says="which no image of the batch has")
def step_still_nine_classes(*args):
    return step(*args, made_as=lambda y: torch.randint(0, 9, y.shape))


@wrong("conditional_train_step", says="another balance of classes")
@wrong("repaired_step", says="another balance of classes")
def step_uniform_over_what_is_there(*args):
    def drawn(labels):
        there = labels.unique()
        return there[torch.randint(len(there), labels.shape)]

    return step(*args, made_as=drawn)


@wrong("conditional_train_step", says="one label for the whole batch")
def step_one_label(*args):
    return step(*args, made_as=lambda y: y[:1].expand(len(y)))


@wrong("conditional_train_step", says="one-hot rows or planes themselves")
def step_one_hot_to_the_players(generator, discriminator, g_optimizer, d_optimizer, real, labels, latent_dim):
    rows = one_hot(labels, 10)
    return step(generator, discriminator, g_optimizer, d_optimizer, real, rows, latent_dim)


@wrong("conditional_train_step", says="D kept the gradient that G's turn left")
@wrong("repaired_step", says="D kept the gradient that G's turn left")
def step_leaks(generator, discriminator, g_optimizer, d_optimizer, real, labels, latent_dim):
    fake = generator(torch.randn(len(real), latent_dim), labels).detach()
    d_loss = discriminator_loss(discriminator(real, labels), discriminator(fake, labels))
    d_loss.backward()
    d_optimizer.step()
    d_optimizer.zero_grad()
    g_loss = generator_loss(discriminator(generator(torch.randn(len(real), latent_dim), labels), labels))
    g_loss.backward()
    g_optimizer.step()
    g_optimizer.zero_grad()
    return d_loss.detach(), g_loss.detach()


@wrong("conditional_train_step", says="never cleared")
def step_never_clears(*args):
    return step(*args, d_keeps=True, g_keeps=True)


@wrong("conditional_train_step", says="detach the fakes")
@wrong("repaired_step", says="detach the fakes")
def step_no_detach(*args):
    return step(*args, no_detach=True)


@wrong("conditional_train_step", says="the same noise was used twice")
def step_same_noise(*args):
    return step(*args, same_noise=True)


@wrong("conditional_train_step", says="label them 1 in G's turn")
def step_g_label_zero(*args):
    return step(*args, g=lambda logits: F.softplus(logits).mean())


@wrong("conditional_train_step", says="saturating loss")
def step_saturating(*args):
    return step(*args, g=lambda logits: generator_loss(logits, saturating=True))


@wrong("conditional_train_step", says="eval mode")
def step_in_eval_mode(generator, *args):
    generator.eval()
    return step(generator, *args)


# label_agreement


@wrong("label_agreement", says="not written yet")
def agreement_untouched(classifier, images, labels):
    raise NotImplementedError


@wrong("label_agreement", says="in percent")
def agreement_percent(classifier, images, labels):
    classifier.eval()
    return 100 * (classifier(images).argmax(1) == labels).float().mean().item()


@wrong("label_agreement", says="divide by all of them")
def agreement_count(classifier, images, labels):
    classifier.eval()
    return (classifier(images).argmax(1) == labels).sum().item()


@wrong("label_agreement", says="N x N")
def agreement_broadcast(classifier, images, labels):
    classifier.eval()
    return (classifier(images).argmax(1, keepdim=True) == labels).float().mean().item()


@wrong("label_agreement", says="mean probability")
def agreement_soft(classifier, images, labels):
    classifier.eval()
    return classifier(images).softmax(1)[torch.arange(len(labels)), labels].mean().item()


@wrong("label_agreement", says="disagree")
def agreement_inverted(classifier, images, labels):
    classifier.eval()
    return (classifier(images).argmax(1) != labels).float().mean().item()


@wrong("label_agreement", says="your code raised")
def agreement_wrong_axis(classifier, images, labels):
    classifier.eval()
    return (classifier(images).argmax(0) == labels).float().mean().item()


@wrong("label_agreement", says="put it into eval mode first")
def agreement_mode_untouched(classifier, images, labels):
    with torch.no_grad():
        return (classifier(images).argmax(1) == labels).float().mean().item()


@wrong("label_agreement", says="leave the mode as you found it")
def agreement_left_in_eval(classifier, images, labels):
    classifier.eval()
    with torch.no_grad():
        return (classifier(images).argmax(1) == labels).float().mean().item()


@wrong("label_agreement", says="leave the mode as you found it")
def agreement_always_back_to_train(classifier, images, labels):
    classifier.eval()
    share = (classifier(images).argmax(1) == labels).float().mean().item()
    classifier.train()
    return share


@wrong("label_agreement", says="one number")
def agreement_per_image(classifier, images, labels):
    classifier.eval()
    return (classifier(images).argmax(1) == labels).float()


@wrong("label_agreement", says="the last batch is smaller")
def agreement_of_batches(classifier, images, labels):
    training = classifier.training
    classifier.eval()
    with torch.no_grad():
        shares = [
            (classifier(x).argmax(1) == y).float().mean().item()
            for x, y in zip(images.split(256), labels.split(256), strict=True)
        ]
    classifier.train(training)
    return sum(shares) / len(shares)


@wrong("label_agreement", says="changed or frozen")
def agreement_freezes(classifier, images, labels):
    training = classifier.training
    classifier.eval().requires_grad_(False)
    share = (classifier(images).argmax(1) == labels).float().mean().item()
    classifier.train(training)
    return share


# projection_logit


@wrong("projection_logit", says="not written yet")
def projection_untouched(features, labels, embedding, weight, bias):
    raise NotImplementedError


@wrong("projection_logit", says="psi is missing")
def projection_without_psi(features, labels, embedding, weight, bias):
    return (features * embedding[labels]).sum(1)


@wrong("projection_logit", says="the label plays no part")
def projection_without_label(features, labels, embedding, weight, bias):
    return features @ weight + bias


@wrong("projection_logit", says="the bias of psi is missing")
def projection_without_bias(features, labels, embedding, weight, bias):
    return features @ weight + (features * embedding[labels]).sum(1)


@wrong("projection_logit", says="row by row")
def projection_all_with_all(features, labels, embedding, weight, bias):
    return features @ weight + bias + features @ embedding[labels].T


@wrong("projection_logit", says="only the sample's own label")
def projection_every_class(features, labels, embedding, weight, bias):
    return (features @ weight + bias)[:, None] + features @ embedding.T


@wrong("projection_logit", says="every class was summed")
def projection_sum_of_classes(features, labels, embedding, weight, bias):
    return features @ weight + bias + (features @ embedding.T).sum(1)


@wrong("projection_logit", says="not their sum")
def projection_mean(features, labels, embedding, weight, bias):
    return features @ weight + bias + (features * embedding[labels]).mean(1)


@wrong("projection_logit", says="column")
def projection_column(features, labels, embedding, weight, bias):
    return (features @ weight + bias + (features * embedding[labels]).sum(1))[:, None]


@wrong("projection_logit", says="the cosine")
def projection_cosine(features, labels, embedding, weight, bias):
    return features @ weight + bias + F.cosine_similarity(features, embedding[labels])


@wrong("projection_logit", says="batch of 1")
def projection_squeezed(features, labels, embedding, weight, bias):
    return (features @ weight[:, None] + bias + (features * embedding[labels]).sum(1, keepdim=True)).squeeze()


@wrong("projection_logit", says="logit was asked for")
def projection_sigmoid(features, labels, embedding, weight, bias):
    return (features @ weight + bias + (features * embedding[labels]).sum(1)).sigmoid()


@wrong("projection_logit", says="wrong gradient reaches features")
def projection_detached_features(features, labels, embedding, weight, bias):
    return features @ weight + bias + (features.detach() * embedding[labels]).sum(1)


@wrong("projection_logit", says="no gradient reaches embedding")
def projection_detached_embedding(features, labels, embedding, weight, bias):
    return features @ weight + bias + (features * embedding[labels].detach()).sum(1)


@wrong("projection_logit", says="not multiplied with the features")
def projection_embedding_added(features, labels, embedding, weight, bias):
    return features @ weight + bias + embedding[labels].sum(1)


@wrong("projection_logit", says="in order of the batch")
def projection_first_rows(features, labels, embedding, weight, bias):
    return features @ weight + bias + (features * embedding[: len(features)]).sum(1)


# ConditionalBatchNorm


class Layer(nn.Module):
    """A right layer, for others to spoil."""

    def __init__(self, channels, classes, **norm):
        super().__init__()
        self.norm = nn.BatchNorm2d(channels, **{"affine": False} | norm)
        self.scale = nn.Parameter(torch.ones(classes, channels))
        self.shift = nn.Parameter(torch.zeros(classes, channels))

    def forward(self, x, labels):
        return self.norm(x) * self.scale[labels][:, :, None, None] + self.shift[labels][:, :, None, None]


@wrong("ConditionalBatchNorm", says="not written yet")
class NormUntouched(nn.Module):
    def __init__(self, channels, classes):
        raise NotImplementedError


@wrong("ConditionalBatchNorm", says="not written yet")
class NormForwardUntouched(Layer):
    def forward(self, x, labels):
        raise NotImplementedError


@wrong("ConditionalBatchNorm", says="centred at 0")
class NormScaleAtZero(Layer):
    def __init__(self, channels, classes):
        super().__init__(channels, classes)
        nn.init.normal_(self.scale, 0.0, 0.02)


@wrong("ConditionalBatchNorm", says="starts with random numbers")
class NormEmbeddingAsShipped(nn.Module):
    def __init__(self, channels, classes):
        super().__init__()
        self.norm = nn.BatchNorm2d(channels, affine=False)
        self.gamma, self.beta = nn.Embedding(classes, channels), nn.Embedding(classes, channels)

    def forward(self, x, labels):
        return self.norm(x) * self.gamma(labels)[:, :, None, None] + self.beta(labels)[:, :, None, None]


@wrong("ConditionalBatchNorm", says="not one a class")
class NormOneMemoryAClass(nn.Module):
    def __init__(self, channels, classes):
        super().__init__()
        self.norms = nn.ModuleList(nn.BatchNorm2d(channels) for _ in range(classes))

    def forward(self, x, labels):
        out = torch.empty_like(x)
        for label in labels.unique().tolist():
            out[labels == label] = self.norms[label](x[labels == label])
        return out


@wrong("ConditionalBatchNorm", says="normalise the whole batch")
class NormEachClassByItself(Layer):
    def forward(self, x, labels):
        out = torch.empty_like(x)
        for label in labels.unique().tolist():
            mine = labels == label
            out[mine] = self.norm(x[mine]) * self.scale[label][:, None, None] + self.shift[label][:, None, None]
        return out


@wrong("ConditionalBatchNorm", says="a scale and shift of its own too")
class NormTwoScales(Layer):
    def __init__(self, channels, classes):
        super().__init__(channels, classes, affine=True)


@wrong("ConditionalBatchNorm", says="each class needs its own")
class NormNoLabels(nn.Module):
    def __init__(self, channels, classes):
        super().__init__()
        self.norm = nn.BatchNorm2d(channels)

    def forward(self, x, labels):
        return self.norm(x)


@wrong("ConditionalBatchNorm", says="each class needs both")
class NormScaleOnly(nn.Module):
    def __init__(self, channels, classes):
        super().__init__()
        self.norm = nn.BatchNorm2d(channels, affine=False)
        self.scale = nn.Parameter(torch.ones(classes, channels))

    def forward(self, x, labels):
        return self.norm(x) * self.scale[labels][:, :, None, None]


@wrong("ConditionalBatchNorm", says="nothing can learn")
class NormPlainTensors(nn.Module):
    def __init__(self, channels, classes):
        super().__init__()
        self.norm = nn.BatchNorm2d(channels, affine=False)
        self.scale, self.shift = torch.ones(classes, channels), torch.zeros(classes, channels)

    def forward(self, x, labels):
        return self.norm(x) * self.scale[labels][:, :, None, None] + self.shift[labels][:, :, None, None]


@wrong("ConditionalBatchNorm", says="for every channel")
class NormOneNumberAClass(nn.Module):
    def __init__(self, channels, classes):
        super().__init__()
        self.norm = nn.BatchNorm2d(channels, affine=False)
        self.scale = nn.Parameter(torch.ones(classes, 1))
        self.shift = nn.Parameter(torch.zeros(classes, 1))

    def forward(self, x, labels):
        return self.norm(x) * self.scale[labels][:, :, None, None] + self.shift[labels][:, :, None, None]


@wrong("ConditionalBatchNorm", says="instance norm")
class NormInstance(Layer):
    def forward(self, x, labels):
        x = F.instance_norm(x)
        return x * self.scale[labels][:, :, None, None] + self.shift[labels][:, :, None, None]


@wrong("ConditionalBatchNorm", says="not normalised by the batch")
class NormMissing(Layer):
    def forward(self, x, labels):
        return x * self.scale[labels][:, :, None, None] + self.shift[labels][:, :, None, None]


@wrong("ConditionalBatchNorm", says="look at eps")
class NormMomentumAsEps(Layer):
    def __init__(self, channels, classes):
        super().__init__(channels, classes)
        self.norm = nn.BatchNorm2d(channels, 0.8, affine=False)


@wrong("ConditionalBatchNorm", says="the batch's own statistics")
class NormWithoutMemory(Layer):
    def __init__(self, channels, classes):
        super().__init__(channels, classes, track_running_stats=False)


@wrong("ConditionalBatchNorm", says="not those of nn.BatchNorm2d")
class NormOtherMomentum(Layer):
    def __init__(self, channels, classes):
        super().__init__(channels, classes, momentum=0.9)


@wrong("ConditionalBatchNorm", says="share a scale or shift")
class NormLabelIgnored(Layer):
    def forward(self, x, labels):
        return super().forward(x, torch.zeros_like(labels))


@wrong("ConditionalBatchNorm", says="mixed")
class NormMeanOfTheBatchsScales(Layer):
    def forward(self, x, labels):
        scale, shift = self.scale[labels].mean(0), self.shift[labels].mean(0)
        return self.norm(x) * scale[:, None, None] + shift[:, None, None]


@wrong("ConditionalBatchNorm", says="no gradient")
class NormDetached(Layer):
    def forward(self, x, labels):
        scale, shift = self.scale[labels].detach(), self.shift[labels].detach()
        return self.norm(x) * scale[:, :, None, None] + shift[:, :, None, None]


@wrong("ConditionalBatchNorm", says="in this order")
class NormShiftsFirst(Layer):
    def forward(self, x, labels):
        return (self.norm(x) + self.shift[labels][:, :, None, None]) * self.scale[labels][:, :, None, None]


@wrong("one_hot", says="where the ones you are given live")
def one_hot_compared_on_the_cpu(labels, classes):
    return (labels[:, None] == torch.arange(classes)).float()


@wrong("one_hot", says="where the ones you are given live")
def one_hot_looked_up_on_the_cpu(labels, classes):
    return torch.eye(classes)[labels]


@wrong("condition", says="where the ones you are given live")
def condition_looked_up_on_the_cpu(images, labels, classes):
    planes = torch.eye(classes)[labels][:, :, None, None].expand(-1, -1, *images.shape[2:])
    return torch.cat([images, planes], 1)


@wrong("ConditionalBatchNorm", says="two pixels of one class")
class NormRepeatsTheWrongWay(Layer):
    def forward(self, x, labels):
        places = x.shape[2] * x.shape[3]
        scale, shift = (p[labels].repeat(1, places).view_as(x) for p in (self.scale, self.shift))
        return self.norm(x) * scale + shift


@wrong("ConditionalBatchNorm", says="no gradient reaches what lies before")
class NormCutsTheGraph(Layer):
    def forward(self, x, labels):
        return super().forward(x.detach(), labels)


@wrong("ConditionalBatchNorm", says="mean and variance have a graph too")
class NormOfFixedStatistics(Layer):
    def forward(self, x, labels):
        with torch.no_grad():
            self.norm(x)
            mean, variance = x.mean((0, 2, 3), keepdim=True), x.var((0, 2, 3), correction=0, keepdim=True)
        if not self.training:
            return super().forward(x, labels)
        x = (x - mean) / (variance + 1e-5).sqrt()
        return x * self.scale[labels][:, :, None, None] + self.shift[labels][:, :, None, None]


@wrong("ConditionalBatchNorm", says="store the scales as they are used")
class NormOfPositiveScales(Layer):
    def forward(self, x, labels):
        return self.norm(x) * self.scale[labels].relu()[:, :, None, None] + self.shift[labels][:, :, None, None]


@wrong("ConditionalBatchNorm", says="bias=False")
class NormOfLinears(nn.Module):
    def __init__(self, channels, classes):
        super().__init__()
        self.norm, self.classes = nn.BatchNorm2d(channels, affine=False), classes
        self.scale, self.shift = nn.Linear(classes, channels), nn.Linear(classes, channels)

    def forward(self, x, labels):
        rows = F.one_hot(labels, self.classes).float()
        return self.norm(x) * self.scale(rows)[:, :, None, None] + self.shift(rows)[:, :, None, None]


@wrong("ConditionalBatchNorm", says="a Python list hides")
class NormHiddenInAList(nn.Module):
    def __init__(self, channels, classes):
        super().__init__()
        self.norm = nn.BatchNorm2d(channels, affine=False)
        self.scale = nn.Parameter(torch.ones(classes, channels))
        self.shifts = [nn.Parameter(torch.zeros(channels)) for _ in range(classes)]

    def forward(self, x, labels):
        shift = torch.stack([self.shifts[label] for label in labels])
        return self.norm(x) * self.scale[labels][:, :, None, None] + shift[:, :, None, None]


@wrong("ConditionalBatchNorm", says="permute moves axes back")
class NormReshapesBack(Layer):
    def forward(self, x, labels):
        last = self.norm(x).permute(0, 2, 3, 1) * self.scale[labels][:, None, None] + self.shift[labels][:, None, None]
        return last.reshape(x.shape)


@wrong("label_agreement", says="gradients are off for everybody")
def agreement_switches_gradients_off(classifier, images, labels):
    torch.set_grad_enabled(False)
    was = classifier.training
    classifier.eval()
    share = (classifier(images).argmax(1) == labels).double().mean().item()
    classifier.train(was)
    return share


@wrong("label_agreement", says="any number of classes")
def agreement_of_ten_classes(classifier, images, labels):
    was = classifier.training
    classifier.eval()
    with torch.no_grad():
        share = (classifier(images)[:, :10].argmax(1) == labels).double().mean().item()
    classifier.train(was)
    return share


@wrong("label_agreement", says="argmax(1)")
def agreement_over_the_batch(classifier, images, labels):
    with torch.no_grad():
        return (classifier.eval()(images).argmax(0) == labels).double().mean().item()


@wrong("conditional_train_step", says="as many fakes as there are reals")
def step_of_128_noises(generator, discriminator, g_optimizer, d_optimizer, real, labels, latent_dim):
    fake = generator(torch.randn(128, latent_dim), labels).detach()
    return discriminator(real, labels).mean(), discriminator(fake, labels).mean()


_ROWS = {}


@wrong("one_hot", says="a new tensor in each call")
def one_hot_in_a_kept_tensor(labels, classes):
    rows = _ROWS.setdefault((len(labels), classes), torch.zeros(len(labels), classes))
    rows.zero_()
    rows[range(len(labels)), labels] = 1
    return rows


@wrong("ConditionalBatchNorm", says="with nothing added in forward")
class NormAroundOne(nn.Module):
    def __init__(self, channels, classes):
        super().__init__()
        self.norm = nn.BatchNorm2d(channels, affine=False)
        self.classes = classes
        self.scale = nn.Linear(classes, channels, bias=False)
        self.shift = nn.Linear(classes, channels, bias=False)
        nn.init.zeros_(self.scale.weight)
        nn.init.zeros_(self.shift.weight)

    def forward(self, x, labels):
        rows = F.one_hot(labels, self.classes).float()
        return self.norm(x) * (1 + self.scale(rows)[..., None, None]) + self.shift(rows)[..., None, None]
