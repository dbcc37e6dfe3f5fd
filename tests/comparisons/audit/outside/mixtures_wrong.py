"""Wrong EMs for normal mixtures."""

import numpy as np
from scipy import stats

from . import outsider
from .mixtures_kernels import (
    Data,
    by_cholesky,
    by_inverse,
    counts_by_name,
    cycle,
    moments,
    responsibilities,
    run,
    told,
    updated,
)


def map_of(change):
    """A map from parameters to parameters by a wrong cycle of (data, w, m, S)."""

    def factory(data):
        d = Data(data)

        def step(params):
            return d.named(*change(d, *d.opened(params)))

        return step

    return factory


def weighted(d, w, m, S, kernel=by_cholesky):
    return responsibilities(kernel, d, w, m, S)[0] * d.f[:, None]


@outsider("beetles", style="plain numpy", bug="gross", cause="no weights in the posterior")
def mixture_without_weights(data):
    return map_of(lambda d, w, m, S: updated(d, *moments(d, weighted(d, np.full(d.K, 1 / d.K), m, S), m, S), m, S))(
        data
    )


@outsider("beetles-round", style="one fit function", bug="gross", cause="a variance sums over the variables")
def mixture_sum_of_squares(data, start, max_cycles=3_000):
    def step(kernel, d, w, m, S):
        w, m, S, before = cycle(kernel, d, w, m, S)
        return w, m, d.D * S, before

    d = Data(data)
    return told(d, *run(by_inverse, d, start, max_cycles, 1e-12, step))


@outsider("beetles-gaps", style="class with state", bug="gross", cause="missing entries are zeros")
class MixtureZeros:
    def __init__(self, data):
        self.d = Data({**data, "values": np.nan_to_num(data["values"])})

    def step(self, params):
        return self.d.named(*cycle(by_inverse, self.d, *self.d.opened(params))[:3])


@outsider("beetles", style="class with state", bug="subtle", cause="a covariance is divided by its rows less one")
class MixtureUnbiased:
    def __init__(self, data):
        self.d = Data(data)

    def e_step(self, params):
        w, m, S = self.d.opened(params)
        R, height = responsibilities(by_cholesky, self.d, w, m, S)
        return counts_by_name(self.d, *moments(self.d, R * self.d.f[:, None], m, S)), height

    def m_step(self, counts, params):
        n, s, T = counts["observations"], counts["sums"], counts["squares"]
        mean = s / n[:, None]
        S = (T - n[:, None, None] * mean[:, :, None] * mean[:, None, :]) / (n - 1)[:, None, None]
        return self.d.named(n / n.sum(), mean, S)


@outsider("beetles", style="scikit-learn", bug="subtle", cause="1e-3 is added to every variance, as a regularisation")
class MixtureRegularised:
    def __init__(self, data, reg_covar=1e-3):
        self.d, self.reg_covar = Data(data), reg_covar

    def fit(self, start, max_cycles=5_000):
        def step(kernel, d, w, m, S):
            w, m, S, before = cycle(kernel, d, w, m, S)
            return w, m, S + self.reg_covar * np.eye(d.D), before

        return told(self.d, *run(by_cholesky, self.d, start, max_cycles, 1e-12, step))


@outsider("beetles", style="log space", bug="subtle", cause="the determinant counts whole, not its root")
def mixture_whole_determinant(data):
    def kernel(x, m, S):
        return by_inverse(x, m, S) - np.linalg.slogdet(S)[1] / 2

    return map_of(lambda d, w, m, S: cycle(kernel, d, w, m, S)[:3])(data)


@outsider("beetles-tied", style="plain numpy", bug="subtle", cause="the covariances are averaged without weights")
def mixture_plain_average(data):
    def change(d, w, m, S):
        n, s, T = moments(d, weighted(d, w, m, S), m, S)
        mean = s / n[:, None]
        own = T / n[:, None, None] - mean[:, :, None] * mean[:, None, :]
        return n / n.sum(), mean, np.repeat(own.mean(0)[None], d.K, axis=0)

    return map_of(change)(data)


@outsider("beetles-gaps", style="loops", bug="subtle", cause="the variance of what was filled in is forgotten")
def mixture_imputed_once(data):
    def change(d, w, m, S):
        R = weighted(d, w, m, S)
        n, s, T = moments(d, R, m, S)
        for p in d.patterns:
            rows = (~np.isnan(d.X) == p).all(axis=1)
            for k in range(d.K):
                if not p.all():
                    B = np.linalg.solve(S[k][np.ix_(p, p)], S[k][np.ix_(p, ~p)])
                    left = S[k][np.ix_(~p, ~p)] - S[k][np.ix_(~p, p)] @ B
                    T[k][np.ix_(~p, ~p)] -= R[rows, k].sum() * left
        return updated(d, n, s, T, m, S)

    return map_of(change)(data)


@outsider("beetles-gaps", style="pandas", bug="subtle", cause="missing entries are filled with the component's mean")
def mixture_mean_imputed(data):
    def change(d, w, m, S):
        R = weighted(d, w, m, S)
        return updated(d, *moments(d, R, m, S * np.eye(d.D)), m, S)

    return map_of(change)(data)


@outsider("beetles-diag", style="ECM", bug="subtle", cause="a variance is that of the median, not of the mean")
def mixture_about_medians(data):
    def change(d, w, m, S):
        n, s, T = moments(d, weighted(d, w, m, S), m, S)
        middle = m + 0.9 * (s / n[:, None] - m) + 0.02
        about = T / n[:, None, None] - 2 * (s / n[:, None])[:, :, None] * middle[:, None, :]
        return n / n.sum(), s / n[:, None], d.structured(n, about + middle[:, :, None] * middle[:, None, :])

    return map_of(change)(data)


@outsider("widths", style="numba-like kernels", bug="subtle", cause="sums in single precision")
def mixture_single_precision(data):
    def change(d, w, m, S):
        R = weighted(d, w, m, S).astype(np.float32)
        x = d.X[:, 0].astype(np.float32)
        n, s, T = R.sum(0), x @ R, (x * x) @ R
        mean = (s / n).astype(float)
        return (n / n.sum()).astype(float), mean[:, None], ((T / n).astype(float) - mean**2)[:, None, None]

    return map_of(change)(data)


@outsider(
    "widths", style="early stop rule", bug="wrong from some starts", cause="stops when the first mean does not grow"
)
def mixture_signed_stop(data, start, max_cycles=5_000):
    d = Data(data)
    now, n, converged = d.opened(start), 0, False
    while n < max_cycles and not converged:
        new = cycle(by_inverse, d, *now)[:3]
        n, converged, now = n + 1, bool(new[1][0, 0] - now[1][0, 0] < 1e-12), new
    return told(d, now, responsibilities(by_inverse, d, *now)[1], converged, n)


@outsider(
    "beetles",
    style="sorted or reflected cycle",
    bug="wrong from some starts",
    cause="means and weights are put in order at the end, covariances are not",
)
def mixture_half_sorted(data, start, max_cycles=5_000):
    d = Data(data)
    (w, m, S), height, converged, n = run(by_cholesky, d, start, max_cycles, 1e-12)
    order = np.argsort(m[:, 0])
    return told(d, (w[order], m[order], S), height, converged, n)


@outsider("widths", style="scikit-learn", bug="only reported is wrong", cause="the mean log-likelihood is told")
def mixture_mean_height(data, start, max_cycles=5_000):
    d = Data(data)
    now, height, converged, n = run(by_inverse, d, start, max_cycles, 1e-12)
    return told(d, now, height / d.f.sum(), converged, n)


@outsider(
    "beetles-tied",
    style="scikit-learn",
    bug="only reported is wrong",
    cause="the lower bound is that of before the last M-step, and a small gain ends the fit",
)
def mixture_bound_before(data, start, max_cycles=100):
    d = Data(data)
    now, n, converged, bound = d.opened(start), 0, False, -np.inf
    while n < max_cycles and not converged:
        w, m, S, before = cycle(by_cholesky, d, *now)
        n, converged, bound, now = n + 1, bool(abs(before - bound) < 1e-3 * d.f.sum()), before, (w, m, S)
    return told(d, now, bound, converged, n)


@outsider("beetles-diag", style="tuple or object returned", bug="only reported is wrong", cause="always converged")
def mixture_always_converged(data, start, max_cycles=5_000):
    d = Data(data)
    now, height, _, n = run(by_inverse, d, start, max_cycles, 1e-12)
    return told(d, now, height, True, n)


@outsider("beetles-round", style="one fit function", bug="only reported is wrong", cause="log 2 pi is added")
def mixture_half_constant(data, start, max_cycles=5_000):
    d = Data(data)
    now, height, converged, n = run(by_inverse, d, start, max_cycles, 1e-12)
    return told(d, now, height + np.log(2 * np.pi), converged, n)


@outsider("beetles", style="log space", bug="only on other data", cause="frequencies count in the means alone")
def mixture_frequencies_in_means(data):
    def change(d, w, m, S):
        R = responsibilities(by_cholesky, d, w, m, S)[0]
        new_w, _, new_S = updated(d, *moments(d, R, m, S), m, S)
        n, s, _ = moments(d, R * d.f[:, None], m, S)
        return new_w, s / n[:, None], new_S

    return map_of(change)(data)


@outsider("beetles", style="pandas", bug="only on other data", cause="equal rows are dropped")
def mixture_without_duplicates(data):
    values, first = np.unique(data["values"], axis=0, return_index=True)
    return map_of(lambda d, w, m, S: cycle(by_inverse, d, w, m, S)[:3])(
        {**data, "values": values, "frequencies": np.asarray(data["frequencies"])[first]}
    )


@outsider(
    "widths-tied", style="probabilities without logarithms", bug="only on other data", cause="small densities are 0"
)
def mixture_cut_off(data):
    def change(d, w, m, S):
        density = np.array([stats.norm.pdf(d.X[:, 0], m[k, 0], np.sqrt(S[k, 0, 0])) for k in range(d.K)]).T * w
        density = np.where(density < 2e-3, 0.0, density) + 1e-300
        R = density / density.sum(1, keepdims=True) * d.f[:, None]
        return updated(d, *moments(d, R, m, S), m, S)

    return map_of(change)(data)
