"""Train the course classifier again, on the 50,000 train images of Fashion-MNIST that are not embedded.

    python datasets/course_classifier/make.py

Needs the full set (see datasets/fashion_mnist/card.md). Prints the accuracy on the 10,000 test images and the
sha256 for the card. One thread, fixed seed: the same machine makes the same weights.
"""

import hashlib
from pathlib import Path

import torch
from torch.nn.functional import cross_entropy

from gancourse.data import fashion_mnist
from gancourse.data.images import Images
from gancourse.metrics.classifier import CourseClassifier

EPOCHS, BATCH, PEAK_RATE = 12, 128, 4e-3


def not_embedded(full: Images, each_class: int = 1000) -> Images:
    """The images of the train split that the embedded file leaves out."""
    kept = torch.cat([(full.labels == c).nonzero()[each_class:, 0] for c in range(10)])
    return Images("the rest", full.images[kept], full.labels[kept])


def shifted(images: torch.Tensor) -> torch.Tensor:
    """The whole batch moved by up to 2 pixels and mirrored half of the time: cheap augmentation."""
    dx, dy = torch.randint(-2, 3, (2,)).tolist()
    moved = images.roll((dx, dy), (2, 3))
    return moved.flip(3) if torch.rand(()) < 0.5 else moved


def train(data: Images) -> CourseClassifier:
    torch.manual_seed(0)
    classifier = CourseClassifier()
    optimizer = torch.optim.AdamW(classifier.parameters(), weight_decay=1e-2)
    steps = EPOCHS * (len(data) // BATCH)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, PEAK_RATE, steps)
    for _ in range(EPOCHS):
        for index in torch.randperm(len(data)).split(BATCH)[: len(data) // BATCH]:
            loss = cross_entropy(classifier(shifted(data.batch(index))), data.labels[index])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
    return classifier.eval()


@torch.no_grad()
def accuracy(classifier: CourseClassifier, data: Images) -> float:
    guesses = torch.cat([classifier(data.batch(i)).argmax(1) for i in torch.arange(len(data)).split(500)])
    return (guesses == data.labels).float().mean().item()


def main() -> None:
    torch.set_num_threads(1)
    classifier = train(not_embedded(fashion_mnist("train", "full")))
    path = Path(__file__).with_name("course_classifier.pt")
    torch.save(classifier.state_dict(), path)
    print(f"accuracy on 10,000 test images: {accuracy(classifier, fashion_mnist('test', 'full')):.4f}")
    print(f"accuracy on the 2,000 embedded: {accuracy(classifier, fashion_mnist('test')):.4f}")
    print(hashlib.sha256(path.read_bytes()).hexdigest(), path.name)


if __name__ == "__main__":
    main()
