"""The losses of the first GAN (Goodfellow et al. 2014), written on logits.

With D = sigmoid(logit), -log D = softplus(-logit) and -log(1 - D) = softplus(logit): no logarithm of a number
that has been rounded to 0, however sure the discriminator is.
"""

from torch import Tensor
from torch.nn.functional import softplus


def discriminator_loss(real_logits: Tensor, fake_logits: Tensor, real_target: float = 1.0) -> Tensor:
    """What D minimises: minus the value of equation 1, the mean over real plus the mean over fake.

    real_logits: (N,); fake_logits: (M,). real_target below 1 is one-sided label smoothing (Salimans et al. 2016,
    section 3.4): real targets only, for a fake target above 0 would pull D* towards where the generator already is.
    """
    real = real_target * softplus(-real_logits) + (1 - real_target) * softplus(real_logits)
    return real.mean() + softplus(fake_logits).mean()


def generator_loss(fake_logits: Tensor, saturating: bool = False) -> Tensor:
    """What G minimises, from the logits (N,) that D gives its samples.

    saturating=True: E[log(1 - D)], G's side of equation 1; its gradient vanishes while D rejects the samples.
    saturating=False: -E[log D], the non-saturating loss of section 3, with the same fixed point.
    """
    if saturating:
        return -softplus(fake_logits).mean()
    return softplus(-fake_logits).mean()


def optimal_discriminator(p: Tensor, q: Tensor) -> Tensor:
    """D*(x) = p / (p + q) (proposition 1) from the densities p of the data and q of the generator at x: (N,).

    Where both are 0, neither kind of sample is ever seen and any value is optimal: we return 1/2.
    """
    total = p + q
    return (p / total.where(total > 0, 1.0)).where(total > 0, 0.5)
