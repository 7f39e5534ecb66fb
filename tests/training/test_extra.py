"""Without torch, training says which extra to install; what needs no torch works."""

from __future__ import annotations

import subprocess
import sys

WITHOUT_TORCH = """
import sys
sys.modules["torch"] = None
import soundalike.training as training
from soundalike.core.errors import MissingExtraError
print(training.load_recipe("triplet").name, training.TrainingSounds.__name__)
try:
    training.train
except MissingExtraError as error:
    print(error)
"""


def test_the_extra_is_named() -> None:
    done = subprocess.run([sys.executable, "-c", WITHOUT_TORCH], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        "triplet TrainingSounds",
        "Training needs the extra 'train': pip install 'soundalike[train]'",
    ]


def test_what_is_named_exists() -> None:
    import soundalike.training as training

    for name in training.__all__:
        assert getattr(training, name) is not None
    assert not hasattr(training, "nothing")
