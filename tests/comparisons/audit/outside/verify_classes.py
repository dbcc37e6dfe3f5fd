"""Are the right EMs of latent classes right and the wrong ones wrong? As `verify_classical.py`, with its checks.

What they are held against is in this file only: the likelihood answer by answer, its score by complex steps, the
maximum by scipy. All of them take minutes.
"""

import sys
from itertools import permutations

import numpy as np
import verify_classical as classical
from scipy import optimize

PROBLEMS = ("stouffer-toby", "carcinoma-2", "votes", "moods")


# Maxima by their data.
FOUND = {}


class Model(classical.Model):
    """Answers in categories: the likelihood, and the best maximum."""

    def __init__(self, data):
        self.data, self.k, self.found, self.kind = data, int(data["classes"]), None, "responses"
        self.sizes = [int(c) for c in data["categories"]]

    def natural(self, v):
        e, at = np.exp(np.append(0, v[: self.k - 1])), self.k - 1
        out, groups = {"weight": e / e.sum()}, {}
        for size in self.sizes:
            rows = np.exp(np.column_stack([np.zeros(self.k), v[at : at + self.k * (size - 1)].reshape(self.k, -1)]))
            at += self.k * (size - 1)
            groups.setdefault(size, []).append(rows / rows.sum(axis=1, keepdims=True))
        for size, items in groups.items():
            name = "probability" if size == 2 else f"probability{size}"
            out[name] = np.stack([p[:, 1] if size == 2 else p for p in items], axis=1)
        return out

    def items(self, p):
        """Probabilities (K, C) of every item."""
        place, found = {}, []
        for size in self.sizes:
            i = place.get(size, 0)
            place[size] = i + 1
            if size == 2:
                yes = np.asarray(p["probability"])[:, i]
                found.append(np.column_stack([1 - yes, yes]))
            else:
                found.append(np.asarray(p[f"probability{size}"])[:, i])
        return found

    def coordinates(self, p):
        with np.errstate(all="ignore"):
            weight = np.asarray(p["weight"], dtype=float)
            parts = [np.log(weight[1:] / weight[0])]
            parts += [np.log(item[:, 1:] / item[:, :1]).ravel() for item in self.items(p)]
        return np.clip(np.concatenate(parts), -40, 40)

    def loglik(self, v):
        return self.log_likelihood(self.natural(np.asarray(v)))

    def log_likelihood(self, p):
        joint = np.array(p["weight"])[:, None]
        for codes, item in zip(self.data["responses"].T, self.items(p), strict=True):
            given = item[:, np.nan_to_num(codes).astype(int)]
            joint = joint * np.where(np.isnan(codes), 1.0, given)
        often = self.data["frequencies"]
        return (often[often > 0] * np.log(joint.sum(axis=0)[often > 0])).sum()

    def value(self, p):
        with np.errstate(all="ignore"):
            return float(self.log_likelihood(p).real)

    def start(self, seed, low=0.05):
        return self.natural(np.random.default_rng(seed).normal(0, 1, len(self.flat_sizes()) - 1))

    def flat_sizes(self):
        return np.zeros(self.k + sum(self.k * (size - 1) for size in self.sizes))

    def best(self):
        key = tuple(np.asarray(self.data[name]).tobytes() for name in ("responses", "frequencies", "classes"))
        self.found = FOUND.get(key)
        if self.found is None:
            ends = []
            for seed in range(6):
                end = optimize.minimize(
                    lambda v: -self.loglik(v).real, self.coordinates(self.start(seed)), jac=lambda v: -self.score(v),
                    options={"gtol": 1e-7},
                )  # fmt: skip
                ends.append((end.fun, end.x))
            self.found = FOUND[key] = min(ends, key=lambda pair: pair[0])[1]
        return self.found

    def canonical(self, p):
        """The labelling that is nearest to the maximum."""
        p = {name: np.asarray(value, dtype=float) for name, value in p.items()}
        best = self.natural(self.best())
        copies = [{name: value[list(order)] for name, value in p.items()} for order in permutations(range(self.k))]
        nearest = min(copies, key=lambda copy: sum(np.abs(copy[name] - best[name]).sum() for name in best))
        return np.concatenate([nearest[name].ravel() for name in sorted(nearest)])

    def distance(self, p):
        gap = np.abs(self.canonical(p) - self.canonical(self.natural(self.best())))
        return float(gap.max()) if np.isfinite(gap).all() else np.inf

    def crossed(self, start, end):
        return 0

    def errors(self):
        v = self.best()

        def flat(u):
            p = self.natural(u)
            return np.concatenate([p[name].ravel() for name in sorted(p)])

        jacobian = np.array([(flat(v + 1e-6 * e) - flat(v - 1e-6 * e)) / 2e-6 for e in np.eye(len(v))]).T
        return np.sort(np.sqrt(np.diag(jacobian @ np.linalg.inv(-self.hessian(v)) @ jacobian.T)))


def shaped(params, like):
    """Parameters by name in the shapes of others."""
    return {name: np.asarray(params[name], dtype=float).reshape(np.shape(like[name])) for name in like}


class Runner(classical.Runner):
    """Vectors in the shapes of these parameters."""

    @staticmethod
    def unflattened(step, order):
        if not order:
            return step

        def cycle(p):
            sizes = np.cumsum([np.size(p[name]) for name in order])[:-1]
            flat = step(np.concatenate([np.ravel(p[name]) for name in order]))
            return shaped(dict(zip(order, np.split(np.asarray(flat), sizes), strict=True)), p)

        return cycle


THREE = {
    "responses": np.array([[i >> b & 1 for b in range(5)] for i in range(32)], dtype=float),
    "frequencies": np.array([31, 9, 8, 12, 7, 5, 6, 14, 3, 8, 2, 9, 4, 11, 3, 21] * 2, dtype=float) + np.arange(32) % 7,
    "categories": np.full(5, 2),
    "classes": 3,
}


def other(entry):
    """Data on which an EM that is right on its own must be right too."""
    data = classical.given(entry.problem)
    rows = np.random.default_rng(3).permutation(len(data["frequencies"]))
    return {**data, "responses": data["responses"][rows], "frequencies": data["frequencies"] % 9 * (rows > 0)}


def verdict(entry):
    data = classical.given(entry.problem)
    if not entry.wrong:
        return not (seen := classical.faults(entry, data, seeds=range(2))), seen
    if entry.bug == "wrong from some starts":
        gaps = np.array(classical.faults(entry, data, range(8), tolerance=-1)["end"])
        return bool((gaps < 1e-5).any() and (gaps > 1e-3).any()), gaps.round(7).tolist()
    seen = classical.faults(entry, data, seeds=range(2), tolerance=1e-5)
    if entry.bug == "only reported is wrong":
        return bool(seen) and set(seen) <= classical.REPORTED, seen
    if entry.bug == "only on other data":
        elsewhere = THREE if entry.name == "two_classes" else other(entry)
        there = classical.faults(entry, elsewhere, seeds=range(2), tolerance=1e-3)
        return not seen and bool(there), f"given {seen}, elsewhere {there}"
    exact = classical.faults(entry, data, seeds=range(2), tolerance=0.0)
    smallest = min(exact.get("end", [0.0]))
    low, high = (1e-2, np.inf) if entry.bug == "gross" else (1e-8, 1e-1)
    return low <= smallest <= high, exact


def main(names):
    classical.Model, classical.Runner, classical.as_dict = Model, Runner, shaped
    bad = 0
    for entry in classical.OUTSIDERS:
        if not entry.make.__module__.rpartition(".")[2].startswith("classes") or (names and entry.name not in names):
            continue
        try:
            ok, why = verdict(entry)
        except Exception as error:
            ok, why = False, f"{type(error).__name__}: {error}"
        bad += not ok
        what = entry.bug or entry.remark or "right"
        sys.stdout.write(
            f"{entry.name:44} {what:24} {'ok' if ok else 'NOT OK'}  {why if entry.wrong or not ok else ''}\n"
        )
        sys.stdout.flush()
    sys.stdout.write(f"{bad} not ok\n")
    return bad


if __name__ == "__main__":
    raise SystemExit(min(1, main(sys.argv[1:])))
