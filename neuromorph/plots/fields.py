"""What a layer learnt without labels: its weights as images, before and after."""

import numpy as np

from neuromorph.plots.style import caption, figure_of, name_of

SHOWN = 100  # neurons at most
COLUMNS = 10


def fields_figure(result, arrays):
    """Receptive fields: a tile a neuron, its 784 weights as an image, the class that it was assigned in the corner.

    Left all neurons after learning, ordered by their class; right ten of them before.
    result, arrays : as `neuromorph.plots.files.read_stdp` reads them
    """
    order = np.argsort(arrays["assigned"], kind="stable")
    order = order[np.linspace(0, len(order) - 1, min(SHOWN, len(order))).round().astype(int)]
    rows = -(-len(order) // COLUMNS)
    figure = figure_of(9, 0.72 * rows + 1.6)
    after, before = figure.subplots(1, 2, width_ratios=(29 * COLUMNS - 1, 28))
    highest = arrays["weights"][:, order].max()
    drawn = _draw_tiles(after, arrays["weights"][:, order], COLUMNS, highest)
    few = order[:: max(1, len(order) // rows)][:rows]
    _draw_tiles(before, arrays["untrained_weights"][:, few], 1, highest)
    for k, neuron in enumerate(order):
        assigned = arrays["assigned"][neuron]
        at = (29 * (k % COLUMNS) + 1, 29 * (k // COLUMNS) + 1)
        text = "-" if assigned < 0 else str(assigned)
        after.text(*at, text, fontsize=8, va="top", color="white", fontweight="bold")
    after.set_title(f"after learning, with the {name_of(result, '').strip()} that each was assigned", fontsize=9)
    before.set_title("before", fontsize=9)
    figure.colorbar(drawn, ax=[after, before], label="Weight (1)", shrink=0.8, pad=0.01)
    caption(figure, _of(result, len(order)))
    return figure


def _draw_tiles(ax, weights, columns, highest):
    """The columns of weights (784, n) as 28 x 28 images in a grid, a pixel apart."""
    rows = -(-weights.shape[1] // columns)
    sheet = np.full((29 * rows, 29 * columns), np.nan)
    for k, tile in enumerate(weights.T):
        row, column = divmod(k, columns)
        sheet[29 * row : 29 * row + 28, 29 * column : 29 * column + 28] = tile.reshape(28, 28)
    drawn = ax.imshow(sheet[:-1, :-1], cmap="cividis", vmin=0, vmax=highest, interpolation="nearest")
    ax.set_axis_off()
    return drawn


def _of(result, shown):
    text = (
        f"{result['neurons']} neurons, {result['epochs']} pass{'es' * (result['epochs'] > 1)} over {result['images']} "
        f"images of {result['dataset']} without labels, {result['steps']} steps each, seed {result['seed']}. Read out "
        f"by the labels of {result['labelled']} held-out training images: test accuracy "
        f"{100 * result['test_accuracy']:.2f} % of {result['tested']} images; with the random weights "
        f"{100 * result['untrained']:.2f} % (thresholds grown alike), {100 * result['untrained_at_rest']:.2f} % (not "
        f"grown); chance {100 / result['classes']:.3g} %."
    )
    return text + (f" {shown} of the neurons, evenly over the classes." if shown < result["neurons"] else "")
