"""How each model is trained, by name: a table of records. `original` trains as the published programs did, `default`
as reaches the best accuracy with the same architecture.

What a recipe leaves open, its source says: decay of the membranes beta as snnTorch's tutorials, 0.95 in dense and 0.5
in convolutional networks (Eshraghian et al., Proc. IEEE 111, 1016 (2023)).
"""

from dataclasses import dataclass, replace
from math import cos, pi

from neuromorph.names import check_name

PRECISIONS = ("float32", "bfloat16")  # of products of matrices
WARM = 0.1  # of a one-cycle training: the learning rate rises
FLOOR = 0.01  # of the learning rate: where a schedule ends


@dataclass(frozen=True)
class Phase:
    """A part of the training. share of the epochs, learning rate, weight of the auxiliary loss."""

    name: str
    share: float
    rate: float
    auxiliary: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """How a model is trained, and what in its network is a choice of training.

    epochs, batch_size : int
    phases : tuple of Phase         learning rates and weights of the auxiliary loss, one after another
    optimiser, weight_decay         "adam" | "adamw"
    schedule                        "constant": the phase's rate; "one-cycle": up over a tenth of the training, then
                                    down along a cosine to a hundredth; the factor multiplies the phase's rate
    clip : number or None           norm of the gradient, at most
    augment : bool                  training images shifted, turned and scaled at random
    loss                            "cross-entropy" of the logits, or "rate": of the output spikes of each time step
    steps, encoding                 of the network, where the call gives none
    surrogate, slope                by snnTorch's name
    beta, threshold                 of leaky neurons: decay of a step, and where they spike
    tau : steps                     of the neuron of `poisson-snn`
    gain                            the logits are gain x the read-out: cross-entropy wants numbers of order 1
    watch : int                     iterations between looks at 1,000 test images, 0: none
    """

    phases: tuple
    epochs: int = 10
    batch_size: int = 128
    optimiser: str = "adam"
    weight_decay: float = 0.0
    schedule: str = "constant"
    clip: float | None = None
    augment: bool = False
    loss: str = "cross-entropy"
    steps: int = 1
    encoding: str = "direct"
    surrogate: str = "atan"
    slope: float = 2.0
    beta: float = 0.95
    threshold: float = 1.0
    tau: float = 2.0
    gain: float = 1.0
    watch: int = 0


def at(rate):
    """One phase at this rate."""
    return (Phase("main", 1.0, rate),)


PHASES = (Phase("warm-up", 0.25, 2e-3, 0.8), Phase("main", 0.5, 1e-3, 0.4), Phase("fine-tuning", 0.25, 2e-4, 0.1))
HYBRID = Recipe(phases=PHASES, epochs=20, batch_size=64, clip=1.0, steps=15, surrogate="fast_sigmoid", slope=5.0)
DENSE = Recipe(phases=at(1e-3))
BETTER = {"optimiser": "adamw", "weight_decay": 1e-4, "schedule": "one-cycle", "augment": True}
TEMPORAL = replace(DENSE, phases=at(1e-4), steps=100, encoding="rate")
SLOPE_25 = {"surrogate": "fast_sigmoid", "slope": 25.0}
CSNN = Recipe(phases=at(1e-2), epochs=1, loss="rate", steps=100, **SLOPE_25, beta=0.5, watch=50)
POISSON = Recipe(phases=at(1e-3), steps=100, encoding="rate", **SLOPE_25)

ORIGINAL = {
    **dict.fromkeys(("hybrid", "hybrid-relu", "hybrid-lif", "hybrid-csnn"), HYBRID),
    "ann": DENSE,
    "single-step-snn": DENSE,
    "temporal-snn": TEMPORAL,
    "csnn": CSNN,
    "poisson-snn": POISSON,
}
DEFAULT = {
    **dict.fromkeys(
        ("hybrid", "hybrid-relu", "hybrid-lif", "hybrid-csnn"),
        replace(HYBRID, optimiser="adamw", weight_decay=1e-4, augment=True),
    ),
    "ann": replace(DENSE, **BETTER, phases=at(3e-3)),
    "single-step-snn": replace(DENSE, **BETTER, phases=at(3e-3)),
    "temporal-snn": replace(TEMPORAL, **BETTER, phases=at(2e-3), encoding="bernoulli"),
    "csnn": replace(CSNN, **BETTER, phases=at(2e-3), epochs=5, loss="cross-entropy", steps=10, gain=1.0, clip=1.0),
    "poisson-snn": replace(POISSON, **BETTER, phases=at(3e-3), encoding="bernoulli", slope=5.0, gain=0.2),
}
RECIPES = {"default": DEFAULT, "original": ORIGINAL}
NAMES = tuple(ORIGINAL)


def recipe_of(model, name="default"):
    """The Recipe of a model by its name, "default" or "original"; ValueError for an unknown one of either."""
    check_name("model", model, NAMES)
    check_name("recipe", name, tuple(RECIPES))
    return RECIPES[name][model]


def phase_of(recipe, epoch, epochs):
    """The Phase of an epoch, counted from 1, of so many."""
    done = (epoch - 0.5) / epochs
    for phase in recipe.phases[:-1]:
        done -= phase.share
        if done < 0:
            return phase
    return recipe.phases[-1]


def factor(schedule, done):
    """The factor on the learning rate where `done`, in [0, 1], of the training is behind."""
    if schedule == "constant":
        return 1.0
    if done < WARM:
        return FLOOR + (1 - FLOOR) * done / WARM
    return FLOOR + (1 - FLOOR) * (1 + cos(pi * (done - WARM) / (1 - WARM))) / 2
