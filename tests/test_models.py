import pytest
import torch

from neuromorph import models, regime
from neuromorph.encoding import ENCODINGS
from neuromorph.hybrid import SHNONeurons

STEPS = {"ann": 1, "single-step-snn": 1, "csnn": 2}  # of a small network; 4 elsewhere

each = pytest.mark.parametrize("name", models.NAMES)


def images(n, seed=0):
    return torch.rand(n, 28, 28, generator=torch.Generator().manual_seed(seed))


def built(name, seed=0, **settings):
    """A model of few steps with seeded weights, in evaluation mode."""
    torch.manual_seed(seed)
    return models.build(name, **{"classes": 3, "steps": STEPS.get(name, 4)} | settings).eval()


def test_nine_models_are_known():
    assert models.NAMES == (
        *("hybrid", "hybrid-relu", "hybrid-lif", "hybrid-csnn", "ann", "single-step-snn", "temporal-snn", "csnn"),
        "poisson-snn",
    )


@pytest.mark.parametrize("recipe", ["default", "original"])
@each
def test_a_model_says_what_it_is(name, recipe):
    model = models.build(name, classes=5, recipe=recipe)
    chosen = models.recipe_of(name, recipe)
    assert (model.name, model.recipe, model.classes) == (name, recipe, 5)
    assert (model.encoding, model.steps, model.loss) == (chosen.encoding, chosen.steps, chosen.loss)
    other = models.build(name, encoding="latency", steps=3)
    assert (other.encoding, other.steps) == ("latency", 3)


@each
def test_a_prediction_has_logits_and_spikes_time_first(name):
    model, steps = built(name), STEPS.get(name, 4)
    with torch.no_grad():
        plain, recorded = model(images(5)), model(images(5), record=True)
    assert plain.logits.shape == (5, 3) and torch.equal(plain.logits, recorded.logits)
    assert (plain.auxiliary is not None) == name.startswith("hybrid")
    assert plain.membranes == {} and recorded.membranes.keys() == recorded.spikes.keys()
    assert (plain.spikes == {}) == (name in ("ann", "hybrid-relu"))
    for layer, spikes in recorded.spikes.items():
        assert spikes.shape == recorded.membranes[layer].shape and spikes.shape[:2] == (steps, 5)
        assert set(spikes.unique().tolist()) <= {0, 1}


@pytest.mark.parametrize("encoding", ENCODINGS)
@each
def test_every_encoding_goes_with_every_model(name, encoding):
    model = built(name, encoding=encoding)
    with torch.no_grad():
        assert model(images(3)).logits.isfinite().all()


@each
def test_an_image_is_judged_alike_in_any_batch_and_order_if_its_number_is_the_same(name):
    settings = {} if name in ("ann", "single-step-snn") else {"encoding": "bernoulli"}
    model, x, numbers = built(name, **settings), images(7), torch.arange(7) + 40
    with torch.no_grad():
        whole = model(x, numbers).logits
        alone = torch.cat([model(x[k : k + 1], numbers[k : k + 1]).logits for k in range(7)])
        turned = model(x.flip(0), numbers.flip(0)).logits.flip(0)
    assert torch.allclose(whole, alone, rtol=1e-4, atol=1e-5)  # float32 products sum in another order
    assert torch.allclose(whole, turned, rtol=1e-4, atol=1e-5)


def test_a_film_needs_no_encoding():
    film = (images(12).view(2, 6, 28, 28) > 0.5).float()
    for name in ("temporal-snn", "poisson-snn", "hybrid-lif"):
        model = built(name, steps=6)
        assert torch.equal(model.encoded(film), film.transpose(0, 1))
        assert model(film).logits.shape == (2, 3)


@each
def test_all_parameters_learn(name):
    model = built(name, steps={"csnn": 10, "ann": 1, "single-step-snn": 1}.get(name, 15)).train()
    prediction = model(images(4) * (5 if model.encoding == "direct" else 1))  # brighter: an untrained network spikes
    loss = prediction.logits.square().sum()
    (loss if prediction.auxiliary is None else loss + prediction.auxiliary.square().sum()).backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in model.parameters())
    if name.startswith("hybrid") or name in ("ann", "temporal-snn"):
        assert all(p.grad.abs().sum() > 0 for p in model.parameters())


@each
def test_products_in_bfloat16_are_close_and_all_else_stays_in_single_precision(name):
    """bfloat16 has 8 bits: products are off by 1/256 of their factors; a spike may flip."""
    steps = {"ann": 1, "single-step-snn": 1}.get(name, 15)
    exact, half = built(name, steps=steps).train(False), built(name, steps=steps, precision="bfloat16").train(False)
    x = images(16)
    one, other = exact(x, record=True), half(x, record=True)
    assert not torch.equal(one.logits, other.logits) or not one.logits.any()
    assert (one.logits - other.logits).abs().max() <= 0.1 * one.logits.abs().max().clamp(min=1)
    values = [other.logits, other.auxiliary, *other.spikes.values(), *other.membranes.values()]
    assert all(value.dtype == torch.float32 for value in values if value is not None)
    half.train()(x).logits.sum().backward()
    assert all(p.dtype == p.grad.dtype == torch.float32 for p in half.parameters() if p.grad is not None)
    assert not torch.is_autocast_enabled("cpu")


# ---- settings of oscillators ----------------------------------------------------------------------------------------


def test_the_settings_of_a_layer_build_it_again():
    layer = {"reset": "hard", "dt": 1e-12, "surrogate": "FastSigmoid(slope=7.0)", "truncate": 1}
    first = models.build("hybrid", steps=4, **layer)
    record = models.layer_settings(first)
    assert layer.items() <= record.items() and record["n_steps"] == 4
    again = models.build("hybrid", steps=4, **record)
    assert models.layer_settings(again) == record
    assert models.layer_of(again).surrogate == models.layer_of(first).surrogate
    assert models.layer_settings(models.build("ann")) is None


def test_warm_oscillators_and_those_that_differ_are_asked_for_by_a_number():
    cold, warm = models.layer_of(models.build("hybrid")), models.layer_of(models.build("hybrid", temperature=300.0))
    assert cold.noise is None and warm.noise.temperature == 300.0
    spread = models.layer_of(models.build("hybrid-csnn", spread=0.1, seed=3))
    assert cold.variability is None and set(spread.variability.spread.values()) == {0.1}
    assert spread.oscillator.Ms.shape == (60,) and spread.oscillator.Ms.std() > 0


@pytest.mark.parametrize(
    ("name", "settings", "text"),
    [
        ("hybird", {}, r"model must be one of hybrid, .*, got 'hybird'\. Did you mean 'hybrid'\?"),
        ("cnns", {}, r"Did you mean 'csnn'\?"),
        ("xyz", {}, r"got 'xyz'\. Choose one of these\."),
        (3, {}, r"model must be one of .*, got 3\."),
        ("ann", {"recipe": "orignal"}, r"recipe must be one of default, original, got 'orignal'\. Did you mean"),
        ("csnn", {"precision": "float16"}, r"precision must be one of float32, bfloat16, got 'float16'"),
        ("csnn", {"encoding": "rates"}, r"encoding must be one of .*, got 'rates'\. Did you mean 'rate'\?"),
        ("csnn", {"steps": 0}, r"steps must be a whole number >= 1, got 0"),
        ("csnn", {"classes": 1}, r"classes must be a whole number >= 2, got 1"),
        ("csnn", {"dt": 1e-12}, r"settings of oscillators must be for hybrid and hybrid-csnn, got dt for csnn"),
        ("hybrid", {"dtt": 1e-12}, r"settings of the layer must be those of SHNOLayer, got 'dtt'"),
        ("hybrid", {"n_steps": 3}, r"n_steps of the layer must be the steps of the model, 15, got 3"),
        ("hybrid", {"surrogate": "FastSigmoid(steep=1.0)"}, r"surrogate must be a name or what a surrogate prints"),
        ("hybrid", {"surrogate": "os.system(x=1)"}, r"surrogate must be one of"),
        ("hybrid", {"oscillator": "pma"}, r"oscillator of the layer must be 'easy-plane-neuron', got 'pma'"),
    ],
)
def test_a_wrong_choice_is_one_clear_line(name, settings, text):
    with pytest.raises(ValueError, match=text) as caught:
        models.build(name, **settings)
    assert "\n" not in str(caught.value)


def test_the_hybrid_s_oscillators_may_be_of_either_regime():
    for name in ("phase-slip", "burst"):
        neurons = SHNONeurons(steps=2, **regime(name))
        spikes, final = neurons(torch.zeros(2, 3, 60))
        assert spikes.shape == (2, 3, 60) and final.shape == (3, 60) and neurons.layer.n_steps == 2
