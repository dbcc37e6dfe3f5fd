"""Right EMs for latent classes: twelve forms, each with three kernels on four problems."""

import numpy as np

from . import outsider
from .classes_kernels import KERNELS, apart, counted, cycle, named, opened, shares

PROBLEMS = ("stouffer-toby", "carcinoma-2", "votes", "moods")
FORMS = []


def form(style, remark="", cause="", problems=PROBLEMS):
    """Enter a form: a function of the kernel that gives what is audited."""

    def enter(make):
        FORMS.append((make, style, remark, cause, problems))
        return make

    return enter


@form("log space", cause="a class with an E-step that gives respondents and answers, and an M-step")
def steps(kernel):
    class LatentClassEM:
        def __init__(self, data):
            self.X, self.f, self.sizes = data["responses"], data["frequencies"], data["categories"]

        def e_step(self, params):
            Z, L = kernel(self.X, *opened(params, self.sizes))
            n, answers = counted(self.X, self.f, Z, self.sizes)
            return {"respondents": n, "answers": np.hstack(answers)}, float(self.f @ L)

        def m_step(self, counts, params):
            _, P = opened(params, self.sizes)
            answers = np.split(counts["answers"], np.cumsum(self.sizes)[:-1], axis=1)
            return named(counts["respondents"] / counts["respondents"].sum(), shares(answers, P))

    return LatentClassEM


@form("plain numpy", cause="a map from parameters to parameters")
def step_map(kernel):
    def factory(data):
        def step(params):
            model = opened(params, data["categories"])
            return named(*cycle(kernel, data["responses"], data["frequencies"], *model)[:2])

        return step

    return factory


def run(kernel, data, start, max_cycles, tolerance=1e-13):
    X, f, model = data["responses"], data["frequencies"], opened(start, data["categories"])
    converged, n = False, 0
    while n < max_cycles and not converged:
        new = cycle(kernel, X, f, *model)[:2]
        n, converged, model = n + 1, bool(apart(new, model) < tolerance), new
    return model, float(f @ kernel(X, *model)[1]), converged, n


@form("one fit function", cause="a function of data and start that says everything")
def fit_function(kernel):
    def latent_class_fit(data, start, max_cycles=20000):
        model, ll, converged, n = run(kernel, data, start, max_cycles)
        return {"params": named(*model), "log_likelihood": ll, "converged": converged, "cycles": n}

    return latent_class_fit


@form("scikit-learn", cause="an estimator with attributes")
def estimator(kernel):
    class LCA:
        def __init__(self, data, tol=1e-13, max_iter=20000):
            self.data, self.tol, self.max_iter = data, tol, max_iter

        def fit(self, start, max_cycles=None):
            found = run(kernel, self.data, start, max_cycles or self.max_iter, self.tol)
            (self.weights_, self.P_), self.lower_bound_, self.converged_, self.n_iter_ = found
            return {
                "params": named(self.weights_, self.P_),
                "log_likelihood": self.lower_bound_,
                "converged": self.converged_,
                "cycles": self.n_iter_,
            }

    return LCA


@form("early stop rule", "stops early", cause="stops when no parameter changes by 1e-6")
def stops_early(kernel):
    def six_places(data, start, max_cycles=5000):
        model, ll, converged, n = run(kernel, data, start, max_cycles, 1e-6)
        return {"params": named(*model), "log_likelihood": ll, "converged": converged, "cycles": n}

    return six_places


@form("flat vector", cause="one vector, probabilities first")
def flat_vector(kernel):
    class Flat:
        def __init__(self, data):
            self.data = data
            sizes, K = [int(c) for c in data["categories"]], int(data["classes"])
            self.shapes = {
                ("probability" if c == 2 else f"probability{c}"): (K, sizes.count(c), *([] if c == 2 else [c]))
                for c in sorted(set(sizes))
            }
            self.shapes["weight"] = (K,)
            self.parameter_order = tuple(self.shapes)

        def step(self, v):
            ends = np.cumsum([int(np.prod(shape)) for shape in self.shapes.values()])
            parts = zip(self.shapes.items(), np.split(np.asarray(v), ends[:-1]), strict=True)
            params = {name: part.reshape(shape) for (name, shape), part in parts}
            model = opened(params, self.data["categories"])
            new = named(*cycle(kernel, self.data["responses"], self.data["frequencies"], *model)[:2])
            return np.concatenate([new[name].ravel() for name in self.shapes])

    return Flat


def _vector(model):
    return np.concatenate([model[0], *(p.ravel() for p in model[1])])


def _model(v, like):
    K, P, at = len(like[0]), [], len(like[0])
    for p in like[1]:
        P.append(v[at : at + p.size].reshape(p.shape))
        at += p.size
    return v[:K], P


@form("guarded SQUAREM", "accelerated", cause="SQUAREM on the parameters themselves; back if it leaves or falls")
def squarem(kernel):
    def squared(data, start, max_cycles=4000):
        X, f, now = data["responses"], data["frequencies"], opened(start, data["categories"])
        n, converged = 0, False
        while n < max_cycles and not converged:
            one = cycle(kernel, X, f, *now)[:2]
            n += 1
            converged = bool(apart(one, now) < 1e-13)
            if converged or n == max_cycles:
                now = one
                break
            two = cycle(kernel, X, f, *one)[:2]
            n += 1
            r, v = _vector(one) - _vector(now), _vector(two) - 2 * _vector(one) + _vector(now)
            a = -max(1.0, float(np.linalg.norm(r) / max(np.linalg.norm(v), 1e-300)))
            jump = _model(_vector(now) - 2 * a * r + a * a * v, now)
            good = _vector(jump).min() >= 0 and f @ kernel(X, *jump)[1] >= f @ kernel(X, *two)[1]
            now = jump if good else two
        ll = float(f @ kernel(X, *now)[1])
        return {"params": named(*now), "log_likelihood": ll, "converged": converged, "cycles": n}

    return squared


@form("over-relaxed", "accelerated", cause="a step 1.4 times as long, if that stays inside and climbs")
def over_relaxed(kernel):
    def factory(data):
        X, f = data["responses"], data["frequencies"]

        def step(params):
            model = opened(params, data["categories"])
            new = cycle(kernel, X, f, *model)[:2]
            long = _model(_vector(model) + 1.4 * (_vector(new) - _vector(model)), model)
            if _vector(long).min() <= 0 or f @ kernel(X, *long)[1] < f @ kernel(X, *new)[1]:
                return named(*new)
            return named(*long)

        return step

    return factory


@form("ECM", cause="the posterior anew before the shares and before each item")
def item_by_item(kernel):
    def factory(data):
        X, f = data["responses"], data["frequencies"]

        def step(params):
            w, P = opened(params, data["categories"])
            w = cycle(kernel, X, f, w, P)[0]
            for i in range(len(P)):
                P[i] = cycle(kernel, X, f, w, P)[1][i]
            return named(w, P)

        return step

    return factory


@form("inner optimiser at its defaults", "generalised", cause="seven tenths of the way to the M-step's maximum")
def damped(kernel):
    def factory(data):
        def step(params):
            model = opened(params, data["categories"])
            new = cycle(kernel, data["responses"], data["frequencies"], *model)[:2]
            return named(*_model(0.3 * _vector(model) + 0.7 * _vector(new), model))

        return step

    return factory


@form("PX-EM", "generalised", cause="missing answers are completed by their expectation", problems=("votes", "moods"))
def imputing(kernel):
    def factory(data):
        X, f = data["responses"], data["frequencies"]

        def step(params):
            w, P = opened(params, data["categories"])
            Z, _ = kernel(X, w, P)
            n, answers = counted(X, f, Z, data["categories"])
            full = [a + (n[:, None] - a.sum(axis=1, keepdims=True)) * p for a, p in zip(answers, P, strict=True)]
            return named(n / n.sum(), shares(full, P))

        return step

    return factory


@form("class with state", "accelerated", cause="Neal and Hinton: rows in four blocks, an M-step after each")
def in_blocks(kernel):
    class Incremental:
        def __init__(self, data):
            self.X, self.f, self.sizes = data["responses"], data["frequencies"], data["categories"]

        def fit(self, start, max_cycles=8000):
            w, P = opened(start, self.sizes)
            Z, blocks = kernel(self.X, w, P)[0], np.arange(len(self.X)) % 4
            for n in range(1, max_cycles + 1):  # noqa: B007
                before = w, P
                for block in range(4):
                    rows = blocks == block
                    if rows.any():
                        Z[rows] = kernel(self.X[rows], w, P)[0]
                    size, answers = counted(self.X, self.f, Z, self.sizes)
                    w, P = size / size.sum(), shares(answers, P)
                if apart((w, P), before) < 1e-13:
                    break
            return named(w, P)

    return Incremental


@form("sorted or reflected cycle", cause="the largest class comes first after every cycle")
def largest_first(kernel):
    def factory(data):
        def step(params):
            model = opened(params, data["categories"])
            w, P, _ = cycle(kernel, data["responses"], data["frequencies"], *model)
            order = np.argsort(-w, kind="stable")
            return named(w[order], [p[order] for p in P])

        return step

    return factory


for make, style, remark, cause, problems in FORMS:
    for kernel in KERNELS.values():
        for problem in problems:
            made = make(kernel)
            made.__name__ = f"{make.__name__}_{kernel.__name__}_{problem.replace('-', '_')}"
            outsider(problem, style=style, remark=remark, cause=cause)(made)
