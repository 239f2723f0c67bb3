"""What a spiking layer puts out for what its oscillators did."""

import torch


def read(layer, passage):
    """What the layer puts out for a shno.Sequence."""
    above = passage.m_peak - layer.threshold_now()
    if layer.read_out in ("spike", "count"):
        return layer.surrogate(above, passage.crossings if layer.read_out == "count" else passage.crossings > 0)
    if layer.read_out == "latency":
        return _latency(layer, passage, above)
    return passage.m_peak if layer.read_out == "envelope" else passage.m[..., layer.component]


def _latency(layer, passage, above):
    """Neural steps to the first spike. Where there is none: all of them, with the surrogate's gradient at the
    highest peak, so that a silent neuron can learn to spike.
    """
    steps = len(above)
    spiked = passage.crossings > 0
    first = spiked.to(torch.uint8).argmax(dim=0, keepdim=True)
    time = first[0] + passage.crossing_time.nan_to_num().gather(0, first)[0] / layer.neural_step
    highest = above.amax(dim=0)
    silent = steps - layer.surrogate(highest, torch.zeros_like(highest, dtype=torch.bool))
    return torch.where(spiked.any(dim=0), time, silent)
