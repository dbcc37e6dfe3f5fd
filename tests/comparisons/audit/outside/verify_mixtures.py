"""Are the right EMs right and the wrong ones wrong? `python verify_mixtures.py [NAME ...]` prints name and ok.

What they are held against is in this file only: SciPy's densities row by row, and their maxima by differences.
"""

import sys
import warnings
from pathlib import Path

import numpy as np
from scipy import stats

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from outside import OUTSIDERS
from outside.data_mixtures import CASES_MIXTURES

# An end is right when its distance from a zero of the score, in standard errors, is below this.
NEAR, NEAR_IF_EARLY = 1e-4, 0.2


class Model:
    """Log-likelihood of some data by SciPy, in unbounded coordinates."""

    def __init__(self, data):
        self.data, self.k = data, data["components"]
        self.x = np.asarray(data["values"], dtype=float).reshape(len(data["values"]), -1)
        self.f, self.d, self.kind = np.asarray(data["frequencies"]), self.x.shape[1], data["covariance"]
        self.matrix = self.d > 1 and self.kind in ("full", "tied")
        self.name = "covariance" if self.matrix else "variance"

    def value(self, p):
        """Log-likelihood at parameters by name."""
        w, mean = np.asarray(p["weight"]), np.reshape(p["mean"], (self.k, self.d))
        s, total = np.asarray(p[self.name], dtype=float), 0.0
        seen = ~np.isnan(self.x)
        for o in np.unique(seen[seen.any(axis=1)], axis=0):
            rows, density = (seen == o).all(axis=1), 0.0
            for k in range(self.k):
                own = s if self.kind == "tied" else s[k]
                matrix = own if self.matrix else np.diag(np.broadcast_to(own, self.d))
                part = stats.multivariate_normal.pdf(self.x[rows][:, o], mean[k][o], matrix[np.ix_(o, o)])
                density = density + w[k] * np.atleast_1d(part)
            total += self.f[rows] @ np.log(density)
        return total

    def starts(self, number):
        """Means at quantiles of the data, moved a little, and the components in either order."""
        found = []
        for seed in range(number):
            rng = np.random.default_rng([3, seed])
            sd = np.nanstd(self.x, axis=0)
            quantiles = np.linspace(0.15, 0.85, self.k)[:: 1 if seed % 2 else -1]
            mean = np.nanquantile(self.x, quantiles, axis=0) + 0.1 * sd * rng.normal(size=(self.k, self.d))
            spread = {
                "full": np.tile(np.diag(sd**2), (self.k, 1, 1)),
                "tied": np.diag(sd**2),
                "diag": np.tile(sd**2, (self.k, 1)),
                "spherical": np.full(self.k, (sd**2).mean()),
            }[self.kind]
            if self.d == 1:
                spread, mean = np.full(1 if self.kind == "tied" else self.k, sd[0] ** 2), mean[:, 0]
            found.append({"weight": rng.dirichlet(np.full(self.k, 20.0)), "mean": mean, self.name: spread / 2})
        return found

    def coordinates(self, p):
        w, s = np.asarray(p["weight"]), np.asarray(p[self.name], dtype=float)
        if self.matrix:
            factors = np.linalg.cholesky(s.reshape(-1, self.d, self.d))
            i, j = np.tril_indices(self.d)
            s = np.where(i == j, np.log(np.abs(factors[:, i, j]) + (i != j)), factors[:, i, j]).ravel()
        else:
            s = np.log(s).ravel()
        return np.concatenate([np.log(w[1:] / w[0]), np.ravel(p["mean"]), s])

    def natural(self, v, like):
        w = np.exp(np.append(0.0, v[: self.k - 1]))
        size = np.size(like["mean"])
        mean, s = v[self.k - 1 : self.k - 1 + size], v[self.k - 1 + size :]
        if self.matrix:
            i, j = np.tril_indices(self.d)
            factors = np.zeros((len(s) // len(i), self.d, self.d))
            entries = s.reshape(-1, len(i))
            factors[:, i, j] = np.where(i == j, np.exp(entries), entries)
            s = factors @ np.swapaxes(factors, 1, 2)
        else:
            s = np.exp(s)
        return {"weight": w / w.sum(), "mean": mean.reshape(np.shape(like["mean"])),
                self.name: s.reshape(np.shape(like[self.name]))}  # fmt: skip

    def distance(self, p):
        """From the nearest zero of the score, in standard errors, by a Newton step from differences."""
        v = self.coordinates(p)

        def f(u):
            return self.value(self.natural(u, p))

        step = 1e-4 * (1 + np.abs(v))
        gradient = np.array([(f(v + h) - f(v - h)) / (2 * h.max()) for h in np.diag(step)])
        hessian = np.array(
            [[(f(v + a + b) - f(v + a - b) - f(v - a + b) + f(v - a - b)) / (4 * a.max() * b.max())
              for b in np.diag(step)] for a in np.diag(step)]
        )  # fmt: skip
        return float(np.sqrt(abs(gradient @ np.linalg.solve(hessian, gradient))))


def by_name(found, like):
    if isinstance(found, tuple):
        found = {"params": found[0], "log_likelihood": found[1]}
    elif "params" not in found:
        found = {"params": found}
    found["params"] = {name: np.asarray(found["params"][name]).reshape(np.shape(like[name])) for name in like}
    return found


def cycle_of(made, like):
    """One cycle as a map by name."""
    if hasattr(made, "e_step"):
        return lambda p: made.m_step(made.e_step(p)[0], p)
    if hasattr(made, "parameter_order"):
        order = made.parameter_order

        def flat(p):
            triangle = np.tril_indices(np.shape(p["covariance"])[-1]) if "covariance" in p else ()
            given = {name: p[name][..., *triangle] if name == "covariance" else p[name] for name in order}
            new = made.step(np.concatenate([np.ravel(given[name]) for name in order]))
            parts = np.split(new, np.cumsum([np.size(given[name]) for name in order])[:-1])
            out = {name: part.reshape(np.shape(given[name])) for name, part in zip(order, parts, strict=True)}
            if triangle:
                full = np.zeros(np.shape(p["covariance"]))
                full[..., *triangle] = full[..., *triangle[::-1]] = out["covariance"]
                out["covariance"] = full
            return out

        return flat
    return made.step if hasattr(made, "step") else made


def fit_of(entry, data, start):
    """Where an EM ends, and what it reports."""
    try:
        made = entry.make(data)
    except TypeError:
        return by_name(entry.make(data, start), start)
    if hasattr(made, "fit"):
        return by_name(made.fit(start), start)
    cycle, now = cycle_of(made, start), start
    for _ in range(4_000):
        new = by_name(cycle(now), start)["params"]
        change = max(np.abs(new[name] - now[name]).max() for name in now)
        now = new
        if change < 1e-13:
            break
    return {"params": now}


def verdict(entry):
    case = CASES_MIXTURES[entry.problem]
    data, model = case.audit.data, Model(case.audit.data)
    starts = model.starts(6 if "starts" in entry.bug else 2)
    if entry.bug == "only on other data":
        data = list(case.audit.made(np.random.default_rng(1)).values())[1]
        data = row_twice(data) if "duplicates" in entry.name else data
        model = Model(data)
        starts = model.starts(2)
    ends = [fit_of(entry, data, start) for start in starts]
    gaps = [model.distance(end["params"]) for end in ends]
    told = [abs(end.get("log_likelihood", model.value(end["params"])) - model.value(end["params"])) for end in ends]
    near = NEAR_IF_EARLY if entry.remark == "stops early" else NEAR
    if not entry.wrong:
        return max(gaps) < near and max(told) < 1e-6, (gaps, told)
    if entry.bug == "only reported is wrong":
        if "always" in entry.name:
            short = by_name(entry.make(data, starts[0], max_cycles=2), starts[0])
            return short["converged"] and model.distance(short["params"]) > 1e-2, gaps
        return max(told) > 1e-6, told
    if entry.bug == "wrong from some starts":
        return max(gaps) > 1e-2 and min(gaps) < NEAR, gaps
    return min(gaps) > (1e-2 if entry.bug == "gross" else 1e-6), gaps


def row_twice(data):
    values = np.concatenate([data["values"], data["values"][:5]])
    return {**data, "values": values, "frequencies": np.ones(len(values))}


def main(names):
    bad = 0
    for entry in OUTSIDERS:
        if entry.problem not in CASES_MIXTURES or (names and entry.name not in names):
            continue
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            try:
                ok, why = verdict(entry)
            except Exception as error:
                ok, why = False, f"{type(error).__name__}: {error}"
        bad += not ok
        said = why if not ok or entry.bug else ""
        sys.stdout.write(f"{entry.name:60} {entry.bug or 'right':24} {'ok' if ok else 'NOT OK'}  {said}\n")
        sys.stdout.flush()
    sys.stdout.write(f"{bad} not ok\n")
    return bad


if __name__ == "__main__":
    raise SystemExit(min(1, main(sys.argv[1:])))
