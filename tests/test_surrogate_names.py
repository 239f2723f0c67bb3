"""Surrogates by name and as another library's callables: snnTorch's own gradients are the measure."""

import copy
import pickle

import pytest
import snntorch.surrogate as theirs
import torch

from neuromorph.surrogate import (
    NAMES,
    Arctan,
    Borrowed,
    FastSigmoid,
    LeakySpikeOperator,
    Sigmoid,
    SparseFastSigmoid,
    SpikeRateEscape,
    StraightThrough,
    as_surrogate,
)

U = torch.linspace(-1.7, 1.7, 34, dtype=torch.float64)  # without 0, where snnTorch's do not fire
# Ours beside snnTorch's of the same formula.
SAME = [
    (FastSigmoid(slope=7.0), theirs.fast_sigmoid(slope=7)),
    (SparseFastSigmoid(slope=7.0, B=-0.5), theirs.SFS(slope=7, B=-0.5)),
    (Arctan(slope=3.0), theirs.atan(alpha=3.0)),
    (Sigmoid(slope=7.0), theirs.sigmoid(slope=7)),
    (StraightThrough(), theirs.straight_through_estimator()),
    (SpikeRateEscape(beta=2.0, slope=3.0), theirs.spike_rate_escape(beta=2, slope=3)),
]


def steep(input_, grad_input, spikes):
    """A custom surrogate of a user's, in snnTorch's form."""
    return grad_input / (9 * input_.abs() + 1.0) ** 2 + 0.01 * spikes


CALLABLES = [
    *(function for _, function in SAME),
    theirs.triangular(threshold=0.7),
    theirs.heaviside(),
    theirs.custom_surrogate(steep),
]


def own_gradient(function, u):
    v = u.clone().requires_grad_()
    function(v).sum().backward()
    return v.grad


def backward(surrogate, u, weights=1.0, spikes=None):
    v = u.clone().requires_grad_()
    (weights * surrogate(v, spikes)).sum().backward()
    return v.grad


@pytest.mark.parametrize(("ours", "function"), SAME, ids=lambda x: x if isinstance(x, str) else None)
def test_ours_has_the_gradient_of_the_one_of_that_name_in_snntorch(ours, function):
    assert torch.allclose(ours.gradient(U), own_gradient(function, U), rtol=1e-12, atol=0)  # identity, float64


def test_snntorchs_own_leaky_operator_fails_and_ours_is_what_it_documents():
    with pytest.raises(TypeError):
        theirs.LSO(slope=0.1)(U.clone().requires_grad_())
    assert torch.equal(as_surrogate("LSO", slope=0.25).gradient(U), 0.25 + 0.75 * (U >= 0))


def test_snntorchs_triangular_falls_off_backwards_above_the_threshold_and_ours_does_not():
    assert (own_gradient(theirs.triangular(), U)[U > 0] < 0).all()
    assert (as_surrogate("triangular").gradient(U)[U > 0] >= 0).all()


# ---- names ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_a_name_gives_the_record_with_its_settings(name):
    assert as_surrogate(name) == NAMES[name]()
    assert as_surrogate(as_surrogate(name)) == as_surrogate(name)


def test_every_name_is_one_of_snntorchs_or_smooth():
    assert all(name == "smooth" or callable(getattr(theirs, name)) for name in NAMES)


@pytest.mark.parametrize(
    ("typed", "meant"),
    [("fastsigmoid", "fast_sigmoid"), ("Atan", "atan"), ("triangle", "triangular"), ("lso", "LSO"), ("sfs", "SFS")],
)
def test_a_misspelt_name_is_answered_with_the_nearest(typed, meant):
    with pytest.raises(ValueError, match=rf"^surrogate must be one of .+, got '{typed}'\. Did you mean '{meant}'\?$"):
        as_surrogate(typed)


def test_what_is_like_no_name_gets_the_list():
    with pytest.raises(ValueError, match=r"one of fast_sigmoid, .+, got 'xyzzy'\. Choose one of these\.$"):
        as_surrogate("xyzzy")


def test_settings_are_checked_by_name_and_value():
    assert as_surrogate("atan", slope=3.0) == Arctan(slope=3.0)
    with pytest.raises(TypeError, match=r"^settings of 'atan' must be slope, got 'alpha'"):
        as_surrogate("atan", alpha=3.0)
    with pytest.raises(ValueError, match=r"^slope must be a number in \(0, 1e\+06\]"):
        as_surrogate("sigmoid", slope=-1)
    with pytest.raises(TypeError, match=r"^settings must go with a name, got slope"):
        as_surrogate(theirs.atan(), slope=3.0)


@pytest.mark.parametrize("which", [None, 3, 0.5, [], FastSigmoid, torch.ones(2)])
def test_what_is_no_surrogate_is_refused(which):
    with pytest.raises(TypeError, match=r"^surrogate must be a name, a surrogate or a callable, got "):
        as_surrogate(which)


@pytest.mark.parametrize("name", NAMES)
def test_a_surrogate_by_name_compiles_without_a_break_in_the_graph(name):
    torch._dynamo.reset()
    surrogate, u = as_surrogate(name), torch.linspace(-1, 0.3, 7).requires_grad_()
    spikes = torch.compile(surrogate, backend="aot_eager", fullgraph=True)(u, u > 0.1)
    spikes.sum().backward()
    assert torch.equal(spikes, surrogate(u, u > 0.1))
    assert torch.allclose(u.grad, surrogate.gradient(u.detach()), rtol=1e-6)  # float32


# ---- callables ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("function", CALLABLES)
def test_a_callable_gives_its_own_gradient_and_the_spikes_that_are_given(function):
    weights, spikes = torch.linspace(-2, 3, len(U), dtype=torch.float64), torch.arange(len(U)) % 3 == 0
    surrogate = as_surrogate(function)
    expected = own_gradient(function, U)
    assert torch.equal(surrogate(U, spikes), spikes.double())
    assert torch.equal(backward(surrogate, U, weights, spikes), weights * expected)  # in float64, though it casts
    assert expected.abs().max() > 0


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_callable_keeps_the_precision_that_it_would_cast_away(dtype):
    u = U.to(dtype)
    assert theirs.atan()(u).dtype == torch.float32
    assert as_surrogate(theirs.atan())(u).dtype == backward(as_surrogate(theirs.atan()), u).dtype == dtype


@pytest.mark.parametrize("function", CALLABLES)
def test_a_callable_of_snntorchs_is_pickled_though_its_closure_cannot(function):
    with pytest.raises((AttributeError, pickle.PicklingError)):
        pickle.dumps(function)
    surrogate = as_surrogate(function)
    for other in (pickle.loads(pickle.dumps(surrogate)), copy.deepcopy(surrogate)):
        assert isinstance(other, Borrowed)
        assert torch.equal(other.gradient(U), surrogate.gradient(U))


def test_a_closure_that_nobody_can_make_again_copies_and_says_that_it_cannot_be_pickled():
    def mine(u):
        return torch.sigmoid(4 * u)

    surrogate = as_surrogate(mine)
    assert torch.allclose(surrogate.gradient(U), Sigmoid(slope=4.0).gradient(U), rtol=1e-12, atol=0)  # identity
    assert copy.deepcopy(surrogate) == surrogate
    with pytest.raises(pickle.PicklingError, match=r"^surrogate must be known by name to be pickled, got <function"):
        pickle.dumps(surrogate)


def test_a_module_and_a_top_level_function_are_callables_too():
    for function in (torch.nn.Sigmoid(), torch.sigmoid):
        surrogate = as_surrogate(function)
        expected = Sigmoid(slope=1.0).gradient(U)
        assert torch.allclose(surrogate.gradient(U), expected, rtol=1e-12, atol=0)  # identity
        assert torch.equal(pickle.loads(pickle.dumps(surrogate)).gradient(U), surrogate.gradient(U))


@pytest.mark.parametrize(
    "function",
    [lambda u: (u > 0).float(), lambda u: u.sum(), lambda u: 3.0, lambda u, v: u, theirs.LSO(), torch.sqrt],
    ids=["step", "sum", "number", "two arguments", "LSO", "sqrt"],
)
def test_a_callable_without_a_gradient_for_each_u_is_refused(function):
    with pytest.raises(TypeError, match=r"^surrogate must be a callable u -> spikes with a gradient for each u, got"):
        as_surrogate(function)


# ---- the one that draws ---------------------------------------------------------------------------------------------


def test_the_stochastic_operator_draws_from_torchs_generator_and_is_the_leaky_one_in_the_mean():
    u = torch.tensor([-0.4]).expand(4000)
    surrogate = as_surrogate(theirs.SSO(mean=2.0, variance=0.1))
    torch.manual_seed(3)
    first, again = surrogate.gradient(u), surrogate.gradient(u)
    torch.manual_seed(3)
    assert torch.equal(surrogate.gradient(u), first) and not torch.equal(first, again)
    leaky = LeakySpikeOperator(slope=0.2).gradient(u)
    standard_error = 0.1 / 12**0.5 / 4000**0.5  # of a uniform draw of width variance = 0.1
    assert (first - leaky).mean().abs() < 4 * standard_error
    assert torch.equal(surrogate.gradient(-u), LeakySpikeOperator(slope=0.2).gradient(-u))


def test_taking_a_callable_draws_no_number_of_the_callers():
    torch.manual_seed(3)
    expected = torch.rand(2)
    torch.manual_seed(3)
    as_surrogate(theirs.SSO())
    assert torch.equal(torch.rand(2), expected)
