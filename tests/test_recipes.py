from dataclasses import FrozenInstanceError
from itertools import pairwise

import pytest

from neuromorph import recipes
from neuromorph.encoding import ENCODINGS
from neuromorph.recipes import PHASES, factor, phase_of, recipe_of
from neuromorph.surrogate import as_surrogate

ALL = [(model, name) for model in recipes.NAMES for name in recipes.RECIPES]


# ---- phases ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("epochs", [1, 2, 3, 4, 7, 20, 100])
def test_phases_come_in_order_and_take_their_shares(epochs):
    names = [phase_of(recipe_of("hybrid"), epoch, epochs).name for epoch in range(1, epochs + 1)]
    order = [phase.name for phase in PHASES]
    assert names == sorted(names, key=order.index)
    for phase in PHASES:
        assert abs(names.count(phase.name) - phase.share * epochs) <= 1  # whole epochs


def test_twenty_epochs_are_5_10_and_5():
    names = [phase_of(recipe_of("hybrid"), epoch, 20).name for epoch in range(1, 21)]
    assert names == 5 * ["warm-up"] + 10 * ["main"] + 5 * ["fine-tuning"]


def test_rate_and_auxiliary_weight_fall_as_stated():
    assert sum(phase.share for phase in PHASES) == 1
    assert [phase.auxiliary for phase in PHASES] == [0.8, 0.4, 0.1]
    rates = [phase.rate for phase in PHASES]
    assert rates == sorted(rates, reverse=True)


# ---- the table ------------------------------------------------------------------------------------------------------


def test_the_originals_are_those_of_the_table():
    def told(model):
        recipe = recipe_of(model, "original")
        return recipe.optimiser, recipe.phases[0].rate, recipe.batch_size, recipe.epochs, recipe.steps, recipe.encoding

    assert told("ann") == told("single-step-snn") == ("adam", 1e-3, 128, 10, 1, "direct")
    assert told("temporal-snn") == ("adam", 1e-4, 128, 10, 100, "rate")
    assert told("csnn") == ("adam", 1e-2, 128, 1, 100, "direct")
    assert told("poisson-snn")[-2:] == (100, "rate")
    csnn = recipe_of("csnn", "original")
    assert (csnn.loss, csnn.surrogate, csnn.slope, csnn.watch) == ("rate", "fast_sigmoid", 25.0, 50)
    hybrid = recipe_of("hybrid", "original")
    assert (hybrid.epochs, hybrid.batch_size, hybrid.phases, hybrid.clip) == (20, 64, PHASES, 1.0)
    for model in recipes.NAMES:
        original = recipe_of(model, "original")
        assert not original.augment and original.schedule == "constant" and original.weight_decay == 0


@pytest.mark.parametrize(("model", "name"), ALL)
def test_a_recipe_can_be_followed_and_not_changed(model, name):
    recipe = recipe_of(model, name)
    as_surrogate(recipe.surrogate, slope=recipe.slope)
    assert recipe.encoding in ENCODINGS and recipe.optimiser in ("adam", "adamw")
    assert recipe.loss in ("cross-entropy", "rate") and 0 < recipe.beta < 1 <= recipe.tau
    with pytest.raises(FrozenInstanceError):
        recipe.epochs = 3


def test_the_default_csnn_stays_within_25_steps_and_5_epochs():
    recipe = recipe_of("csnn")
    assert recipe.steps <= 25 and recipe.epochs <= 5


@pytest.mark.parametrize("twin", ["hybrid-relu", "hybrid-lif"])
@pytest.mark.parametrize("name", recipes.RECIPES)
def test_twins_are_trained_alike(twin, name):
    assert recipe_of(twin, name) == recipe_of("hybrid", name)


# ---- the learning rate ----------------------------------------------------------------------------------------------


def test_one_cycle_rises_to_1_over_a_tenth_and_falls_to_a_hundredth():
    values = [factor("one-cycle", k / 1000) for k in range(1001)]
    top = values.index(max(values))
    assert top == 100 and values[top] == 1
    assert values[0] == pytest.approx(0.01) and values[-1] == pytest.approx(0.01)  # the sum of the floor and a cosine
    assert values[:top] == sorted(values[:top]) and values[top:] == sorted(values[top:], reverse=True)
    assert max(abs(a - b) for a, b in pairwise(values)) < 0.011  # no jump: 0.99 / 100 a step up


def test_a_constant_rate_is_constant():
    assert {factor("constant", k / 10) for k in range(11)} == {1.0}
