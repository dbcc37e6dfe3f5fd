"""Are the right EMs right and the wrong ones wrong? `python verify_classical.py [NAME ...]` prints name and ok.

What they are held against is in this file only: log-likelihoods, their scores by complex steps, maxima by scipy.
All of them take minutes.
"""

import contextlib
import inspect
import io
import sys
import warnings
from pathlib import Path

import numpy as np
from scipy import optimize

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from comparisons import catalogue
from outside import OUTSIDERS, classical  # noqa: F401
from outside.data import CASES

NONE = np.nan
REPORTED = {"log_likelihood", "converged", "cycles", "max_cycles", "standard_errors"}


class Model:
    """The data of a problem, its log-likelihood in unbounded coordinates, and the best maximum."""

    def __init__(self, data):
        self.data = data
        self.kind = next(k for k in ("heads", "counts", "values", "frequencies") if k in data)
        self.k = data.get("coins", data.get("components", 1))
        self.free = data.get("fixed_weight") is None
        self.found = None

    def natural(self, v):
        if self.kind in ("heads", "counts"):
            name = "bias" if self.kind == "heads" else "rate"
            e = np.exp(np.append(0, v[: self.k - 1])) if self.free else np.asarray(self.data["fixed_weight"])
            rest = v[self.k - 1 :] if self.free else v
            value = 1 / (1 + np.exp(-rest)) if name == "bias" else np.exp(rest)
            return {"weight": e / e.sum(), name: value} if self.free else {name: value}
        if self.kind == "frequencies":
            return {"theta": 1 / (1 + np.exp(-v))}
        out = {"variance": np.exp(v[-3:-1]), "correlation": np.tanh(v[-1:])}
        return out if self.data["means_zero"] else {"mean": v[:2], **out}

    def coordinates(self, p):
        def logit(x):
            return np.log(x) - np.log1p(-x)

        p = {name: np.atleast_1d(np.asarray(value, dtype=float)) for name, value in p.items()}
        with np.errstate(all="ignore"):
            parts = []
            if "weight" in p:
                parts.append(np.log(p["weight"][1:] / p["weight"][0]))
            for name, into in (
                ("bias", logit),
                ("rate", np.log),
                ("theta", logit),
                ("mean", np.asarray),
                ("variance", np.log),
                ("correlation", np.arctanh),
            ):
                if name in p:
                    parts.append(into(p[name]))
            return np.concatenate(parts)

    def loglik(self, v):
        p, f = self.natural(np.asarray(v)), self.data["frequencies"]
        if self.kind in ("heads", "counts"):
            w = p.get("weight", self.data.get("fixed_weight"))
            if self.kind == "heads":
                x, n = self.data["heads"][:, None], self.data["flips"][:, None]
                lj = np.log(w) + x * np.log(p["bias"]) + (n - x) * np.log(1 - p["bias"])
            else:
                lj = np.log(w) + self.data["counts"][:, None] * np.log(p["rate"]) - p["rate"]
            top = lj.real.max(axis=1, keepdims=True)
            return (f * (top[:, 0] + np.log(np.exp(lj - top).sum(1)))).sum()
        if self.kind == "frequencies":
            t = p["theta"]
            return (f[0] * np.log(2 + t) + (f[1] + f[2]) * np.log(1 - t) + f[3] * np.log(t))[0]
        (vx, vy), r = p["variance"], p["correlation"][0]
        mx, my = p.get("mean", np.zeros(2))
        total = 0.0
        for (x, y), n in zip(self.data["values"], f, strict=True):
            a, b = (x - mx) / np.sqrt(vx), (y - my) / np.sqrt(vy)
            if not np.isnan(x) and not np.isnan(y):
                total += n * -(np.log(vx * vy * (1 - r**2)) + (a * a - 2 * r * a * b + b * b) / (1 - r**2)) / 2
            elif not np.isnan(x):
                total += n * -(np.log(vx) + a * a) / 2
            elif not np.isnan(y):
                total += n * -(np.log(vy) + b * b) / 2
        return total

    def value(self, p):
        return float(self.loglik(self.coordinates(p)).real)

    def score(self, v):
        return np.array([self.loglik(v + 1e-30j * row).imag / 1e-30 for row in np.eye(len(v))])

    def hessian(self, v):
        return np.array([(self.score(v + 1e-5 * e) - self.score(v - 1e-5 * e)) / 2e-5 for e in np.eye(len(v))])

    def start(self, seed, low=0.05):
        rng = np.random.default_rng(seed)
        if self.kind == "heads":
            out = {"weight": rng.dirichlet(np.full(self.k, 3.0)), "bias": rng.uniform(low, 1 - low, self.k)}
            return out if self.free else {"bias": out["bias"]}
        if self.kind == "counts":
            mean = self.data["counts"] @ self.data["frequencies"] / self.data["frequencies"].sum()
            return {"weight": rng.dirichlet([3.0, 3.0]), "rate": mean * rng.uniform(0.3, 1.8, 2)}
        if self.kind == "frequencies":
            return {"theta": rng.uniform(0.05, 0.95, 1)}
        x = self.data["values"]
        spread = np.nanvar(x, axis=0)
        out = {
            "variance": spread * rng.uniform(0.5, 2, 2),
            "correlation": rng.uniform(0.2, 0.9, 1) * (-1) ** seed,
        }
        return out if self.data["means_zero"] else {"mean": np.nanmean(x, 0) + 0.3 * np.sqrt(spread), **out}

    def best(self):
        """The best maximum of ten searches, polished by Newton's method."""
        if self.found is None:
            ends = []
            for seed in range(10):
                end = optimize.minimize(
                    lambda v: -self.loglik(v).real, self.coordinates(self.start(seed)), jac=lambda v: -self.score(v)
                )
                ends.append((end.fun, end.x))
            v = min(ends, key=lambda pair: pair[0])[1]
            for _ in range(6):
                step = np.linalg.lstsq(self.hessian(v), self.score(v), rcond=1e-8)[0]
                if np.abs(step).max() < 0.1:
                    v = v - step
            self.found = v
        return self.found

    def canonical(self, p):
        """Sorted components, a correlation of known sign where both signs are maxima: in one vector."""
        p = {name: np.atleast_1d(np.asarray(value, dtype=float)) for name, value in p.items()}
        for name in ("bias", "rate"):
            if name in p:
                order = np.argsort(p[name])
                p = {key: value[order] for key, value in p.items()}
        if self.kind == "values" and self.data["means_zero"]:
            p["correlation"] = np.abs(p["correlation"])
        return np.concatenate([p[name] for name in sorted(p)])

    def distance(self, p):
        """From the best maximum, relative where parameters are large; by likelihood where it is a ridge."""
        if self.k == 3:
            return max(0.0, self.loglik(self.best()).real - self.value(p))
        best = self.canonical(self.natural(self.best()))
        gap = np.abs(self.canonical(p) - best) / np.maximum(1, np.abs(best))
        return float(gap.max()) if np.isfinite(gap).all() else np.inf

    def crossed(self, start, end):
        """1 where the correlation changed its sign although the likelihood is even in it."""
        if self.kind != "values" or not self.data["means_zero"]:
            return 0
        r = [float(np.ravel(as_dict(p, start)["correlation"])[0]) for p in (start, end)]
        mirrored = as_dict(start, start) | {"correlation": -np.ravel(start["correlation"])}
        return int(abs(self.value(mirrored) - self.value(start)) < 1e-9 and r[0] * r[1] < 0)

    def errors(self):
        """Standard errors of the natural parameters at the best maximum, in order of their names, sorted."""
        v = self.best()
        names = sorted(self.natural(v))

        def flat(u):
            p = self.natural(u)
            return np.concatenate([np.atleast_1d(p[name]) for name in names])

        jacobian = np.array([(flat(v + 1e-6 * e) - flat(v - 1e-6 * e)) / 2e-6 for e in np.eye(len(v))]).T
        se = np.sqrt(np.diag(jacobian @ np.linalg.inv(-self.hessian(v)) @ jacobian.T))
        return np.sort(se)


class Runner:
    """Any of the forms in which an EM comes, as `cycle(params)` and `fit(start, max_cycles)`."""

    def __init__(self, make, data):
        self.data, self.cycle, self.raw_fit = data, None, None
        names = [] if inspect.isclass(make) else list(inspect.signature(make).parameters)
        if not names or names == ["data"]:
            made = make(data)
            if hasattr(made, "e_step"):
                self.cycle = lambda p: made.m_step(made.e_step(p)[0], p)
                self.e_loglik = lambda p: float(np.ravel(made.e_step(p)[1])[0])
            elif hasattr(made, "step") or (callable(made) and not hasattr(made, "fit")):
                step = made.step if hasattr(made, "step") else made
                self.cycle = self.unflattened(step, getattr(made, "parameter_order", None))
            if hasattr(made, "fit"):
                self.raw_fit = made.fit
        elif names[:2] == ["data", "start"]:
            self.raw_fit = lambda start, **more: make(data, start, **more)
            self.raw_fit.takes = names
        else:
            self.raw_fit = lambda start: make(*(data[name] for name in names[:-1]), start)
        self.limited = self.raw_fit is not None and "max_cycles" in getattr(
            self.raw_fit, "takes", inspect.signature(self.raw_fit).parameters
        )

    @staticmethod
    def unflattened(step, order):
        if not order:
            return step

        def cycle(p):
            sizes = np.cumsum([len(p[name]) for name in order])[:-1]
            flat = step(np.concatenate([p[name] for name in order]))
            return dict(zip(order, np.split(np.asarray(flat), sizes), strict=True))

        return cycle

    def fit(self, start, max_cycles=None):
        """A dict with params and what else is reported."""
        with contextlib.redirect_stdout(io.StringIO()):
            out = self.raw_fit(start, **({} if max_cycles is None else {"max_cycles": max_cycles}))
        if isinstance(out, dict):
            return out if "params" in out else {"params": out}
        if isinstance(out, tuple) and not hasattr(out, "_fields"):
            return {"params": out[0], "log_likelihood": out[1]}
        if hasattr(out, "params"):
            return vars(out)
        fields = out._asdict()
        fields["log_likelihood"] = fields.pop("loglik", fields.get("log_likelihood"))
        fields["cycles"] = fields.pop("n_iter", fields.get("cycles"))
        return {"params": {name: fields[name] for name in start}, **fields}

    def end(self, start, cycles=6000):
        if self.raw_fit is not None:
            return self.fit(start)["params"]
        p = start
        for _ in range(cycles):
            new = self.cycle(p)
            new = {k: np.atleast_1d(np.asarray(getattr(new, k, None) if isinstance(new, tuple) else new[k])) for k in p}
            if max(np.abs(new[k] - p[k]).max() for k in p) < 1e-14:
                break
            p = new
        return p


def as_dict(params, like):
    got = params._asdict() if hasattr(params, "_asdict") else params
    return {name: np.atleast_1d(np.asarray(got[name], dtype=float)) for name in like}


def faults(outsider, data, seeds=range(4), tolerance=None):
    """What is wrong with an EM on some data: names of what fails, with the size."""
    model, found = Model(data), {}
    if tolerance is None:
        # An optimiser at its defaults leaves a gradient of 1e-5.
        loose = 2e-5 if outsider.style.startswith("inner") else 1e-6
        tolerance = {"stops early": 3e-3, "generalised": 1e-6}.get(outsider.remark, 1e-6)
        tolerance = max(tolerance, loose)
        tolerance = 1e-2 if model.k == 3 else tolerance
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        run = Runner(outsider.make, data)
        starts = [model.start(seed) for seed in seeds]
        ends = [run.end(start) for start in starts]
        gaps = [
            model.distance(as_dict(end, start)) + model.crossed(start, end)
            for end, start in zip(ends, starts, strict=True)
        ]
        if max(gaps) > tolerance:
            found["end"] = gaps
        if run.cycle is not None:
            for start in starts:
                now = start
                for _ in range(40):
                    new = as_dict(run.cycle(now), start)
                    if model.value(new) < model.value(now) - 1e-9 * abs(model.value(now)):
                        found["ascent"] = model.value(new) - model.value(now)
                        break
                    now = new
            if hasattr(run, "e_loglik"):
                told = [run.e_loglik(start) - model.value(start) for start in starts]
                if np.ptp(told) > 1e-8 * abs(model.value(starts[0])):
                    found["log_likelihood"] = np.ptp(told)
        if run.limited:
            few = [run.fit(start, n) for start in starts for n in (1, 2, 3, 7)]
            values = [model.value(as_dict(one["params"], starts[0])) for one in few]
            for n in range(len(few) - 1):
                if (n + 1) % 4 and values[n + 1] < values[n] - 1e-9 * abs(values[n]):
                    found["ascent"] = values[n + 1] - values[n]
            for one, n in zip(few, (1, 2, 3, 7) * len(starts), strict=True):
                if one.get("cycles", n) > n or (one.get("cycles", n) < n and not one.get("converged")):
                    found["cycles"] = [some.get("cycles") for some in few[:4]]
                if one.get("converged") and model.distance(as_dict(one["params"], starts[0])) > tolerance:
                    found["converged"] = "although cycles ran out"
            if len({round(value, 9) for value in values[:4]}) == 1:
                found["max_cycles"] = "ignored"
            full = [run.fit(start) for start in starts]
            if not all(one.get("converged", True) for one in full):
                found["converged"] = "never"
            if "log_likelihood" in full[0]:
                told = [
                    float(np.ravel(one["log_likelihood"])[0]) - model.value(as_dict(one["params"], starts[0]))
                    for one in few + full
                ]
                if np.ptp(told) > 1e-8 * abs(values[0]):
                    found["log_likelihood"] = np.ptp(told)
            if "standard_errors" in full[0]:
                mine, theirs = model.errors(), full[0]["standard_errors"]
                theirs = np.sort(np.concatenate([np.ravel(theirs[name]) for name in sorted(theirs)]))
                if not np.allclose(mine, theirs, rtol=1e-3):
                    found["standard_errors"] = (mine / theirs).round(3).tolist()
        elif run.raw_fit is not None:
            reported = [run.fit(start) for start in starts]
            if "log_likelihood" in reported[0]:
                # At one point only: against the log-likelihood with the constant that the model leaves out, or without.
                told = float(np.ravel(reported[0]["log_likelihood"])[0])
                mine = model.value(as_dict(reported[0]["params"], starts[0]))
                if min(abs(told - mine), abs(told - mine - constant(data))) > 1e-6:
                    found["log_likelihood"] = told - mine
    return found


def constant(data):
    from scipy.special import gammaln

    f = data["frequencies"]
    if "heads" in data:
        x, n = data["heads"], data["flips"]
        return float(f @ (gammaln(n + 1) - gammaln(x + 1) - gammaln(n - x + 1)))
    return -float(f @ gammaln(data["counts"] + 1)) if "counts" in data else 0.0


def given(problem):
    return (CASES[problem] if problem in CASES else catalogue.load(problem)).audit.data


def coins(rows, k=2, fixed=None):
    heads, flips, often = np.array(rows, dtype=float).T
    return {"heads": heads, "flips": flips, "frequencies": often, "coins": k, "fixed_weight": fixed}


UNEQUAL = coins([(2, 6, 1), (9, 11, 1), (15, 18, 1), (4, 14, 1), (3, 4, 1), (5, 20, 1)])
RECURRING = coins([(1, 10, 3), (9, 10, 1), (8, 10, 4), (2, 10, 2), (7, 10, 2)])
FIVE_OTHERS = coins([(1, 10, 1), (9, 10, 1), (8, 10, 1), (2, 10, 1), (3, 10, 1)])
MANY_FLIPS = coins([(120, 600, 1), (420, 600, 1), (13, 20, 1), (3, 20, 1), (2, 20, 1), (5, 20, 1)])
SAME_HEADS = coins([(2, 10, 1), (2, 10, 1), (8, 10, 1), (7, 10, 1), (1, 10, 1), (2, 10, 1)], fixed=np.full(2, 0.5))


def deaths(counts, days):
    return {"counts": np.array(counts, dtype=float), "frequencies": np.array(days, dtype=float), "components": 2}


GAPS = deaths([0, 1, 2, 4, 5, 9, 11], [30, 20, 9, 5, 8, 3, 2])
RARE = deaths([0, 1, 2, 3, 4, 5], [80, 15, 4, 9, 8, 5])
ANIMALS = {"frequencies": np.array([14.0, 3, 5, 9])}


def normal(rows, often=None, zero=False):
    rows = np.array(rows, dtype=float)
    often = np.ones(len(rows)) if often is None else np.array(often, dtype=float)
    return {"values": rows, "frequencies": often, "means_zero": zero}


PAIRS = [(1, 2), (2, 5), (0, 1), (3, 4.5), (-1, -2), (0.5, 3), (-2, NONE), (1.5, NONE), (NONE, 6), (NONE, -3), (2.2, 1)]
STRETCHED = normal(np.array(PAIRS) * [1, 2], zero=True)
REPEATED = normal(PAIRS, [1, 3, 1, 2, 1, 1, 4, 1, 1, 2, 1])
TWICE = normal([*PAIRS, PAIRS[1], PAIRS[6], PAIRS[8]])
WITH_ZEROS = normal(PAIRS)

OTHER = {
    "MeanOfProportions": UNEQUAL,
    "FlipsOfTheFirstRow": UNEQUAL,
    "skips_underflow": MANY_FLIPS,
    "cached_by_number_of_rows": FIVE_OTHERS,
    "FrequenciesInOnePlaceOnly": RECURRING,
    "DistinctHeadsOnly": SAME_HEADS,
    "ten_flips": UNEQUAL,
    "PlaceForCount": GAPS,
    "floor_of_the_rates": RARE,
    "one_hundred_ninety_seven": ANIMALS,
    "one_slope_for_both": STRETCHED,
    "without_duplicates": TWICE,
    "RowsCountOnce": REPEATED,
    "ZeroIsMissing": WITH_ZEROS,
}


def other(outsider):
    """Data on which a right EM must be right too."""
    data = given(outsider.problem)
    if "heads" in data:
        rows = UNEQUAL if outsider.remark == "ignores frequencies" else RECURRING | {"flips": RECURRING["flips"] + 2}
        return rows | {"coins": 2, "fixed_weight": data["fixed_weight"]}
    if "counts" in data:
        return GAPS
    return ANIMALS if "values" not in data else REPEATED | {"means_zero": data["means_zero"]}


def verdict(outsider):
    data = given(outsider.problem)
    if not outsider.wrong:
        seen, elsewhere = faults(outsider, data), faults(outsider, other(outsider))
        return not seen and not elsewhere, f"{seen} {elsewhere}"
    if outsider.bug == "wrong from some starts":
        seeds = range(8)
        gaps = np.array(faults(outsider, data, seeds, tolerance=-1)["end"])
        return bool((gaps < 1e-6).any() and (gaps > 1e-3).any()), gaps.round(7).tolist()
    seen = faults(outsider, data)
    if outsider.bug == "only reported is wrong":
        return bool(seen) and set(seen) <= REPORTED, seen
    if outsider.bug == "only on other data":
        elsewhere = faults(outsider, OTHER[outsider.name])
        return not seen and "end" in elsewhere, f"given {seen}, elsewhere {elsewhere}"
    exact = faults(outsider, data, tolerance=0.0)
    smallest = min(exact.get("end", [0.0]))
    low, high = (1e-2, np.inf) if outsider.bug == "gross" else (1e-8, 5e-2)
    return low <= smallest <= high, exact


def main(names):
    bad = 0
    for outsider in OUTSIDERS:
        if outsider.make.__module__.rpartition(".")[2].partition("_")[0] not in ("coins", "counts", "normal"):
            continue
        if names and outsider.name not in names:
            continue
        try:
            ok, why = verdict(outsider)
        except Exception as error:
            ok, why = False, f"{type(error).__name__}: {error}"
        bad += not ok
        what = outsider.bug or outsider.remark or "right"
        why = why if outsider.wrong or not ok else ""
        sys.stdout.write(f"{outsider.name:36} {what:24} {'ok' if ok else 'NOT OK'}  {why}\n")
        sys.stdout.flush()
    sys.stdout.write(f"{bad} not ok\n")
    return bad


if __name__ == "__main__":
    raise SystemExit(min(1, main(sys.argv[1:])))
