"""Integration steps over any right-hand side. They know steps, no magnet and no unit: y' = f(y, ...), y a tuple of
components.

rk4  : classical Runge-Kutta; order 4 for ordinary differential equations; with noise held fixed over the step it
       converges to the Stratonovich solution (Wong-Zakai), in the mean with order 1.
heun : the trapezoidal predictor-corrector; order 2; Stratonovich as well. Anti-damped on a rotation.
What changes with time enters as the parameters at the stages of the step.
Directly under a step stands its vector-Jacobian product.
"""

from shno.vector import accumulate, add, dot, number, scale


def rk4(f, y, h, start, middle, end):
    """One classical Runge-Kutta step, y + (h/6)(k1 + 2 k2 + 2 k3 + k4); local error O(h^5).

    f : f(y, *parameters) -> dy/ds, a tuple like y
    y : tuple of components
    h : step, in the unit of s
    start, middle, end : the tuples of parameters at s, s + h/2 and s + h (from the left)
    Returns : y at s + h. A constraint such as |y| = 1 is the caller's to project on.
    Source : Hairer, Norsett and Wanner, Solving Ordinary Differential Equations I (1993), table II.1.2.
    """
    half = number(0.5, h) * h
    k1 = f(y, *start)
    k2 = f(add(y, scale(half, k1)), *middle)
    k3 = f(add(y, scale(half, k2)), *middle)
    k4 = f(add(y, scale(h, k3)), *end)
    slope = add(add(k1, k4), scale(number(2.0, h), add(k2, k3)))
    return add(y, scale(number(1 / 6, h) * h, slope))


def heun(f, y, h, start, middle, end):
    """One Heun step, y + (h/2)(k1 + k2) with k2 at the Euler point; local error O(h^3); arguments as of `rk4`.

    Source : Hairer, Norsett and Wanner (1993), table II.1.1; Kloeden and Platen, Numerical Solution of Stochastic
    Differential Equations (1992), section 15.5, for its Stratonovich limit.
    """
    k1 = f(y, *start)
    k2 = f(add(y, scale(h, k1)), *end)
    return add(y, scale(number(0.5, h) * h, add(k1, k2)))


def rk4_vjp(f, f_vjp, y, w, h, *parameters):
    """Cotangents (y, h, parameters) for the cotangent w of `rk4`'s result.

    f_vjp : f_vjp(y, w, *parameters) -> (cotangent of y, cotangents of the parameters)
    The stages are recomputed, not stored: reverse mode through k4, k3, k2, k1.
    """
    half, sixth = number(0.5, h) * h, number(1 / 6, h) * h
    k1 = f(y, *parameters)
    y2 = add(y, scale(half, k1))
    k2 = f(y2, *parameters)
    y3 = add(y, scale(half, k2))
    k3 = f(y3, *parameters)
    y4 = add(y, scale(h, k3))
    k4 = f(y4, *parameters)

    outer = scale(sixth, w)
    inner = scale(number(2.0, h), outer)
    y4_bar, bar4 = f_vjp(y4, outer, *parameters)
    y3_bar, bar3 = f_vjp(y3, add(inner, scale(h, y4_bar)), *parameters)
    y2_bar, bar2 = f_vjp(y2, add(inner, scale(half, y3_bar)), *parameters)
    y1_bar, bar1 = f_vjp(y, add(outer, scale(half, y2_bar)), *parameters)

    slope = add(add(k1, k4), scale(number(2.0, h), add(k2, k3)))
    h_bar = number(1 / 6, h) * dot(w, slope) + dot(y4_bar, k3) + number(0.5, h) * (dot(y3_bar, k2) + dot(y2_bar, k1))
    y_bar = add(w, add(add(y1_bar, y2_bar), add(y3_bar, y4_bar)))
    return y_bar, h_bar, accumulate(accumulate(bar1, bar2), accumulate(bar3, bar4))
