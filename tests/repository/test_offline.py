"""Without a network: the lesson's data, a check, training and the command line, in a namespace that has none."""

import subprocess
import sys

import pytest
from repository.network import cut


@pytest.mark.slow
@pytest.mark.skipif(not cut(), reason="`unshare -rn` is not allowed here: the network cannot be cut")
def test_everything_a_learner_needs_works_offline(tmp_path):
    script = (
        "import socket\n"
        "try: socket.create_connection(('192.0.2.1', 9), timeout=1)\n"
        "except OSError: pass\n"
        "else: raise SystemExit('there is a network')\n"
        "import torch, gancourse\n"
        "from gancourse.data import fashion_mnist\n"
        "from gancourse.metrics import ImageScorer\n"
        "assert len(fashion_mnist()) == 10_000\n"
        "ImageScorer(fashion_mnist('test').first(300))\n"
        "answer = lambda n, d, device='cpu': torch.randn(n, d, device=device)\n"
        "assert gancourse.check('01.sample_noise', answer) == 1.0\n"
    )
    offline = [*cut(), sys.executable]
    result = subprocess.run([*offline, "-c", script], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    train = [*offline, "-m", "gancourse.cli", "train", "vanilla", "--budget", "smoke", "--out", str(tmp_path / "run")]
    result = subprocess.run(train, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
