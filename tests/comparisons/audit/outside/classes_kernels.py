"""What EMs of latent classes are made of: how people hold the parameters, and three ways to the posterior.

A model is (w, P): shares (K,), and of every item the probabilities of its states (K, C).
"""

import math

import numpy as np
from scipy.special import logsumexp


def opened(params, categories):
    """(w, P) of parameters by name."""
    values = {name: np.asarray(value, dtype=float) for name, value in params.items()}
    place, P = {}, []
    for size in map(int, categories):
        i = place.get(size, 0)
        place[size] = i + 1
        if size == 2:
            yes = values["probability"][:, i]
            P.append(np.column_stack([1 - yes, yes]))
        else:
            P.append(values[f"probability{size}"][:, i])
    return values["weight"], P


def named(w, P):
    """Parameters by name of (w, P)."""
    out = {"weight": np.asarray(w, dtype=float)}
    for size in sorted({p.shape[1] for p in P}):
        own = [p for p in P if p.shape[1] == size]
        out["probability" if size == 2 else f"probability{size}"] = (
            np.column_stack([p[:, 1] for p in own]) if size == 2 else np.stack(own, axis=1)
        )
    return out


def in_loops(X, w, P):
    """Posterior (N, K) and log p(x), respondent by respondent."""
    Z, L = np.empty((len(X), len(w))), np.empty(len(X))
    for n, row in enumerate(X):
        joint = []
        for k in range(len(w)):
            product = float(w[k])
            for i, x in enumerate(row):
                if not math.isnan(x):
                    product *= float(P[i][k, int(x)])
            joint.append(product)
        total = sum(joint)
        Z[n], L[n] = [j / total for j in joint], math.log(total)
    return Z, L


def by_product(X, w, P):
    """One matrix product of an indicator matrix with log probabilities; 1e-300 for 0."""
    U = np.hstack([(X[:, i, None] == np.arange(p.shape[1])).astype(float) for i, p in enumerate(P)])
    lj = np.log(np.maximum(w, 1e-300)) + U @ np.log(np.maximum(np.hstack(P), 1e-300)).T
    L = logsumexp(lj, axis=1)
    return np.exp(lj - L[:, None]), L


def by_index(X, w, P):
    """Probabilities picked by the number of the answer, multiplied without logarithms."""
    joint = np.tile(w, (len(X), 1))
    for i, p in enumerate(P):
        seen = ~np.isnan(X[:, i])
        joint[seen] *= p[:, X[seen, i].astype(int)].T
    total = joint.sum(axis=1)
    return joint / total[:, None], np.log(total)


KERNELS = {"in_loops": in_loops, "by_product": by_product, "by_index": by_index}


def counted(X, f, Z, sizes):
    """Expected respondents (K,) and, item by item, answers (K, C)."""
    weighted = Z * f[:, None]
    answers = [weighted.T @ (X[:, i, None] == np.arange(c)) for i, c in enumerate(map(int, sizes))]
    return weighted.sum(axis=0), answers


def shares(answers, P):
    """Answers by their sum over the states; where nobody answered, as before."""
    total = [a.sum(axis=1, keepdims=True) for a in answers]
    return [np.where(t > 0, a / np.maximum(t, 1e-300), p) for a, t, p in zip(answers, total, P, strict=True)]


def cycle(kernel, X, f, w, P):
    """One cycle of EM, and the log-likelihood before it."""
    Z, L = kernel(X, w, P)
    n, answers = counted(X, f, Z, [p.shape[1] for p in P])
    return n / n.sum(), shares(answers, P), float(f @ L)


def apart(one, other):
    """Largest change of a model."""
    return max(np.abs(one[0] - other[0]).max(), *(np.abs(a - b).max() for a, b in zip(one[1], other[1], strict=True)))
