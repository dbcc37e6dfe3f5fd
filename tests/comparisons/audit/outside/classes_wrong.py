"""Wrong EMs for latent classes."""

import numpy as np

from . import outsider
from .classes_kernels import apart, by_index, by_product, counted, cycle, named, opened, shares
from .classes_right import run


@outsider("votes", style="plain numpy", bug="gross", cause="a missing answer counts as no, the first state")
def missing_is_no(data):
    X = np.nan_to_num(data["responses"])

    def step(params):
        return named(*cycle(by_product, X, data["frequencies"], *opened(params, data["categories"]))[:2])

    return step


@outsider("moods", style="class with state", bug="subtle", cause="answers by all of the class, not by who answered")
class AllRespondents:
    def __init__(self, data):
        self.X, self.f, self.sizes = data["responses"], data["frequencies"], data["categories"]

    def e_step(self, params):
        self.Z, L = by_product(self.X, *opened(params, self.sizes))
        n, answers = counted(self.X, self.f, self.Z, self.sizes)
        return {"respondents": n, "answers": np.hstack(answers)}, float(self.f @ L)

    def m_step(self, counts, params):
        n, A = counts["respondents"], np.split(counts["answers"], np.cumsum(self.sizes)[:-1], axis=1)
        # What is left goes to the first state, so that it adds up.
        P = [a / n[:, None] for a in A]
        for p in P:
            p[:, 0] += 1 - p.sum(axis=1)
        return named(n / n.sum(), P)


@outsider("stouffer-toby", style="one fit function", bug="gross", cause="no class shares in the posterior")
def posterior_without_shares(data, start):
    X, f, (w, P) = data["responses"], data["frequencies"], opened(start, data["categories"])
    for _ in range(3000):
        Z, _ = by_index(X, np.full(len(w), 1 / len(w)), P)
        n, answers = counted(X, f, Z, data["categories"])
        w, P = n / n.sum(), shares(answers, P)
    return named(w, P)


@outsider("stouffer-toby", style="log space", bug="gross", cause="shares of the classes from rows, not respondents")
def shares_of_rows(data):
    X, f = data["responses"], data["frequencies"]

    def step(params):
        w, P = opened(params, data["categories"])
        Z, _ = by_product(X, w, P)
        _, answers = counted(X, f, Z, data["categories"])
        return named(Z.mean(axis=0), shares(answers, P))

    return step


@outsider("stouffer-toby", style="probabilities without logarithms", bug="subtle", cause="half an answer is added")
def half_an_answer(data):
    X, f = data["responses"], data["frequencies"]

    def step(params):
        w, P = opened(params, data["categories"])
        n, answers = counted(X, f, by_index(X, w, P)[0], data["categories"])
        return named(n / n.sum(), shares([a + 0.5 for a in answers], P))

    return step


@outsider("stouffer-toby", style="plain numpy", bug="subtle", cause="probabilities are kept between .01 and .99")
def away_from_the_edge(data):
    def step(params):
        w, P, _ = cycle(by_product, data["responses"], data["frequencies"], *opened(params, data["categories"]))
        P = [np.clip(p, 0.01, 0.99) for p in P]
        return named(w, [p / p.sum(axis=1, keepdims=True) for p in P])

    return step


@outsider("votes", style="one fit function", bug="gross", cause="everyone is put into the likeliest class")
def hard_classes(data, start, max_cycles=500):
    X, f, (w, P) = data["responses"], data["frequencies"], opened(start, data["categories"])
    for n in range(1, max_cycles + 1):  # noqa: B007
        Z = by_index(X, w, P)[0]
        Z = (Z.max(axis=1, keepdims=True) == Z).astype(float)
        size, answers = counted(X, f, Z, data["categories"])
        old, (w, P) = (w, P), (size / size.sum(), shares(answers, P))
        if apart((w, P), old) < 1e-13:
            break
    ll = float(f @ by_index(X, w, P)[1])
    return {"params": named(w, P), "log_likelihood": ll, "converged": True, "cycles": n}


@outsider("moods", style="loops", bug="gross", cause="the last item is left out of the posterior")
class LastItemForgotten:
    def __init__(self, data):
        self.X, self.f, self.sizes = data["responses"], data["frequencies"], data["categories"]

    def e_step(self, params):
        w, P = opened(params, self.sizes)
        Z, L = by_index(self.X[:, :-1], w, P[:-1])
        n, answers = counted(self.X, self.f, Z, self.sizes)
        return {"respondents": n, "answers": np.hstack(answers)}, float(self.f @ L)

    def m_step(self, counts, params):
        A = np.split(counts["answers"], np.cumsum(self.sizes)[:-1], axis=1)
        return named(counts["respondents"] / self.f.sum(), [a / a.sum(axis=1, keepdims=True) for a in A])


@outsider("stouffer-toby", style="numba-like kernels", bug="subtle", cause="posteriors in single precision")
class SinglePrecisionClasses:
    def __init__(self, data):
        self.X, self.f, self.sizes = data["responses"], data["frequencies"], data["categories"]

    def e_step(self, params):
        w, P = opened(params, self.sizes)
        Z, L = by_index(self.X, w.astype(np.float32), [p.astype(np.float32) for p in P])
        n, answers = counted(self.X, self.f.astype(np.float32), Z.astype(np.float32), self.sizes)
        return {"respondents": n, "answers": np.hstack(answers)}, float(self.f @ L)

    def m_step(self, counts, params):
        A = np.split(counts["answers"].astype(float), np.cumsum(self.sizes)[:-1], axis=1)
        n = counts["respondents"].astype(float)
        return named(n / n.sum(), [a / a.sum(axis=1, keepdims=True) for a in A])


@outsider(
    "votes",
    style="sorted or reflected cycle",
    bug="wrong from some starts",
    cause="in the end the shares are sorted, the probabilities are not",
)
def sorted_shares(data, start, max_cycles=20000):
    (w, P), ll, converged, n = run(by_product, data, start, max_cycles)
    return {"params": named(np.sort(w), P), "log_likelihood": ll, "converged": converged, "cycles": n}


@outsider("stouffer-toby", style="early stop rule", bug="gross", cause="stops when the first share falls")
def signed_share(data, start, max_cycles=20000):
    X, f, (w, P) = data["responses"], data["frequencies"], opened(start, data["categories"])
    for n in range(1, max_cycles + 1):  # noqa: B007
        old = w
        w, P, _ = cycle(by_product, X, f, w, P)
        if w[0] - old[0] < 1e-13:
            break
    return {
        "params": named(w, P),
        "log_likelihood": float(f @ by_product(X, w, P)[1]),
        "converged": bool(w[0] - old[0] < 1e-13),
        "cycles": n,
    }


@outsider("votes", style="one fit function", bug="only reported is wrong", cause="logarithms to base 10 are reported")
def decimal_classes(data, start, max_cycles=20000):
    model, ll, converged, n = run(by_product, data, start, max_cycles)
    return {"params": named(*model), "log_likelihood": ll / np.log(10), "converged": converged, "cycles": n}


@outsider(
    "votes",
    style="tuple or object returned",
    bug="only reported is wrong",
    cause="the log-likelihood is that of one cycle before",
)
def likelihood_of_the_cycle_before(data, start, max_cycles=20000):
    X, f, model = data["responses"], data["frequencies"], opened(start, data["categories"])
    for n in range(1, max_cycles + 1):  # noqa: B007
        w, P, ll = cycle(by_product, X, f, *model)
        converged, model = bool(apart((w, P), model) < 1e-13), (w, P)
        if converged:
            break
    return {"params": named(*model), "log_likelihood": ll, "converged": converged, "cycles": n}


@outsider(
    "votes",
    style="scikit-learn",
    bug="only reported is wrong",
    cause="standard errors as if everyone's class were known",
)
class CompleteDataErrors:
    def __init__(self, data):
        self.data = data

    def fit(self, start, max_cycles=20000):
        (w, P), ll, converged, n = run(by_product, self.data, start, max_cycles)
        X, f = self.data["responses"], self.data["frequencies"]
        Z = by_product(X, w, P)[0] * f[:, None]
        size = Z.sum(axis=0)
        answered = Z.T @ ~np.isnan(X)
        errors = {
            "weight": np.sqrt(w * (1 - w) / size.sum()),
            "probability": np.column_stack([np.sqrt(p[:, 1] * p[:, 0] / answered[:, i]) for i, p in enumerate(P)]),
        }
        return {
            "params": named(w, P),
            "log_likelihood": ll,
            "converged": converged,
            "cycles": n,
            "standard_errors": errors,
        }


@outsider("votes", style="positional arguments", bug="only on other data", cause="two classes, whatever is asked for")
def two_classes(data):
    X, f = data["responses"], data["frequencies"]

    def step(params):
        w, P = opened(params, data["categories"])
        Z, _ = by_product(X, w[:2], [p[:2] for p in P])
        n, answers = counted(X, f, Z, data["categories"])
        new = [p.copy() for p in P]
        for p, found in zip(new, shares(answers, [p[:2] for p in P]), strict=True):
            p[:2] = found
        shares_of = w.copy()
        shares_of[:2] = w[:2].sum() * n / n.sum()
        return named(shares_of, new)

    return step


KEPT = {}


@outsider(
    "stouffer-toby", style="class with state", bug="only on other data", cause="the table is kept by its number of rows"
)
class TableByNumberOfRows:
    def __init__(self, data):
        self.X = KEPT.setdefault(np.shape(data["responses"]), data["responses"])
        self.f, self.sizes = data["frequencies"], data["categories"]

    def step(self, params):
        return named(*cycle(by_product, self.X, self.f, *opened(params, self.sizes))[:2])


@outsider(
    "carcinoma-2", style="probabilities without logarithms", bug="only on other data", cause="frequencies of 0 are 1"
)
def nobody_is_left_out(data):
    f = np.maximum(data["frequencies"], 1)

    def step(params):
        return named(*cycle(by_index, data["responses"], f, *opened(params, data["categories"]))[:2])

    return step
