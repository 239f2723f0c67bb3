import json
from argparse import ArgumentParser
from dataclasses import replace

import numpy as np
import pytest
import torch

from neuromorph import plots, stdp
from neuromorph.stdp import Layer, Rule

RULE = Rule(membrane=7.0, trace=3.0, threshold=1.5, growth=0.05, forget=40.0, inhibition=2.0, rate=0.2, total=20.0)
RULE = replace(RULE, depression=0.1)


def trains(steps=40, batch=3, seed=0):
    """Random spikes (steps, batch, 784), one in ten."""
    generator = torch.Generator().manual_seed(seed)
    return (torch.rand(steps, batch, 784, generator=generator) < 0.1).float()


@pytest.fixture
def layer():
    return stdp.initial_layer(5, rule=RULE, seed=1)


def one_image(layer, spikes, rule, theta):
    """The equations of the module for one image, neuron by neuron, in float64; thresholds by step are given."""
    w, s = layer.weights.double().numpy(), spikes.double().numpy()
    v, z = np.zeros(w.shape[1]), np.zeros((len(s), w.shape[1]))
    for t in range(len(s)):
        for j in range(len(v)):
            v[j] = v[j] * np.exp(-1 / rule.membrane) + sum(w[i, j] for i in np.flatnonzero(s[t]))
        winner = int(np.argmax(v - theta[t]))
        if v[winner] >= rule.threshold + theta[t][winner]:
            z[t, winner] = 1
            for j in range(len(v)):
                v[j] = 0.0 if j == winner else max(v[j] - rule.inhibition, -rule.inhibition)
    return z


def test_neurons_follow_their_equations(layer):
    spikes, rule = trains(batch=1), replace(RULE, growth=0.0)
    grown = layer._replace(theta=torch.linspace(0, 1, 5))
    z, theta = stdp.present(grown, spikes, rule=rule)
    expected = one_image(grown, spikes[:, 0], rule, [np.linspace(0, 1, 5)] * len(spikes))
    np.testing.assert_array_equal(z[:, 0].numpy(), expected)
    assert 5 < z.sum() < 40 and (z.sum((0, 1)) > 0).sum() > 1  # several neurons take part, none all the time
    assert torch.equal(theta, grown.theta)


def test_a_threshold_grows_with_the_spikes_of_all_images_and_is_forgotten(layer):
    spikes = trains()
    z, theta = stdp.present(layer, spikes, rule=RULE)
    expected = np.zeros(5)
    for now in z.double().numpy():
        expected = expected * np.exp(-1 / 40.0) + 0.05 * now.sum(0)
    np.testing.assert_allclose(theta.numpy(), expected, rtol=1e-5)  # float32, 40 steps
    assert theta.max() > 0.2


def test_at_most_one_neuron_spikes_a_step_and_images_do_not_touch(layer):
    spikes, still = trains(batch=4), replace(RULE, growth=0.0)
    z, _ = stdp.present(layer, spikes, rule=still)
    assert z.sum(2).max() == 1
    alone = [stdp.present(layer, spikes[:, k : k + 1], rule=still)[0] for k in range(4)]
    assert torch.equal(z, torch.cat(alone, dim=1))


def test_a_trace_is_the_decay_since_the_last_spike():
    spikes = torch.zeros(9, 1, 1)
    spikes[[2, 4]] = 1.0
    expected = [0, 0, 1, np.exp(-1 / 3), 1, *np.exp(-np.arange(1, 5) / 3)]
    np.testing.assert_allclose(stdp.traces(spikes, 3.0).flatten().numpy(), expected, rtol=1e-6)  # float32


def test_a_batch_changes_the_weights_by_the_mean_of_the_pairs_of_its_images(layer):
    spikes = trains()
    z, theta = stdp.present(layer, spikes, rule=RULE)
    w = layer.weights.double().numpy()
    change = np.zeros_like(w)
    for image in range(3):
        x, y = np.zeros(784), np.zeros(5)
        for s, out in zip(spikes[:, image].numpy(), z[:, image].numpy(), strict=True):
            x, y = x * np.exp(-1 / 3.0), y * np.exp(-1 / 3.0)
            x[s > 0], y[out > 0] = 1.0, 1.0
            change += 0.2 * np.outer(x, out) * (1 - w) - 0.1 * np.outer(s, y) * w
    changed = np.clip(w + change / 3, 0, 1)
    after = stdp.learn(layer, spikes, rule=RULE)
    np.testing.assert_allclose(after.weights.numpy(), changed * 20.0 / changed.sum(0), rtol=1e-4, atol=1e-7)  # float32
    assert torch.equal(after.theta, theta)
    assert np.abs(changed - w).max() > 0.1  # the rule did something


def test_weights_of_a_neuron_keep_their_sum():
    layer = stdp.initial_layer(5, rule=RULE, seed=2)
    for k in range(3):
        layer = stdp.learn(layer, trains(seed=k), rule=RULE)
        torch.testing.assert_close(layer.weights.sum(0), torch.full((5,), 20.0), rtol=1e-5, atol=0)
        assert layer.weights.min() >= 0


def test_without_plasticity_only_thresholds_change(layer):
    frozen = replace(RULE, rate=0.0, depression=0.0)
    after = stdp.learn(layer, trains(), rule=frozen)
    torch.testing.assert_close(after.weights, layer.weights, rtol=1e-6, atol=0)
    assert (after.theta > 0).any()


def stripes(n):
    """n images, in turns of horizontal and of vertical stripes."""
    pattern = torch.zeros(28, 28)
    pattern[::4] = 1.0
    return torch.stack([pattern if k % 2 else pattern.T for k in range(n)])


def test_neurons_become_detectors_of_what_recurs():
    images, settings = stripes(320), {"rule": Rule(), "steps": 40, "seed": 0}
    layer = stdp.train(stdp.initial_layer(6, rule=Rule(), seed=0), images, **settings)
    kinds = images[:2].flatten(1)  # (2, 784)
    share = kinds @ layer.weights / layer.weights.sum(0)  # of a neuron's weights on each pattern; 1/4 at random
    assert share.max(0).values.min() > 0.9
    assert set(share.argmax(0).tolist()) == {0, 1}


def test_learning_is_repeatable_and_depends_on_the_seed():
    def weights(seed):
        settings = {"rule": Rule(), "steps": 10, "seed": seed}
        return stdp.train(stdp.initial_layer(4, rule=Rule(), seed=seed), stripes(20), **settings).weights

    assert torch.equal(weights(1), weights(1))
    assert not torch.equal(weights(1), weights(2))


def test_progress_counts_to_the_end():
    seen, settings = [], {"rule": Rule(), "steps": 4, "seed": 0}
    layer = stdp.initial_layer(4, rule=Rule(), seed=0)
    stdp.train(layer, stripes(20), epochs=2, progress=lambda done, total: seen.append((done, total)), **settings)
    assert seen == [(16, 40), (20, 40), (36, 40), (40, 40)]


def test_a_neuron_is_of_the_class_that_makes_it_spike_most():
    counts = torch.tensor([[4.0, 0, 0, 1], [2, 1, 0, 1], [0, 2, 0, 1], [1, 0, 0, 5]])
    labels = torch.tensor([0, 0, 1, 2])
    # means by class: neuron 0: 3, 0, 1; neuron 1: 0.5, 2, 0; neuron 2: none; neuron 3: 1, 1, 5
    assert stdp.assign(counts, labels, 3).tolist() == [0, 1, -1, 2]


def test_an_image_is_of_the_class_whose_neurons_spike_most_on_average():
    assigned = torch.tensor([0, 0, 1, -1])
    counts = torch.tensor([[3.0, 2, 2.6, 0], [3, 1, 2.6, 9], [0, 0, 0, 9]])
    # means: 2.5 against 2.6; 2 against 2.6; silent but for a neuron of no class
    assert stdp.read_out(counts, assigned, 2).tolist() == [1, 1, -1]


def test_the_demonstration_learns_more_than_random_weights_tell(digits, tmp_path):
    result = stdp.demonstrate(tmp_path, neurons=12, steps=40, epochs=6, seed=3, data=digits)
    assert result["test_accuracy"] > 0.9 > max(result["untrained"], result["untrained_at_rest"])
    assert json.loads((tmp_path / "stdp.json").read_text()) == result
    assert (result["images"], result["labelled"], result["tested"]) == (180, 20, 80)
    assert [path.name for path in plots.plot(tmp_path)] == ["receptive_fields.png"]
    again = stdp.demonstrate(tmp_path / "again", neurons=12, steps=40, epochs=6, seed=3, data=digits)
    assert again == result


def test_the_command_line_says_the_accuracies(digits, tmp_path, monkeypatch):
    from neuromorph import datasets

    monkeypatch.setattr(datasets, "load", lambda name: digits)
    parser, lines = ArgumentParser(), []
    stdp.add_arguments(parser.add_subparsers())
    arguments = parser.parse_args(["stdp", "--neurons", "10", "--steps", "20", "--out", str(tmp_path)])
    arguments.command(arguments, say=lines.append)
    assert lines[0] == tmp_path / "figures" / "receptive_fields.png"
    assert lines[1].startswith("test accuracy ") and "by labels of 20 held-out images; with random weights" in lines[1]
    with pytest.raises(ValueError, match="neurons must be at least 1, got 0"):
        stdp.run(parser.parse_args(["stdp", "--neurons", "0"]))


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04"])
def test_damaged_weights_are_one_line(tmp_path, content):
    numbers = dict.fromkeys(("neurons", "steps", "epochs", "seed", "images", "labelled", "tested", "classes"), 2)
    numbers |= dict.fromkeys(("test_accuracy", "untrained", "untrained_at_rest"), 0.5) | {"dataset": "digits"}
    (tmp_path / "stdp.json").write_text(json.dumps(numbers))
    with pytest.raises(FileNotFoundError, match=r"stdp\.npz must be a file that stdp wrote"):
        plots.plot(tmp_path)
    (tmp_path / "stdp.npz").write_bytes(content)
    with pytest.raises(ValueError, match=r"stdp\.npz must hold the weights"):
        plots.plot(tmp_path)
    shape = {"weights": np.zeros((784, 3)), "untrained_weights": np.zeros((784, 3))}
    np.savez(tmp_path / "stdp.npz", **shape, assigned=np.zeros(3), theta=np.zeros(3))
    with pytest.raises(ValueError, match=r"stdp\.npz must hold the 2 neurons of stdp\.json"):
        plots.plot(tmp_path)


def test_a_layer_is_weights_and_thresholds(layer):
    assert isinstance(layer, Layer) and layer.weights.shape == (784, 5) and layer.theta.tolist() == [0.0] * 5
