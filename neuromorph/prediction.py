"""`neuromorph predict`: what a trained network takes an image for, how sure it is, and the spikes by which it says so.

An image of any size and colour becomes 28 x 28 grey. Networks trained on digits or garments know light ink on a dark
ground only: where the outermost pixels are brighter than half on the average, the image is inverted. A folder of images
of one's own is trained on as it is, and so asked as it is; --invert yes or no decides otherwise. What is heavy is
imported where it is used.
"""

from typing import NamedTuple

from neuromorph.evaluation import add_checkpoint
from shno import command

INVERT = ("auto", "yes", "no")
DARK = ("digits", "mnist", "fashion-mnist")  # data sets whose ground is dark
EVENTS = ".bin"


class Answer(NamedTuple):
    """What a network takes an image for.

    path : str
    label : int               the answer
    name : str                of that class
    confidence : 1            softmax of the logits at the answer
    confidences : list        at each class
    inverted : bool           whether the image was turned from dark on light to light on dark
    figure : str | None       file of the raster
    """

    path: str
    label: int
    name: str
    confidence: float
    confidences: list
    inverted: bool
    figure: str | None


def add_arguments(commands):
    """Add `predict` to the commands of an argparse parser."""
    about = "class and confidence of images of one's own, and a figure of each with the spikes"
    parser = commands.add_parser("predict", help=about, description=f"Tell {about}.")
    add_checkpoint(parser)
    parser.add_argument("images", nargs="+", metavar="image", help="files of any size and colour; .bin: N-MNIST events")
    parser.add_argument("--out", default="predictions", help="folder of the figures (default: predictions)")
    inverted = "dark ink on light ground: auto (by the edge, for networks of digits or garments), yes, no"
    parser.add_argument("--invert", default="auto", help=f"{inverted} (default: auto)")
    parser.set_defaults(command=run)


def run(arguments):
    """The command: a line an image."""
    choices = {"out": arguments.out, "invert": arguments.invert, "device": arguments.device}
    for answer in predict_run(arguments.checkpoint, arguments.images, **choices):
        turned = ", inverted" if answer.inverted else ""
        command.say(f"{answer.path}: {answer.name} ({answer.confidence:.1%}{turned})   {answer.figure}")


def predict_run(checkpoint, images, *, out=None, invert="auto", device="auto"):
    """What a trained network takes images for; all are read before anything is written.

    checkpoint : a run's folder, or the checkpoint.pt in it
    images : paths           each is asked by itself: an answer does not depend on the others
    out : path or None       folder of the figures; made where it is missing
    invert : "auto", "yes" or "no"
    device : "auto", "cpu", "cuda" or "mps"
    Returns : list of Answer
    Raises : ValueError, FileNotFoundError, OSError with one line
    """
    import torch

    from neuromorph import runs
    from neuromorph.devices import device_of
    from neuromorph.names import check_name

    check_name("invert", invert, INVERT)
    where = device_of(device)
    model, config = runs.load_run(checkpoint)
    model = model.to(where)
    seen = [_seen(path, config, invert) for path in images]
    names, answers = model.class_names, []
    for path, figure, (pixels, inverted) in zip(images, figure_paths(images, out), seen, strict=True):
        like = next(model.parameters())
        with torch.no_grad():
            prediction = model(pixels[None].to(like), torch.zeros(1, dtype=torch.int64, device=like.device))
        confidences = prediction.logits[0].cpu().double().softmax(0).tolist()
        label = int(prediction.logits[0].argmax())
        found = (str(path), label, names[label], confidences[label], confidences, inverted, figure and str(figure))
        answers.append(Answer(*found))
        if figure is not None:
            _draw(figure, pixels, prediction, answers[-1], names, config)
    return answers


def figure_paths(images, out):
    """A PNG for each image in the folder `out`, by the name of the image, numbered where two share it; or Nones."""
    from pathlib import Path

    if out is None:
        return [None] * len(images)
    taken, paths = set(), []
    for path in images:
        stem, k = Path(path).stem, 2
        name = stem
        while name in taken:
            name, k = f"{stem}-{k}", k + 1
        taken.add(name)
        paths.append(Path(out) / f"{name}.png")
    return paths


def _seen(path, config, invert):
    """(the image as the network takes it, in [0, 1], or frames of events; whether it was inverted)."""
    from pathlib import Path

    from neuromorph import events, images

    if Path(path).suffix.lower() == EVENTS:
        if config["dataset"] != "n-mnist":
            rule = "an image for a network that was trained on images"
            raise ValueError(f"{path} must be {rule}, got an event file. Ask a network of n-mnist.")
        return events.frames(events.read_events(path), config.get("steps") or events.STEPS), False
    pixels = images.read_image(path)
    bright = config["dataset"] in DARK and images.bright_background(pixels)
    inverted = invert == "yes" or (invert == "auto" and bright)
    return (255 - pixels if inverted else pixels) / 255, inverted


def _draw(path, pixels, prediction, answer, names, config):
    """Write the figure of an answer; the image of events is their number."""
    import shno
    from neuromorph.prediction_plots import prediction_figure

    spikes = None
    if prediction.spikes:
        last = list(prediction.spikes.values())[-1]
        spikes = last[:, 0].flatten(1).cpu().numpy()
    image = (pixels * 255 if pixels.ndim == 2 else pixels.sum(0)).numpy()
    turned = ", inverted" if answer.inverted else ""
    about = f"{config['model']} trained on {config['dataset']}: {answer.path}{turned}"
    path.parent.mkdir(parents=True, exist_ok=True)
    shno.plots.save_figure(prediction_figure(image, spikes, answer.confidences, names, about=about), path)
