"""Are the right EMs of networks right and the wrong ones wrong? `python verify_networks.py [NAME ...]` prints them.

What they are held against is in this file only: the log-posterior by sums over all joint states, its gradient by
complex steps, its maximum by scipy.
"""

import inspect
import sys
from pathlib import Path

import numpy as np
from scipy import optimize

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from comparisons import catalogue
from outside import OUTSIDERS, networks  # noqa: F401
from outside.data import CASES

PRIOR = {"arrow": 1.0, "arrow-prior": 2.0, "lawn": 1.0, "lawn-prior": 2.0}


class Model:
    """The log-posterior of a problem in logits, and its maximum."""

    def __init__(self, problem):
        case = CASES.get(problem) or catalogue.load(problem)
        self.data, self.alpha, self.draw = case.audit.data, PRIOR[problem], case.draw_start
        self.shapes = case.shapes

    def tables(self, v):
        out, first = {}, 0
        for name, shape in self.shapes.items():
            size = int(np.prod(shape[:-1])) * (shape[-1] - 1)
            free = v[first : first + size].reshape(*shape[:-1], shape[-1] - 1)
            e = np.concatenate([np.exp(free), np.ones((*shape[:-1], 1))], axis=-1)
            out[name], first = e / e.sum(axis=-1, keepdims=True), first + size
        return out

    def value(self, tables, prior=True):
        """Sums over the joint distribution of all variables, an axis for each."""
        names, joint = list(self.shapes), 1.0
        for name, above in zip(names, self.data["parents"], strict=True):
            axes = [names.index(member) for member in (*above, name)]
            spread = np.moveaxis(tables[name].reshape(tables[name].shape + (1,) * (len(names) - len(axes))),
                                 range(len(axes)), axes)  # fmt: skip
            joint = joint * spread
        total = 0.0
        for row, often in zip(self.data["rows"], self.data["frequencies"], strict=True):
            total = total + often * np.log(joint[tuple(slice(None) if np.isnan(x) else int(x) for x in row)].sum())
        extra = sum(np.log(t).sum() for t in tables.values()) * (self.alpha - 1) if prior and self.alpha != 1 else 0.0
        return total + extra

    def gradient(self, v):
        step = 1e-30j * np.eye(len(v))
        return np.array([self.value(self.tables(v + row)).imag for row in step]) * 1e30

    def maximum(self):
        """Climbed to from some random points; logits beyond 14 stay there."""
        size = sum(int(np.prod(s[:-1])) * (s[-1] - 1) for s in self.shapes.values())
        found = []
        for seed in range(6):
            x = np.random.default_rng(seed).normal(size=size)
            end = optimize.minimize(lambda v: -self.value(self.tables(v)), x, jac=lambda v: -self.gradient(v),
                                    method="L-BFGS-B", bounds=[(-30, 30)] * size,
                                    options={"ftol": 1e-15, "gtol": 1e-9, "maxiter": 3000})  # fmt: skip
            found.append((-end.fun, end.x))
        return max(found, key=lambda one: one[0])


def as_step(made, data):
    """The cycle of a factory, and its report of the log-likelihood, if it has one."""
    given = made(data)
    if callable(given) and not hasattr(given, "e_step"):
        return given, None
    return (lambda p: given.m_step(given.e_step(p)[0], p)), lambda p: given.e_step(p)[1]


def faults(entry, model, best, top):
    """What is wrong, in words; nothing where it is right."""
    start = model.draw(np.random.default_rng(5))
    if len(inspect.signature(entry.make).parameters) == 2:
        ended = entry.make(model.data, start)
        natural = {name: np.asarray(ended[name]) for name in model.shapes}
        short = best - model.value(natural)
        allowed = 1e-2 if entry.remark == "stops early" else 1e-6
        if "log_likelihood" in ended and abs(ended["log_likelihood"] - model.value(natural, prior=False)) > 1e-6:
            return "reports another log-likelihood"
        return f"ends {short:.2g} below the maximum" if short > allowed else ""
    step, told = as_step(entry.make, model.data)
    at_top = step(top)
    moved = max(np.abs(at_top[name] - top[name]).max() for name in top)
    if moved > 1e-5:
        return f"moves the maximum by {moved:.2g}"
    now = start
    for _ in range(5):
        new = step(now)
        if model.value(new) < model.value(now) - 1e-9:
            return "falls"
        now = new
    if told is not None and abs(told(start) - model.value(start, prior=False)) > 1e-8 * abs(told(start)):
        return "reports another log-likelihood"
    return ""


def main():
    """Write every EM whose label is not what is found; and how many there are of each kind."""
    models = {problem: Model(problem) for problem in PRIOR}
    tops = {problem: model.maximum() for problem, model in models.items()}
    some = [e for e in OUTSIDERS if e.problem in PRIOR and (not sys.argv[1:] or e.name in sys.argv[1:])]
    unlike = 0
    for entry in some:
        best, x = tops[entry.problem]
        found = faults(entry, models[entry.problem], best, models[entry.problem].tables(x))
        if bool(found) != entry.wrong or sys.argv[1:]:
            unlike += bool(found) != entry.wrong
            sys.stdout.write(f"{entry.name} {'wrong' if entry.wrong else 'right'} - {found or 'nothing found'}\n")
    wrong = sum(e.wrong for e in some)
    sys.stdout.write(f"{wrong} wrong, {len(some) - wrong} right; mislabelled: {unlike}\n")


if __name__ == "__main__":
    main()
