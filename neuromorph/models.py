"""The models, by name. Every model takes images (batch, 28, 28) and returns a `Prediction`.

hybrid       Linear 784-256, ReLU, Dropout, Linear 256-128, ReLU, Linear 128-60, BatchNorm, 60 oscillators over 15
             neural steps; the main head reads the weighted spike counts, the auxiliary head the final m_y
hybrid-relu  its twin: the same network and parameter count, a ReLU in place of the oscillators
hybrid-lif   its twin with leaky integrate-and-fire neurons
hybrid-csnn  two convolutions in front of the oscillators
The others are baselines, see there.
"""

from neuromorph import baselines
from neuromorph.base import Model, Prediction
from neuromorph.hybrid import (
    N_STEPS,
    NEURONS,
    Hybrid,
    LIFNeurons,
    ReLUNeurons,
    SHNONeurons,
    convolutional_front,
    disturbed,
    given_settings,
    layer_of,
    layer_settings,
)
from neuromorph.names import check_name
from neuromorph.recipes import NAMES, PRECISIONS, recipe_of
from neuromorph.surrogate import as_surrogate

__all__ = [
    "NAMES",
    "NEURONS",
    "N_STEPS",
    "TWINS",
    "Hybrid",
    "LIFNeurons",
    "Model",
    "Prediction",
    "ReLUNeurons",
    "SHNONeurons",
    "build",
    "layer_of",
    "layer_settings",
]

TWINS = {"hybrid": ("hybrid-relu", "hybrid-lif")}
WITH_OSCILLATORS = ("hybrid", "hybrid-csnn")
BASELINES = {
    "ann": baselines.Ann,
    "single-step-snn": baselines.dense_snn,
    "temporal-snn": baselines.dense_snn,
    "csnn": baselines.csnn,
    "poisson-snn": baselines.poisson_snn,
}


def build(
    name,
    *,
    classes=10,
    recipe="default",
    encoding=None,
    steps=None,
    seed=0,
    precision="float32",
    temperature=0.0,
    spread=0.0,
    **layer,
):
    """The model of that name, initialised from torch's global generator.

    name : str                 one of NAMES
    classes : int
    recipe : str               "default" or "original": what of the network it decides, and the two following
    encoding, steps            of the images, and how many steps; None: the recipe's
    seed : int                 of random encodings, of the oscillators' noise and of their first chip
    precision : str            of products of matrices, one of `recipes.PRECISIONS`; all else is in float32
    temperature, spread        of the oscillators: K, and relative standard deviation of their parameters
    layer                      further settings of the SHNOLayer, as `layer_settings` gives them
    Returns : nn.Module with attributes name, recipe, classes, encoding, steps and
        forward(images, numbers=None, record=False) -> Prediction
    Raises : ValueError, naming the known models, with the nearest name; TypeError
    """
    chosen = recipe_of(name, recipe)
    check_name("precision", precision, PRECISIONS)
    choices = {"classes": classes, "encoding": encoding or chosen.encoding, "seed": seed}
    choices["steps"] = chosen.steps if steps is None else steps
    layer = disturbed(temperature, spread, seed) | given_settings(layer, choices["steps"])
    if layer and name not in WITH_OSCILLATORS:
        had, got = " and ".join(WITH_OSCILLATORS), ", ".join(sorted(layer))
        raise ValueError(f"settings of oscillators must be for {had}, got {got} for {name}. It has none.")
    if name in BASELINES:
        model = BASELINES[name](recipe=chosen, **choices)
    else:
        front = convolutional_front() if name == "hybrid-csnn" else None
        model = Hybrid(_neurons(name, chosen, choices["steps"], layer), front=front, **choices)
    model.name, model.recipe, model.precision = name, recipe, precision
    return model


def _neurons(name, recipe, steps, layer):
    """The neurons of a hybrid."""
    if name == "hybrid-relu":
        return ReLUNeurons()
    if name == "hybrid-lif":
        surrogate = as_surrogate(recipe.surrogate, slope=recipe.slope)
        return LIFNeurons(beta=recipe.beta, threshold=recipe.threshold, surrogate=surrogate)
    return SHNONeurons(steps=steps, **layer)
