"""Right EMs for normal mixtures: forms, each with kernels, on all problems."""

import numpy as np

from . import outsider
from .mixtures_kernels import (
    KERNELS,
    Data,
    apart,
    counts_by_name,
    cycle,
    moments,
    responsibilities,
    run,
    told,
    updated,
)

PROBLEMS = ("widths", "widths-tied", "beetles", "beetles-tied", "beetles-diag", "beetles-round", "beetles-gaps")
FORMS = []


def form(style, remark="", cause="", kernels=("cholesky",)):
    """Enter a form: a function of the kernel that gives what is audited."""

    def enter(make):
        FORMS.append((make, style, remark, cause, kernels))
        return make

    return enter


@form("log space", cause="E-step with counts by name, M-step", kernels=("inverse", "cholesky", "scipy"))
def steps(kernel):
    class MixtureEM:
        def __init__(self, data):
            self.d = Data(data)

        def e_step(self, params):
            w, m, S = self.d.opened(params)
            R, height = responsibilities(kernel, self.d, w, m, S)
            return counts_by_name(self.d, *moments(self.d, R * self.d.f[:, None], m, S)), height

        def m_step(self, counts, params):
            d = self.d
            _, _, S = d.opened(params)
            n, s = counts["observations"], np.reshape(counts["sums"], (d.K, d.D))
            mean = s / n[:, None]
            squares = counts["squares"]
            tied = d.kind == "tied"
            crossed = n[:, None, None] * mean[:, :, None] * mean[:, None, :]
            if d.spread == "covariance":
                own = (squares - crossed.sum(0)) / n.sum() if tied else (squares - crossed) / n[:, None, None]
                S = np.broadcast_to(own, S.shape)
            elif d.D > 1 and d.kind == "diag":
                S = ((squares - np.diagonal(crossed, axis1=1, axis2=2)) / n[:, None])[:, :, None] * np.eye(d.D)
            else:
                left = np.trace(crossed, axis1=1, axis2=2)
                v = (squares - left.sum()) / n.sum() / d.D if tied else (squares - left) / n / d.D
                S = np.broadcast_to(v, (d.K,))[:, None, None] * np.eye(d.D)
            return d.named(n / n.sum(), mean, S)

    return MixtureEM


@form("plain numpy", cause="a map from parameters to parameters", kernels=("inverse", "scipy"))
def step_map(kernel):
    def factory(data):
        d = Data(data)

        def step(params):
            return d.named(*cycle(kernel, d, *d.opened(params))[:3])

        return step

    return factory


@form("one fit function", cause="all reported, until nothing moves", kernels=("cholesky", "scipy"))
def fit_function(kernel):
    def fit(data, start, max_cycles=20_000):
        d = Data(data)
        return told(d, *run(kernel, d, start, max_cycles))

    return fit


@form("flat vector", cause="one array: triangles of covariances, weights, means", kernels=("inverse", "cholesky"))
def flat_vector(kernel):
    class FlatMixture:
        def __init__(self, data):
            self.d = Data(data)
            self.parameter_order = (self.d.spread, "weight", "mean")

        def step(self, v):
            d, v = self.d, np.asarray(v, dtype=float)
            i, j = np.tril_indices(d.D)
            count = 1 if d.kind == "tied" else d.K
            if d.spread == "covariance":
                size = count * len(i)
                spread = np.zeros((count, d.D, d.D))
                spread[:, i, j] = spread[:, j, i] = v[:size].reshape(count, len(i))
                spread = spread[0] if d.kind == "tied" else spread
            else:
                size = d.K * d.D if d.kind == "diag" and d.D > 1 else count
                spread = v[:size].reshape(d.K, d.D) if size > d.K else v[:size]
            weight, mean = np.split(v[size:], [d.K])
            mean = mean if d.flat else mean.reshape(d.K, d.D)
            new = d.named(*cycle(kernel, d, *d.opened({"weight": weight, "mean": mean, d.spread: spread}))[:3])
            s = new[d.spread]
            # Of symmetric matrices the lower triangle.
            s = s[..., i, j] if d.spread == "covariance" else s
            return np.concatenate([np.ravel(s), new["weight"], np.ravel(new["mean"])])

    return FlatMixture


@form("scikit-learn", cause="an estimator with fit and attributes, standard deviations inside", kernels=("inverse",))
def estimator(kernel):
    class MixtureModel:
        def __init__(self, data, tol=1e-13, max_iter=20_000):
            self.d, self.tol, self.max_iter = Data(data), tol, max_iter

        def fit(self, start, max_cycles=None):
            now, height, self.converged_, self.n_iter_ = run(
                kernel, self.d, start, max_cycles or self.max_iter, self.tol
            )
            self.weights_, self.means_, self.covariances_ = now
            self.lower_bound_ = height
            return told(self.d, now, height, self.converged_, self.n_iter_)

    return MixtureModel


@form("guarded SQUAREM", remark="accelerated", cause="extrapolates, if that climbs", kernels=("cholesky",))
def squarem(kernel):
    def fit(data, start, max_cycles=3_000):
        d = Data(data)
        now, n, converged = d.opened(start), 0, False

        def joined(z):
            return np.concatenate([np.ravel(part) for part in z])

        def parted(v):
            sizes = np.cumsum([d.K, d.K * d.D])
            w, m, S = np.split(v, sizes)
            return w, m.reshape(d.K, d.D), S.reshape(d.K, d.D, d.D)

        def inside(z):
            return (z[0] > 0).all() and (np.linalg.eigvalsh(z[2]) > 0).all()

        while n < max_cycles and not converged:
            one = cycle(kernel, d, *now)[:3]
            two = cycle(kernel, d, *one)[:3]
            r, v = joined(one) - joined(now), joined(two) - 2 * joined(one) + joined(now)
            length = -max(1.0, min(50.0, float(np.sqrt((r @ r) / max(v @ v, 1e-300)))))
            jump = parted(joined(now) - 2 * length * r + length**2 * v)
            new = two
            if inside(jump):
                tried = cycle(kernel, d, *jump)
                if tried[3] >= responsibilities(kernel, d, *two)[1]:
                    new = tried[:3]
            n, converged, now = n + 1, bool(apart(one, now) < 1e-12), new
        return told(d, now, responsibilities(kernel, d, *now)[1], converged, n)

    return fit


@form("ECM", cause="posteriors anew before weights, before means, before covariances", kernels=("cholesky", "inverse"))
def ecm(kernel):
    def factory(data):
        d = Data(data)

        def parts(w, m, S):
            R, _ = responsibilities(kernel, d, w, m, S)
            return moments(d, R * d.f[:, None], m, S)

        def step(params):
            w, m, S = d.opened(params)
            n = parts(w, m, S)[0]
            w = n / n.sum()
            m = updated(d, *parts(w, m, S), m, S)[1]
            n, s, T = parts(w, m, S)
            some = np.where(n > 1e-300, n, 1.0)
            # About the means that are held, not about those that these posteriors would give.
            cross = s[:, :, None] * m[:, None, :]
            about = T - cross - np.swapaxes(cross, 1, 2) + n[:, None, None] * m[:, :, None] * m[:, None, :]
            return d.named(w, m, d.structured(n, about / some[:, None, None]))

        return step

    return factory


@form("early stop rule", remark="stops early", cause="stops when the log-likelihood gains less than 1e-8 of itself")
def stops_on_gain(kernel):
    def fit(data, start, max_cycles=2_000):
        d = Data(data)
        now, n, before, converged = d.opened(start), 0, -np.inf, False
        height = responsibilities(kernel, d, *now)[1]
        while n < max_cycles and not converged:
            now, before = cycle(kernel, d, *now)[:3], height
            height = responsibilities(kernel, d, *now)[1]
            n, converged = n + 1, bool(height - before < 1e-8 * (1 + abs(before)))
        return told(d, now, height, converged, n)

    return fit


@form("class with state", cause="rows one after the other, one component after the other")
def stateful(kernel):
    class RowByRow:
        def __init__(self, data):
            self.d = Data(data)

        def expect(self, w, m, S):
            self.R = responsibilities(kernel, self.d, w, m, S)[0]

        def maximise(self, m, S):
            return updated(self.d, *moments(self.d, self.R * self.d.f[:, None], m, S), m, S)

        def step(self, params):
            w, m, S = self.d.opened(params)
            self.expect(w, m, S)
            return self.d.named(*self.maximise(m, S))

    return RowByRow


@form(
    "inner optimiser at its defaults",
    remark="generalised",
    cause="covariances go half way",
    kernels=("inverse",),
)
def half_way(kernel):
    def factory(data):
        d = Data(data)

        def step(params):
            w, m, S = d.opened(params)
            R, _ = responsibilities(kernel, d, w, m, S)
            n, s, T = moments(d, R * d.f[:, None], m, S)
            new_w, new_m, new_S = updated(d, n, s, T, m, S)
            # Q is concave along straight lines of the precisions.
            halved = np.linalg.inv((np.linalg.inv(S) + np.linalg.inv(new_S)) / 2)
            return d.named(new_w, new_m, halved)

        return step

    return factory


@form("over-relaxed", remark="accelerated", cause="one and a half steps for the means, if that climbs")
def relaxed(kernel):
    def factory(data):
        d = Data(data)

        def step(params):
            now = d.opened(params)
            w, m, S, _ = cycle(kernel, d, *now)
            further = m + 0.5 * (m - now[1])
            if responsibilities(kernel, d, w, further, S)[1] > responsibilities(kernel, d, w, m, S)[1]:
                m = further
            return d.named(w, m, S)

        return step

    return factory


@form("sorted or reflected cycle", cause="a fit whose components are returned in the order of their first means")
def sorted_fit(kernel):
    def fit(data, start, max_cycles=20_000):
        d = Data(data)
        (w, m, S), height, converged, n = run(kernel, d, start, max_cycles)
        order = np.argsort(m[:, 0])
        return told(d, (w[order], m[order], S[order]), height, converged, n)

    return fit


@form("tuple or object returned", cause="parameters and log-likelihood as a pair")
def pair(kernel):
    def fit(data, start):
        d = Data(data)
        now, height, _, _ = run(kernel, d, start, 20_000)
        return d.named(*now), height

    return fit


@form("probabilities without logarithms", remark="not robust at edges", cause="plain densities", kernels=("scipy",))
def densities(kernel):
    def factory(data):
        d = Data(data)

        def step(params):
            w, m, S = d.opened(params)
            joint = np.empty((len(d.X), d.K))
            for p in d.patterns:
                rows = (~np.isnan(d.X) == p).all(axis=1)
                for k in range(d.K):
                    joint[rows, k] = w[k] * np.exp(kernel(d.X[rows][:, p], m[k, p], S[k][np.ix_(p, p)]))
            R = joint / joint.sum(axis=1, keepdims=True) * d.f[:, None]
            return d.named(*updated(d, *moments(d, R, m, S), m, S))

        return step

    return factory


@form("numba-like kernels", remark="generalised", cause="a few rows at a time, and an M-step after each of them")
def incremental(kernel):
    def fit(data, start, max_cycles=5_000):
        d = Data(data)
        now, n, converged = d.opened(start), 0, False
        R = responsibilities(kernel, d, *now)[0] * d.f[:, None]
        place = np.arange(len(d.X)) % 3
        while n < max_cycles and not converged:
            before = now
            for some in range(3):
                fresh = responsibilities(kernel, d, *now)[0] * d.f[:, None]
                R = np.where((place == some)[:, None], fresh, R)
                now = updated(d, *moments(d, R, *now[1:]), *now[1:])
            n, converged = n + 1, bool(apart(now, before) < 1e-13)
        return told(d, now, responsibilities(kernel, d, *now)[1], converged, n)

    return fit


def _entered():
    for make, style, remark, cause, kernels in FORMS:
        for kernel in kernels:
            for problem in PROBLEMS:
                em = make(KERNELS[kernel])
                em.__name__ = f"mixture_{make.__name__}_{kernel}_{problem.replace('-', '_')}"
                outsider(problem, style=style, remark=remark, cause=f"{cause}; {kernel}")(em)


_entered()
