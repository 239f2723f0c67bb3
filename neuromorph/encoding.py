"""From images to spike trains, (batch, *shape) -> (steps, batch, *shape) float32.

direct      the image at every step: a view, nothing is copied
rate        a spike at each step with the pixel's intensity p as its probability, by snntorch.spikegen.rate: the slow
            original, in numbers of torch's generator
bernoulli   the same distribution from bits of our counter-based generator: p in multiples of 2^-16, 0 and 1 exact
latency     one spike, the earlier the brighter: at the step nearest to (1 - p) (steps - 1); none for p < 0.01
delta       the image brightens evenly from black, and a pixel spikes where it has gained another tenth: what an event
            camera sees (a still image itself has no changes); regular trains of about 10 p spikes

Trains of rate and bernoulli are a pure function of (seed, number, step, pixel), `number` being which presentation of
which image it is: they do not depend on the batch, its order, the number of threads, or a resumed run.
A Bernoulli spike is U < p with U's bits drawn one by one, the lowest first: for 32 steps at a time, a bit of U is the
complement of a word w, and comparing is r <- majority(r, w, bit of p), from r = 0. Word i of pixel j, steps 32 k to
32 k + 31, is word 16 k + i of the generator's stream (seed, realisation number, oscillator j).
Source : Salmon et al., Proc. SC 2011 (the generator); Eshraghian et al., Proc. IEEE 111, 1016 (2023) (encodings).
"""

from math import ceil

import numpy as np
import torch
from numba.extending import register_jitable

from neuromorph.lif_kernels import Blocks
from shno import kernel_cache, kernel_philox, philox, threads

ENCODINGS = ("direct", "rate", "bernoulli", "latency", "delta")
PURPOSE = 128  # of our streams; those of shno count up from 0
BITS = 16  # of a probability
WORD = 32  # steps that are drawn at once
DARKEST = 0.01  # below it latency has no spike; spikegen's default
GAIN = 0.1  # in brightness, for a spike of delta; spikegen's default


def encode(images, *, encoding, steps, seed=0, numbers=None):
    """Spike trains of images, (steps, batch, *shape) float32 on the images' device; "direct": the images themselves.

    images : (batch, *shape) in [0, 1], floating-point
    encoding : str                  of ENCODINGS
    steps : int >= 1
    seed : integer in [0, 2^64)     of rate and bernoulli
    numbers : (batch,) integers in [0, 2^32)    which presentation of which image; None: 0 ... batch - 1
    Raises : TypeError, ValueError
    """
    if encoding not in ENCODINGS:
        raise ValueError(f"encoding must be one of {', '.join(ENCODINGS)}, got {encoding!r}. Choose one of these.")
    if isinstance(steps, bool) or not isinstance(steps, int) or steps < 1:
        raise ValueError(f"steps must be a whole number >= 1, got {steps!r}. 10 to 100 are usual.")
    _check_images(images)
    images = images.detach().float()
    if encoding in ("rate", "bernoulli"):
        numbers, seed = _numbers(numbers, len(images)), _seed(seed)
        return (_rate if encoding == "rate" else _bernoulli)(images, steps, seed, numbers)
    return {"direct": _direct, "latency": _latency, "delta": _delta}[encoding](images, steps)


def _check_images(images):
    if not isinstance(images, torch.Tensor) or not images.is_floating_point() or images.ndim == 0:
        got = getattr(images, "dtype", type(images).__name__)
        raise TypeError(f"images must be a floating-point tensor (batch, ...), got {got}. Divide bytes by 255.")
    if images.numel() == 0:
        raise ValueError(f"images must hold a pixel at least, got {tuple(images.shape)}. A batch is never empty.")
    low, high = (float(x) for x in images.detach().aminmax())
    if not (low >= 0 and high <= 1):
        raise ValueError(f"images must be in [0, 1], got values from {low:.4g} to {high:.4g}. Divide bytes by 255.")


def _seed(seed):
    if isinstance(seed, bool) or not isinstance(seed, int | np.integer) or not 0 <= seed < 2**64:
        raise ValueError(f"seed must be an integer in [0, 2^64), got {seed!r}. 0 is as good as any.")
    return int(seed)


def _numbers(numbers, batch):
    """The presentations' numbers as an int64 tensor (batch,) on the CPU."""
    if numbers is None:
        return torch.arange(batch)
    rule = f"({batch},) integers in [0, 2^32)"
    numbers = torch.as_tensor(numbers).cpu()
    if numbers.is_floating_point() or numbers.is_complex() or numbers.dtype == torch.bool:
        raise TypeError(f"numbers must be {rule}, got {numbers.dtype}. They name what is shown.")
    if numbers.shape != (batch,):
        raise ValueError(f"numbers must be {rule}, got {tuple(numbers.shape)}. One for each image.")
    numbers = numbers.long()
    if int(numbers.min()) < 0 or int(numbers.max()) >= 2**32:
        raise ValueError(f"numbers must be {rule}, got {int(numbers.min())} to {int(numbers.max())}. Count from 0.")
    return numbers


def _direct(images, steps):
    return images.expand(steps, *images.shape)


def _rate(images, steps, seed, numbers):
    """snntorch.spikegen.rate of one image after another, each by a generator's seed made of (seed, number)."""
    from snntorch import spikegen

    key, trains = philox.split(seed), []
    with torch.random.fork_rng(devices=[]):
        for image, number in zip(images.cpu(), numbers.tolist(), strict=True):
            low, high, *_ = philox.philox((0, 0, number, PURPOSE << philox.PURPOSE_SHIFT), key)
            torch.manual_seed(high << 32 | low)
            trains.append(spikegen.rate(image, num_steps=steps))
    return torch.stack(trains, dim=1).to(images.device)


def _latency(images, steps):
    from snntorch import spikegen

    settings = {"threshold": DARKEST, "normalize": True, "linear": True, "clip": True}
    return spikegen.latency(images, num_steps=steps, **settings)


def _delta(images, steps):
    """snntorch.spikegen.delta of the brightness so far in whole gains."""
    from snntorch import spikegen

    brightness = torch.arange(1, steps + 1, device=images.device) / steps
    gains = (brightness.view(-1, *[1] * images.ndim) * images / GAIN + 1e-5).floor()  # 0.1 / 0.1 may round below 1
    return spikegen.delta(gains, threshold=1.0)


def _bernoulli(images, steps, seed, numbers):
    if images.device.type != "cpu":
        return bernoulli(images, steps, seed, numbers.to(images.device))
    levels = np.rint(images.flatten(1).numpy() * np.float32(1 << BITS)).astype(np.int32)
    spikes = np.empty((steps, *levels.shape), np.float32)  # in large pages, unlike torch's
    key = tuple(map(np.uint64, philox.split(seed)))
    threads.run_blocks(draw, len(levels), Blocks(1), levels, numbers.numpy(), key, spikes)
    return torch.from_numpy(spikes).view(steps, *images.shape)


def bernoulli(images, steps, seed, numbers):
    """The trains of "bernoulli" by torch's operations, on any device; the same bits."""
    levels = (images.flatten(1) * 2.0**BITS).round().long()
    pixel, number = torch.arange(levels.shape[1], device=levels.device), numbers[:, None]
    words = []
    for k in range(ceil(steps / WORD)):
        r = torch.zeros_like(levels)
        for call in range(BITS // 4):
            at = torch.full_like(levels, BITS // 4 * k + call)
            drawn = philox.philox(philox.place(at, number, pixel, PURPOSE), philox.split(seed))
            for i, w in enumerate(drawn):
                b = -(levels >> 4 * call + i & 1)
                r = r & w | b & (r | w)
        words.append(torch.where(levels == 1 << BITS, -1, r))
    spikes = torch.stack([words[t // WORD] >> t % WORD & 1 for t in range(steps)])
    return spikes.float().view(steps, *images.shape)


@kernel_cache.compiled(__file__)
def draw(first, last, blocks, levels, numbers, key, spikes):
    """`bernoulli` of the images first to last, into spikes (steps, batch, pixels); levels (batch, pixels)."""
    steps, _, n = spikes.shape
    level, pixel = np.empty(n, np.uint64), np.empty(n, np.uint64)
    r, word = np.empty(n, np.uint32), np.empty(n, np.uint32)
    for image in range(first, last):
        drawn = 0  # pixels whose trains are random
        for j in range(n):
            p = levels[image, j]
            word[j] = np.uint32(0xFFFFFFFF if p == 1 << BITS else 0)
            if 0 < p < 1 << BITS:
                level[drawn], pixel[drawn] = np.uint64(p), np.uint64(j)
                drawn += 1
        for start in range(0, steps, WORD):
            fill(r[:drawn], level, pixel, np.uint64(numbers[image]), start // WORD, key)
            for i in range(drawn):
                word[np.int64(pixel[i])] = r[i]
            for t in range(start, min(steps, start + WORD)):
                row, place = spikes[t, image], np.uint32(t - start)
                for j in range(n):
                    row[j] = np.float32(np.int32((word[j] >> place) & np.uint32(1)))


@register_jitable(**kernel_philox.INLINED)
def fill(r, level, pixel, number, k, key):
    """32 random bits of each pixel whose train is random, for steps 32 k to 32 k + 31."""
    one, purpose = np.uint64(1), np.uint64(PURPOSE)
    for i in range(len(r)):
        r[i] = np.uint32(0)
    for call in range(BITS // 4):
        at, shift = np.uint64(BITS // 4 * k + call), np.uint64(4 * call)
        for i in range(len(r)):
            words = philox.philox(philox.place(at, number, pixel[i], purpose), key)
            p, found = level[i] >> shift, r[i]
            for q in range(4):
                w, b = np.uint32(words[q]), np.uint32(0) - np.uint32((p >> np.uint64(q)) & one)
                found = (found & w) | (b & (found | w))
            r[i] = found
