"""What each process of torchrun does in test_parallel.py: trains the cases for an epoch, as one process does alone."""

import sys
from pathlib import Path

import torch

from neuromorph import models, parallel, runs, training
from neuromorph.datasets import Split

CASES = {  # between them: batch normalisation of both kinds, dropout, both losses, random encodings, noise
    "hybrid-relu": {},
    "hybrid": {"steps": 2, "neural_step": 0.1e-9, "temperature": 300.0, "spread": 0.1},
    "hybrid-csnn": {"steps": 2, "neural_step": 0.1e-9},
    "csnn": {"recipe": "original", "steps": 3},
    "poisson-snn": {"steps": 5},
}
BATCH = 51  # 200 images: the last batch is of 47, neither halves evenly
WORDS = ("train", "hybrid-relu", "--classes", "2", "--epochs", "1", "--batch-size", "51", "--no-twin", "--out", "run")


def in_float64(encoded):
    """A model's `encoded` in float64, in which only a mistake makes a difference."""
    return lambda self, images, numbers=None: encoded(self, images.float(), numbers).double()


def trained(name, split):
    """The weights of a case, and what its epoch reported, after an epoch in float64 with Adam."""
    torch.manual_seed(3)
    model = parallel.joined(models.build(name, classes=2, **CASES[name]).double())
    optimiser, generator = torch.optim.Adam(model.parameters(), lr=1e-3), torch.Generator().manual_seed(4)
    settings = {"batch_size": BATCH, "generator": generator, "auxiliary": 0.4, "first": 1000}
    model_class, encoded = models.Model, models.Model.encoded
    try:
        model_class.encoded = in_float64(encoded)
        record = training.train_epoch(model, Split(split.images.double(), split.labels), optimiser, **settings)
    finally:
        model_class.encoded = encoded
    return {"weights": model.state_dict(), "record": record}


if __name__ == "__main__":
    from conftest import few_digits

    from neuromorph.__main__ import main

    torch.set_num_threads(1)
    parallel.begin(torch.device("cpu"))
    digits = few_digits()
    results = {name: trained(name, digits.train) for name in CASES}
    if parallel.is_first():
        torch.save(results, Path(sys.argv[1]) / "two.pt")
    runs.load = lambda name, *, data_dir, classes: digits
    sys.exit(main(WORDS))
