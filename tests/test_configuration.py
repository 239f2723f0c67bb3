import json

import pytest

from neuromorph import configuration
from neuromorph.configuration import DEFAULTS, merged, read, resolved
from neuromorph.recipes import NAMES, recipe_of


@pytest.mark.parametrize("model", NAMES)
def test_what_is_left_open_is_the_recipe_s(model):
    for name in ("default", "original"):
        recipe, config = recipe_of(model, name), resolved({"model": model, "recipe": name})
        for choice in ("epochs", "batch_size", "encoding", "steps"):
            assert config[choice] == getattr(recipe, choice)
    assert resolved({"model": model, "steps": 3, "epochs": 2})["steps"] == 3


def test_a_resolved_config_is_resolved_to_itself_in_the_same_order():
    config = resolved({"seed": 4, "model": "csnn"})
    assert list(config) == ["model", *DEFAULTS, "layer"]
    again = resolved(config)
    assert again == config and list(again) == list(config)


def test_flags_go_over_the_file_and_the_file_over_defaults(tmp_path):
    path = tmp_path / "run.toml"
    path.write_text('model = "hybrid"\nbatch-size = 32\nseed = 5\n[layer]\nreset_fraction = 0.2\n')
    config = resolved(merged(None, {"seed": 6}, read(path)))
    assert (config["model"], config["batch_size"], config["seed"], config["dataset"]) == ("hybrid", 32, 6, "digits")
    assert config["layer"] == {"reset_fraction": 0.2}
    assert merged("hybrid", {}, read(path))["model"] == "hybrid"


def test_a_run_s_folder_stands_for_its_config(tmp_path):
    config = resolved({"model": "ann"})
    (tmp_path / "config.json").write_text(json.dumps(config))
    assert read(tmp_path) == read(tmp_path / "config.json") == config


def test_a_config_of_another_model_is_refused():
    with pytest.raises(ValueError, match=r"config must be of the model hybrid, got one of 'ann'\. Name the same model"):
        merged("hybrid", {}, {"model": "ann"})
    with pytest.raises(ValueError, match="model must be given, or a config with one, got neither"):
        merged(None, {"seed": 1}, {"epochs": 3})


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.toml", "model = ", r"config must be TOML or JSON, got '.*a\.toml', a damaged one"),
        ("a.json", '{"model": ', r"config must be TOML or JSON, got '.*a\.json', a damaged one"),
        ("a.json", "[1]", r"config must hold names and values, got a list"),
        ("a.toml", "\udcff", r"config must be TOML or JSON"),
    ],
)
def test_a_damaged_file_is_one_line(tmp_path, name, text, message):
    (tmp_path / name).write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(ValueError, match=message) as caught:
        read(tmp_path / name)
    assert "\n" not in str(caught.value)


def test_no_file_is_one_line(tmp_path):
    for path in (tmp_path / "none.toml", tmp_path):
        with pytest.raises(FileNotFoundError, match=r"config must be a \.toml file or a run's config\.json"):
            read(path)


@pytest.mark.parametrize(
    ("choice", "error", "text"),
    [
        ({"modle": "ann"}, ValueError, r"choice must be one of .*, got 'modle'\. Did you mean 'model'\?"),
        ({"epoch": 3}, ValueError, r"got 'epoch'\. Did you mean 'epochs'\?"),
        ({"model": "an"}, ValueError, r"got 'an'\. Did you mean 'ann'\?"),
        ({"recipe": "orig"}, ValueError, r"recipe must be one of default, original, got 'orig'"),
        ({"precision": "half"}, ValueError, r"precision must be one of float32, bfloat16, got 'half'"),
        ({"epochs": 0}, ValueError, r"epochs must be in \[1, 2147483648\], got 0"),
        ({"epochs": True}, TypeError, r"epochs must be a whole number, got True"),
        ({"epochs": 2.0}, TypeError, r"epochs must be a whole number, got 2\.0"),
        ({"seed": -1}, ValueError, r"seed must be in \[0, 4294967295\], got -1"),
        ({"seed": None}, TypeError, r"seed must be a whole number, got None"),
        ({"device": 3}, TypeError, r"device must be text, got 3"),
        ({"dataset": None}, TypeError, r"dataset must be text, got None"),
        ({"spread": float("nan")}, ValueError, r"spread must be in \[0, 0\.5\], got nan"),
        ({"temperature": "hot"}, TypeError, r"temperature must be a number, got 'hot'"),
        ({"temperature": 1e9}, ValueError, r"temperature must be in \[0, 2000\] K"),
        ({"layer": [1]}, TypeError, r"layer must be a table of settings, got \[1\]"),
    ],
)
def test_a_wrong_choice_is_one_line(choice, error, text):
    with pytest.raises(error, match=text) as caught:
        resolved({"model": "ann"} | choice)
    assert "\n" not in str(caught.value)


def test_every_choice_is_checked():
    kinds = {*configuration.TEXT, *configuration.LEAST, "temperature", "spread"}
    assert kinds == {"model", *DEFAULTS}
