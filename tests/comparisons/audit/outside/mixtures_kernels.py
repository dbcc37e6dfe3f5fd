"""Pieces from which EMs of normal mixtures are made: densities in several ways, moments, covariances by structure."""

import numpy as np
from scipy import stats
from scipy.special import logsumexp


class Data:
    """A table (N, D) with its frequencies, and the names of the parameters."""

    def __init__(self, data):
        values = np.asarray(data["values"], dtype=float)
        self.flat = values.ndim == 1
        self.X = values.reshape(len(values), -1)
        self.f = np.asarray(data["frequencies"], dtype=float)
        used = (self.f > 0) & ~np.isnan(self.X).all(axis=1)
        self.X, self.f = self.X[used], self.f[used]
        self.K, self.D, self.kind = int(data["components"]), self.X.shape[1], data["covariance"]
        self.patterns = np.unique(~np.isnan(self.X), axis=0)
        self.spread = "covariance" if self.D > 1 and self.kind in ("full", "tied") else "variance"

    def opened(self, params):
        """Weights, means (K, D), covariance matrices (K, D, D)."""
        w = np.asarray(params.get("weight", [1.0]), dtype=float)
        m = np.asarray(params["mean"], dtype=float).reshape(self.K, self.D)
        s, eye = np.asarray(params[self.spread], dtype=float), np.eye(self.D)
        if self.spread == "covariance":
            S = np.broadcast_to(s, (self.K, self.D, self.D)).copy()
        elif s.ndim == 2:
            S = s[:, :, None] * eye
        else:
            S = np.broadcast_to(s, (self.K,))[:, None, None] * eye
        return w, m, S

    def named(self, w, m, S):
        """Parameters by name, from weights, means and matrices of this structure."""
        tied = self.kind == "tied"
        if self.spread == "covariance":
            s = S[0] if tied else S
        elif self.D > 1 and self.kind == "diag":
            s = np.diagonal(S, axis1=1, axis2=2).copy()
        else:
            s = S[:1, 0, 0] if tied else S[:, 0, 0]
        out = {"weight": w, "mean": m[:, 0] if self.flat else m, self.spread: s}
        return out if self.K > 1 else {name: out[name] for name in ("mean", self.spread)}

    def structured(self, n, S):
        """Matrices of moments n_k times theirs as the structure has them."""
        if self.kind == "tied":
            return np.repeat(np.einsum("k,kij->ij", n, S)[None] / n.sum(), self.K, axis=0)
        if self.kind == "diag":
            return S * np.eye(self.D)
        if self.kind == "spherical":
            return np.trace(S, axis1=1, axis2=2)[:, None, None] / self.D * np.eye(self.D)
        return S


def by_inverse(x, m, S):
    """Log densities by the inverse and the determinant."""
    apart = x - m
    return -(len(m) * np.log(2 * np.pi) + np.linalg.slogdet(S)[1] + ((apart @ np.linalg.inv(S)) * apart).sum(1)) / 2


def by_cholesky(x, m, S):
    """Log densities by the Cholesky factor."""
    L = np.linalg.cholesky(S)
    z = np.linalg.solve(L, (x - m).T)
    return -(z**2).sum(0) / 2 - np.log(np.diag(L)).sum() - len(m) / 2 * np.log(2 * np.pi)


def by_scipy(x, m, S):
    """Log densities by SciPy."""
    return np.atleast_1d(stats.multivariate_normal.logpdf(x, m, S, allow_singular=False))


KERNELS = {"inverse": by_inverse, "cholesky": by_cholesky, "scipy": by_scipy}


def responsibilities(kernel, d, w, m, S):
    """Posterior probabilities (N, K), and the log-likelihood."""
    lj = np.empty((len(d.X), d.K))
    with np.errstate(divide="ignore"):
        logw = np.log(w)
    for p in d.patterns:
        rows = (~np.isnan(d.X) == p).all(axis=1)
        for k in range(d.K):
            lj[rows, k] = logw[k] + kernel(d.X[rows][:, p], m[k, p], S[k][np.ix_(p, p)])
    total = logsumexp(lj, axis=1)
    return np.exp(lj - total[:, None]), float(d.f @ total)


def moments(d, R, m, S):
    """Expected rows (K,), sums of x (K, D) and of x x' (K, D, D), from weighted posteriors."""
    n, s, T = R.sum(0), np.zeros((d.K, d.D)), np.zeros((d.K, d.D, d.D))
    for p in d.patterns:
        rows = (~np.isnan(d.X) == p).all(axis=1)
        for k in range(d.K):
            x = np.empty((rows.sum(), d.D))
            x[:, p] = d.X[rows][:, p]
            C = np.zeros((d.D, d.D))
            if not p.all():
                B = np.linalg.solve(S[k][np.ix_(p, p)], S[k][np.ix_(p, ~p)])
                x[:, ~p] = m[k, ~p] + (x[:, p] - m[k, p]) @ B
                C[np.ix_(~p, ~p)] = S[k][np.ix_(~p, ~p)] - S[k][np.ix_(~p, p)] @ B
            r = R[rows, k]
            s[k] += r @ x
            T[k] += (x * r[:, None]).T @ x + r.sum() * C
    return n, s, T


def counts_by_name(d, n, s, T):
    """Counts as the family names them."""
    total = T.sum(0) if d.kind == "tied" else T
    if d.spread == "covariance":
        squares = total
    elif d.D > 1 and d.kind == "diag":
        squares = np.diagonal(T, axis1=1, axis2=2)
    else:
        squares = np.atleast_1d(np.trace(total, axis1=-2, axis2=-1))
    return {"observations": n, "sums": s[:, 0] if d.flat else s, "squares": squares}


def updated(d, n, s, T, m, S):
    """Weights, means and matrices from moments; what has no rows keeps its place."""
    some = n > 1e-300
    safe = np.where(some, n, 1.0)
    mean = np.where(some[:, None], s / safe[:, None], m)
    scatter = T / safe[:, None, None] - mean[:, :, None] * mean[:, None, :]
    own = d.structured(n, np.where(some[:, None, None], scatter, S))
    return n / n.sum(), mean, np.where(some[:, None, None] | (d.kind == "tied"), own, S)


def cycle(kernel, d, w, m, S):
    """One cycle: weights, means, matrices, and the log-likelihood before it."""
    R, before = responsibilities(kernel, d, w, m, S)
    return *updated(d, *moments(d, R * d.f[:, None], m, S), m, S), before


def apart(new, old):
    """Largest change, beside 1 + the size."""
    return max(np.abs((a - b) / (1 + np.abs(b))).max() for a, b in zip(new, old, strict=True))


def run(kernel, d, start, max_cycles, tolerance=1e-13, step=cycle):
    """Cycles until nothing moves: the end, its log-likelihood, whether it converged, how many cycles."""
    now, n, converged = d.opened(start), 0, False
    while n < max_cycles and not converged:
        new = step(kernel, d, *now)[:3]
        n, converged, now = n + 1, bool(apart(new, now) < tolerance), new
    return now, responsibilities(kernel, d, *now)[1], converged, n


def told(d, now, height, converged, n):
    """What a fit returns."""
    return {"params": d.named(*now), "log_likelihood": height, "converged": converged, "cycles": n}
