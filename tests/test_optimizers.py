"""Optimisers: one rule, from which numbers, arrays and the page come; PyTorch as a witness."""

from __future__ import annotations

import json
import random
from dataclasses import replace

import pytest
from tools import require

from backprop_symbolic.errors import BadSetting, UnknownName, Unverified
from backprop_symbolic.numeric import optimizers as rules
from backprop_symbolic.numeric.descent import LAST, at, descent
from backprop_symbolic.numeric.optimizers import Claim, Optimizer, Recurrence, optimizers
from backprop_symbolic.render import Options, render

OTHERS = {
    "sgd": [{}],
    "momentum": [{}, {"momentum": 0.3}],
    "nesterov": [{}, {"momentum": 0.75}],
    "adagrad": [{}, {"epsilon": 0.1}],
    "rmsprop": [{}, {"alpha": 0.4, "epsilon": 1e-3}],
    "adam": [{}, {"beta1": 0.5, "beta2": 0.7, "epsilon": 1e-4}],
}
CASES = [(name, given) for name, many in OTHERS.items() for given in many]
ALL = pytest.mark.parametrize("optimizer", list(optimizers), ids=lambda o: o.name)


def torch_optimizer(torch, name, parameters, rate, given):
    """The same optimiser of torch.optim, by its own names of the hyperparameters."""
    if name in ("sgd", "momentum", "nesterov"):
        momentum = 0.0 if name == "sgd" else given.get("momentum", 0.9)
        return torch.optim.SGD(parameters, lr=rate, momentum=momentum, nesterov=name == "nesterov")
    if name == "adagrad":
        return torch.optim.Adagrad(parameters, lr=rate, eps=given.get("epsilon", 1e-10))
    if name == "rmsprop":
        return torch.optim.RMSprop(
            parameters, lr=rate, alpha=given.get("alpha", 0.99), eps=given.get("epsilon", 1e-8)
        )
    betas = (given.get("beta1", 0.9), given.get("beta2", 0.999))
    return torch.optim.Adam(parameters, lr=rate, betas=betas, eps=given.get("epsilon", 1e-8))


@pytest.mark.parametrize("form", ["scalar", "arrays"])
@pytest.mark.parametrize(("name", "given"), CASES, ids=str)
def test_every_update_is_that_of_torch(name, given, form):
    """Forty updates by the same gradients: each weight after each update, to 1e-12."""
    torch, np = require("torch"), require("numpy")
    draw = random.Random(f"{name}{given}")
    start = [draw.uniform(-1, 1) for _ in range(6)]
    theirs = torch.tensor(start, dtype=torch.float64, requires_grad=True)
    other = torch_optimizer(torch, name, [theirs], 0.05, given)
    optimizer = optimizers.get(name)
    if form == "scalar":
        update = rules.compile_scalar(optimizer, given)
        ours, states, work = tuple(start), tuple((0.0,) * 6 for _ in optimizer.states), None
    else:
        update = rules.compile_arrays(optimizer, given)
        ours = [np.array(start).reshape(2, 3)]
        states = tuple([np.zeros((2, 3))] for _ in optimizer.states)
        work = [np.empty(6) for _ in range(update.buffers)]
    for t in range(1, 41):
        slopes = [draw.gauss(0, 10 ** draw.uniform(-3, 1)) for _ in range(6)]
        theirs.grad = torch.tensor(slopes, dtype=torch.float64)
        other.step()
        gradients = slopes if form == "scalar" else [np.array(slopes).reshape(2, 3)]
        ours, states = update(ours, gradients, states, t, 0.05, work)
        flat = ours if form == "scalar" else ours[0].ravel().tolist()
        assert flat == pytest.approx(theirs.detach().tolist(), rel=1e-12, abs=1e-12), t


@ALL
def test_the_page_shows_the_rule_that_trains(optimizer):
    """The last line of the rule is w(t+1), and each line has the formula that the program computes."""
    page = descent(optimizer)
    shown = [step for step in page.steps if step.id.startswith("r")]
    assert [str(step.lhs.args[0]) for step in shown] == [name for name, _ in optimizer.rule]
    assert str(shown[-1].lhs.args[0]) == "w"
    for step, (_, expr) in zip(shown, rules.lines(optimizer), strict=True):
        assert type(step.rhs) is type(expr)


@ALL
def test_every_line_of_a_page_has_evidence(optimizer):
    """Each equality held at two points for each t at which it speaks of something."""
    for step in descent(optimizer).steps:
        assert step.evidence is not None
        assert step.evidence.points >= 2 * (LAST - 1)
        assert step.recompute() == step.rhs


WRONG = [
    ("momentum", Claim("optimizer_series", "v(t)", ("sum(momentum**(t-i+1)*g(i))",))),
    ("momentum", Claim("optimizer_series", "v(t)", ("sum(momentum**(i-1)*g(i))",))),
    ("momentum", Claim("optimizer_constant", "V(t)", ("(1 - momentum**(t+1))/(1 - momentum)*G",))),
    ("nesterov", Claim("optimizer_ahead_end", "w(t+1)", ("w(t) - eta*v(t)",))),
    ("nesterov", Claim("optimizer_ahead_point", "w(t)", ("p(t) + u(t-1)",))),
    ("adagrad", Claim("optimizer_weight", "w(t+1)", ("w(t) - eta*(g(t)/sqrt(s(t) + epsilon))",))),
    ("rmsprop", Claim("optimizer_weights", "sum((1 - alpha)*alpha**(t-i))", ("1",))),
    ("adam", Claim("optimizer_bias", "M(t)", ("G",))),
    ("adam", Claim("optimizer_bias", "M(t)", ("(1 - beta2**t)*G",))),
    ("sgd", Claim("optimizer_all", "w(t+1)", ("w(1) - eta*g(t)",))),
]


@pytest.mark.parametrize(("name", "claim"), WRONG, ids=str)
def test_a_wrong_claim_is_refused(name, claim):
    """What does not follow from the rule is not shown; the error names the line."""
    broken = replace(optimizers.get(name), claims=(claim,))
    with pytest.raises(Unverified, match=r"step c1\.1: .* does not hold at t = \d"):
        descent(broken)


def test_a_new_optimizer_is_an_entry():
    """Formulas as text are enough: the programs and the page come from them."""
    lion = Optimizer(
        "halved",
        (("v", "v/2 + g"), ("w", "w - eta*v")),
        ("v",),
        claims=(Claim("optimizer_series", "v(t)", ("sum((1/2)**(t-i)*g(i))",)),),
        sequences=(Recurrence("V", "V", 0, "0", "V(t-1)/2 + G"),),
    )
    update = rules.compile_scalar(lion, {})
    assert update((1.0,), (2.0,), ((4.0,),), 1, 0.5) == ((-1.0,), ((4.0,),))
    assert "halved" in render(descent(lion), "text")


def test_a_program_that_differs_from_its_rule_is_refused(monkeypatch):
    """The generated update is compared with the formulas before it is used."""
    monkeypatch.setattr(rules, "scalar_source", lambda o: rules.array_source(o).replace("add", "subtract"))
    with pytest.raises((Unverified, TypeError)):
        rules.compile_scalar(optimizers.get("momentum"), {})
    source = rules.array_source(optimizers.get("adam"))
    monkeypatch.setattr(rules, "array_source", lambda o: source.replace("np.divide(m, c3", "np.divide(m, c4"))
    with pytest.raises(Unverified, match="the program of adam gives"):
        rules.compile_arrays(optimizers.get("adam"), {})


@pytest.mark.parametrize(
    ("name", "given", "error", "message"),
    [
        ("adam", {"beta1": 1.0}, BadSetting, r"--beta1 1: it must be at least 0 and below 1"),
        ("adam", {"epsilon": -1.0}, BadSetting, r"--epsilon -1: it must be at least 0"),
        ("rmsprop", {"alpha": float("nan")}, BadSetting, r"--alpha nan: it must be at least 0 and below 1"),
        (
            "sgd",
            {"momentum": 0.9},
            UnknownName,
            r"no setting 'momentum' of the optimizer sgd\. Known: \(none\)\.",
        ),
    ],
)
def test_hyperparameters_out_of_range_are_refused(name, given, error, message):
    with pytest.raises(error, match=message):
        rules.compile_scalar(optimizers.get(name), given)


@ALL
@pytest.mark.parametrize("language", ["en", "ko"])
@pytest.mark.parametrize("format_", ["latex", "markdown", "text", "json"])
def test_every_page_in_every_format(optimizer, language, format_):
    """Each format of each language is whole: no key, no placeholder, no node left unwritten."""
    text = render(descent(optimizer), format_, Options(language))
    assert optimizer.name in text
    assert "optimizer_" not in text or format_ == "json"
    assert "At(" not in text
    assert "Series(" not in text
    if format_ == "json":
        assert all(
            s["evidence"] for p in json.loads(text)["sections"] for g in p["items"] for s in g["steps"]
        )


def test_a_series_at_one_t_is_its_terms():
    """Σ μ^(t-i) g(i) at t = 3 is μ²g(1) + μg(2) + g(3)."""
    from sympy import symbols

    from backprop_symbolic.algebra import plain

    (series,) = [s.rhs for s in descent(optimizers.get("momentum")).steps if s.id == "c2.1"]
    mu, g1, g2, g3 = symbols("momentum g(1) g(2) g(3)")
    assert plain(at(series, 3)) == mu**2 * g1 + mu * g2 + g3
