from math import sqrt
from pathlib import PurePosixPath

import pytest
from results_helpers import model, results, run

from neuromorph import report


def sentences(content, about):
    """The sentences of the report that begin with the model."""
    return [line for line in report.differences(content) if line.startswith(f"`{about}`")]


def pair(mine, other, **changes):
    """Results of hybrid and hybrid-relu with these test accuracies by seed; `changes` are of the hybrid's runs."""
    content = results()
    runs = [run(seed, accuracy, **changes) for seed, accuracy in enumerate(mine)]
    twins = [run(seed, accuracy, False) for seed, accuracy in enumerate(other)]
    return content | {"models": {"hybrid": model(runs), "hybrid-relu": model(twins)}, "seeds": list(range(len(mine)))}


def test_the_table_has_a_row_for_each_model_and_a_dash_for_what_is_not():
    head, rule, *rows = report.table(results()).splitlines()
    assert head.count("|") == rule.count("|") == 8
    assert [row.split("|")[1].strip() for row in rows] == ["`hybrid`", "`hybrid-relu`", "`ann`", "`csnn`"]
    assert rows[0].split("|")[2:4] == [" 97.10 ± 0.10 ", " 96.90 ± 0.10 "]
    assert rows[1].split("|")[4:7] == [" - ", " - ", " - "]


def test_the_difference_is_paired_over_the_seeds():
    content = pair((0.95, 0.96, 0.97), (0.96, 0.9702, 0.9798))  # each 1 point lower, though both spread by 2 points
    mean, error = report.paired(content["models"]["hybrid"], content["models"]["hybrid-relu"])
    assert mean == pytest.approx(-0.01, rel=1e-9)
    assert error == pytest.approx(0.0002 / sqrt(3), rel=1e-6)  # sd of -1, -1.02, -0.98 points, over the root of 3
    assert sentences(content, "hybrid")[0].startswith("`hybrid` against `hybrid-relu`: -1.00 points (s = 0.01): it lo")


def test_models_are_told_apart_by_student_s_t():
    """Three differences of sd 0.4 points: s = 0.231, and 4.303 s = 0.994 points (Student's t, two degrees, 95 %)."""
    assert report.likely(1.0, 3) == pytest.approx(4.303, abs=5e-4)
    other = (0.97, 0.97, 0.97)
    for shift, verdict in ((0.0095, "not told apart."), (0.0104, "it loses")):
        (text,) = sentences(pair([0.97 - shift + d for d in (-0.004, 0, 0.004)], other), "hybrid")
        assert verdict in text and "(s = 0.23)" in text


def test_training_accuracies_are_compared_between_twins_alone():
    content = pair(*LOSING)
    content["models"] = {"temporal-snn": content["models"]["hybrid"], "ann": content["models"]["hybrid-relu"]}
    (text,) = report.differences(content)
    assert "it loses" in text and "In training" not in text


def test_less_than_a_tenth_of_a_point_is_not_told_apart_however_small_the_spread():
    (text,) = sentences(pair((0.9500, 0.9600), (0.9505, 0.9605)), "hybrid")
    assert text.endswith("not told apart.")


def test_a_model_that_wins_is_said_to():
    (text,) = sentences(pair((0.98, 0.981, 0.982), (0.95, 0.952, 0.951)), "hybrid")
    assert text.endswith("it wins.")


def test_one_seed_tells_nothing_of_the_spread():
    (text,) = sentences(pair((0.95,), (0.99,)), "hybrid")
    assert "it loses" not in text and text.endswith("one seed tells nothing of the spread.")


LOSING = ((0.95, 0.951, 0.949), (0.97, 0.971, 0.969))  # 2 points apart in each seed
REASONS = [
    ({}, "the loss is there in training already"),  # train accuracy is test accuracy and 0.1 point in both
    ({"train_accuracy": 0.975}, "the loss arises on new images"),
    ({"dead": 0.3}, "30 % of its neurons never spike"),
    ({"saturated": 0.2}, "20 % of its neurons spike in more than 95 %"),
    ({"test_auxiliary_accuracy": 0.96}, "Its auxiliary head reads 1.00 points more"),
    ({"selected_epoch": 5}, "Its last epoch was the best"),
]


@pytest.mark.parametrize(("changes", "text"), REASONS)
def test_a_reason_is_given_where_the_numbers_show_it_and_only_there(changes, text):
    (losing,) = sentences(pair(*LOSING, **changes), "hybrid")
    assert text in losing
    others = [other for _, other in REASONS if other != text and "the loss" not in other]
    assert not any(other in losing for other in others)
    (winning,) = sentences(pair(*LOSING[::-1], **changes), "hybrid")
    assert text not in winning


def test_a_few_dead_neurons_are_not_spoken_of():
    (text,) = sentences(pair(*LOSING, dead=0.04), "hybrid")
    assert "never spike" not in text


def test_only_models_that_were_compared_are_held_against_each_other():
    found = [line.split(":")[0] for line in report.differences(results())]
    assert found == ["`hybrid` against `hybrid-relu`", "`hybrid` against `ann`"]


def test_originals_of_the_same_images_are_compared_and_others_are_not():
    lines = report.originals(results())
    assert lines[0] == "`hybrid`: the original's 98.8 % is of 4 classes of digits: not comparable."
    assert lines[1].startswith("`ann`: 98.02 ± 0.10 % here, 98 % in the original (+0.02 points)")
    assert "best test epoch" in lines[-1] and "held-out" in lines[-1]
    assert report.originals(pair(*LOSING)) == []


def test_the_course_of_training_is_told_from_its_numbers():
    text = report.training(pair(*LOSING))[0]
    assert "90.00 % after the first epoch, 94.80 % at the selected one (epoch 4 of 5)" in text
    assert "training loss 0.8 to 0.02" in text
    assert "overfits" not in text and "worse" not in text and "last epoch" not in text
    assert "5.2 points better than held-out ones: it overfits" in report.training(pair(*LOSING, train_accuracy=1.0))[0]
    assert "4.8 points worse than held-out ones" in report.training(pair(*LOSING, train_accuracy=0.9))[0]
    assert "The last epoch was the best in 3 of 3 runs" in report.training(pair(*LOSING, selected_epoch=5))[0]


def test_costs_are_of_the_fastest():
    content = pair(*LOSING, energy=2e-9)
    time, energy = report.costs(content | {"energy_assumptions": "Without memory."})
    assert time == "An epoch of `hybrid-relu` took 1 s; times that: `hybrid` 3.0."
    assert energy == "Energy of one image: `hybrid` 2 nJ. Without memory."


def test_the_report_holds_command_table_parts_and_figures():
    text = report.report(results(), [PurePosixPath("figures/accuracies.png")])
    assert text.startswith("# 4 models on mnist, 10 classes\n\n```text\nneuromorph compare --seeds 3\n```\n")
    titles = [line for line in text.splitlines() if line.startswith("## ")]
    assert titles[0] == "## Beside the originals" and titles[-1] == "## Figures" and len(titles) == 5
    assert report.table(results()) in text and "![accuracies](figures/accuracies.png)" in text
    assert text.endswith("\n") and "None" not in text and "nan" not in text


def test_the_report_says_where_the_runs_were_trained():
    content = results()
    runs = [each for model in content["models"].values() for each in model["runs"]]
    for k, each in enumerate(runs):
        each |= {"machine": "a processor", "commit": "1234" if k else None, "seconds": 3600.0}
    assert report.origins(content) == [
        f"a processor: {len(runs)} runs, {len(runs)} hours of training in all; commit 1234, unknown."
    ]


def test_a_report_of_one_model_and_one_seed_stands():
    content = results(seeds=1)
    alone = content | {"models": {"csnn": content["models"]["csnn"]}}
    text = report.report(alone)
    assert "One seed: no spread." in text and "## Where" not in text and "## What they cost" not in text
