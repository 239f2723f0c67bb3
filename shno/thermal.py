"""Brown's thermal field: its standard deviation, and its normal numbers.

b(t) is white Gaussian noise, <b_i(t) b_j(t')> = 2 D delta_ij delta(t - t') with D = alpha k_B T / (gamma Ms V), fixed
by the fluctuation-dissipation theorem: then the Boltzmann distribution is stationary. b is added to the effective
field of the Gilbert equation, hence in its explicit form enters both the precession and the damping term. The calculus
is Stratonovich's (the limit of coloured noise, which keeps |m| = 1): a step that uses one b in all of its stages, as
Heun's or RK4, converges to it. Spin torques do not enter the theorem: alpha is the Gilbert damping alone.
Source : Brown, Phys. Rev. 130, 1677 (1963); Garcia-Palacios, Lazaro, Phys. Rev. B 58, 14937 (1998).
"""

from shno.constants import k_B
from shno.philox import THERMAL, normals, philox, place, split
from shno.vector import number


def field_deviation(temperature, alpha, gamma, Ms, volume, dt):
    """Standard deviation of each component of Brown's field over a step, (2 alpha k_B T / (gamma Ms V dt))^(1/2).

    temperature : K               of the spins, T
    alpha : 1                     Gilbert damping
    gamma : rad/(s T)             the gamma of the Gilbert equation, not gamma / (1 + alpha^2)
    Ms : A/m
    volume : m^3                  of the mode that the macrospin stands for, V
    dt : s                        time for which a draw is held constant
    Returns : T; its square times dt does not depend on dt
    Raises : nothing; its inputs were checked at the door
    Source : Brown, Phys. Rev. 130, 1677 (1963).  Valid for a field that enters both terms of the explicit equation
             (in the precession alone it would be larger by (1 + alpha^2)^(1/2)), classical spins (h f << k_B T) and
             an rms turn gamma B dt well below 1 rad a step.
    """
    return (number(2.0, alpha) * alpha * thermal_energy(temperature, Ms, volume) / (gamma * dt)) ** 0.5


def thermal_energy(temperature, Ms, volume):
    """Thermal energy over the magnetic moment, k_B T / (Ms V).

    temperature, Ms, volume : K, A/m, m^3
    Returns : T
    """
    return number(k_B, Ms) * temperature / (Ms * volume)


def thermal_calls(key, calls, realisation, like):
    """The thermal normals of several calls of one stream at once; element j holds number 4 call + j of each.

    key : (low, high)             words of the seed, integers or int64 tensors
    calls : int64 tensor          (k, 1, ..., 1), as many axes of length 1 as realisation has
    realisation : int64 tensor    in [0, 2^32)
    like : tensor                 of the float type (and device) wanted
    Returns : (n0, n1, n2, n3), each (k, *realisation)
    Raises : nothing; its inputs were checked at the door
    """
    return normals(philox(place(calls, realisation, 0, THERMAL), key), like)


def thermal_block(seed, group, realisation, oscillator, like):
    """The twelve thermal normals of the four steps 4 group ... 4 group + 3, from three calls of the generator.

    seed : integer in [0, 2^64)
    group : integer               step // 4
    realisation : integers        in [0, 2^32), an int64 tensor (torch), a uint64 array (numpy) or lane (kernels)
    oscillator : integer(s)       in [0, 2^24)
    like : array or tensor        of the float type (and device) wanted
    Returns : (n0 ... n11)        normal number 3 s + c is component c of step 4 group + s
    Raises : nothing; its inputs were checked at the door
    """
    words = thermal_words(seed, group, realisation, oscillator)
    return (*normals(words[:4], like), *normals(words[4:8], like), *normals(words[8:], like))


def thermal_words(seed, group, realisation, oscillator):
    """The words of `thermal_block`, twelve: its normals 2 k and 2 k + 1 are `box_muller` of words 2 k and 2 k + 1."""
    first, key = number(3, group) * group, split(seed)
    return (
        *philox(place(first, realisation, oscillator, THERMAL), key),
        *philox(place(first + number(1, group), realisation, oscillator, THERMAL), key),
        *philox(place(first + number(2, group), realisation, oscillator, THERMAL), key),
    )


def thermal_normals(seed, step, realisation, like, *, oscillator=0):
    """The three standard normals of Brown's field at one step, numbers q = 3 step + (0, 1, 2) of a stream.

    seed : integer in [0, 2^64)
    step : integer >= 0           number of the step of the noise
    realisation : int64 tensor    in [0, 2^32)
    like : tensor                 of the float type and device wanted
    oscillator : int or tensor    in [0, 2^24), broadcast with realisation
    Returns : (x, y, z)           tensors of the shape of realisation
    Raises : nothing; its inputs were checked at the door
    """
    first = 3 * step
    places = (place(call, realisation, oscillator, THERMAL) for call in range(first // 4, (first + 2) // 4 + 1))
    numbers = [n for each in places for n in normals(philox(each, split(seed)), like)]
    return tuple(numbers[first % 4 : first % 4 + 3])
