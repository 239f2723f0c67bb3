"""SIGKILL at a random moment of a training: `resume` ends with the bytes of the training that was left alone."""

from validation import kills

CONFIG = {  # dropout, batch normalisation, augmentation, random spike trains
    "model": "hybrid-lif",
    "encoding": "bernoulli",
    "steps": 4,
    "classes": 2,
    "epochs": 3,
    "seed": 2,
    "device": "cpu",
}


def test_a_killed_training_that_is_resumed_ends_with_the_same_bytes(tmp_path):
    outcomes = kills.measured(3, 3, tmp_path, CONFIG)
    assert len(outcomes) == 3 and all(each["killed"] and each["same"] for each in outcomes)
    assert not list(tmp_path.rglob("*.part"))
