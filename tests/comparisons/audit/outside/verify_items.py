"""By hand: python verify_items.py [NAME ...]. Holds every EM for items against an optimum that scipy finds."""

import contextlib
import inspect
import io
import sys
import time
import warnings
from collections.abc import Callable
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from scipy.optimize import minimize
from scipy.special import expit, log_expit, logsumexp

sys.path.append(str(Path(__file__).resolve().parents[4]))

from comparisons import catalogue
from tests.comparisons.audit.outside import OUTSIDERS, Outsider, items  # noqa: F401
from tests.comparisons.audit.outside.data_items import CASES_ITEMS

Params = dict[str, np.ndarray]


def case_of(problem: str) -> Any:
    return CASES_ITEMS[problem] if problem in CASES_ITEMS else catalogue.load(problem)


def default_start(problem: str) -> Params:
    size = data_of(problem)["responses"].shape[1]
    return {"d": np.zeros(size), "a": np.ones(1 if problem == "lsat6-common-slope" else size)}


@cache
def data_of(problem: str) -> dict[str, np.ndarray]:
    return dict(case_of(problem).audit.data)


def copied(data: dict[str, np.ndarray], **changed: np.ndarray) -> dict[str, np.ndarray]:
    return {name: np.array(changed.get(name, value)) for name, value in data.items()}


# --- the likelihood, and its maximum ---


def joint(data: dict[str, np.ndarray], p: Params) -> np.ndarray:
    x, size = data["responses"], data["responses"].shape[1]
    z = np.asarray(p["d"])[:, None] + np.broadcast_to(np.ravel(p["a"]), size)[:, None] * data["nodes"]
    terms = np.where((x == 1).T[:, :, None], log_expit(z)[:, None], log_expit(-z)[:, None])
    return np.where(np.isnan(x).T[:, :, None], 0, terms).sum(0) + np.log(data["weights"])


def loglik(data: dict[str, np.ndarray], p: Params) -> float:
    with np.errstate(all="ignore"):
        return float(data["frequencies"] @ logsumexp(joint(data, p), axis=1))


def score(data: dict[str, np.ndarray], p: Params) -> np.ndarray:
    lj, x, size = joint(data, p), data["responses"], data["responses"].shape[1]
    post = np.exp(lj - logsumexp(lj, axis=1, keepdims=True)) * data["frequencies"][:, None]
    z = np.asarray(p["d"])[:, None] + np.broadcast_to(np.ravel(p["a"]), size)[:, None] * data["nodes"]
    left = (x == 1).T @ post - (~np.isnan(x)).T @ post * expit(z)
    slopes = left @ data["nodes"]
    return np.append(left.sum(1), slopes if len(np.ravel(p["a"])) == size else slopes.sum())


def unpack(v: np.ndarray, size: int) -> Params:
    return {"d": v[:size], "a": v[size:]}


def maximum(data: dict[str, np.ndarray], slopes: int) -> tuple[float, Params]:
    size, rng, best = data["responses"].shape[1], np.random.default_rng(1), (-np.inf, np.zeros(0))
    for number in range(3):
        v = np.append(rng.normal(0, 0.5 * number, size), np.full(slopes, 1.0) + 0.3 * number * rng.normal(size=slopes))
        for _ in range(3):
            found = minimize(
                lambda v: (-loglik(data, unpack(v, size)), -score(data, unpack(v, size))),
                v,
                jac=True,
                method="BFGS",
                options={"gtol": 1e-9},
            )
            v = found.x
        best = max(best, (-found.fun, v), key=lambda b: b[0])
    v = best[1]
    for _ in range(5):  # Newton on the score: to the last digit
        step = 1e-5 * np.eye(len(v))
        H = np.array([score(data, unpack(v + s, size)) - score(data, unpack(v - s, size)) for s in step]) / 2e-5
        v = v - np.linalg.solve((H + H.T) / 2, score(data, unpack(v, size)))
    if not -1e-6 < loglik(data, unpack(v, size)) - best[0] < 1e-6:
        v = best[1]
    return loglik(data, unpack(v, size)), unpack(v, size)


@cache
def maximum_of(problem: str) -> tuple[float, Params]:
    return maximum(data_of(problem), len(default_start(problem)["a"]))


def standard_errors(data: dict[str, np.ndarray], p: Params) -> np.ndarray:
    v, size = np.append(p["d"], p["a"]), len(p["d"])
    rows = [score(data, unpack(v + s, size)) - score(data, unpack(v - s, size)) for s in 1e-5 * np.eye(len(v))]
    return np.sqrt(np.diag(np.linalg.inv(-np.array(rows) / 2e-5)))


def distance(data: dict[str, np.ndarray], p: Params, q: Params) -> float:
    """Largest difference of a parameter, after turning the ability axis the same way."""
    turn = np.sign(np.sum(p["a"])) * np.sign(np.sum(q["a"])) or 1.0
    return float(max(np.abs(p["d"] - q["d"]).max(), np.abs(np.ravel(p["a"]) - turn * np.ravel(q["a"])).max()))


# --- every way to call an EM ---


def params_of(answer: Any, order: tuple[str, ...] | None, size: int) -> Params:
    if isinstance(answer, dict) and "params" in answer:
        answer = answer["params"]
    for name in ("params", "params_", "theta_"):
        answer = getattr(answer, name, answer)
    if order and not isinstance(answer, dict):
        cut = size if order[0] == "d" else len(answer) - size
        parts = np.asarray(answer)[:cut], np.asarray(answer)[cut:]
        return dict(zip(order, parts, strict=True))
    if isinstance(answer, tuple):
        answer = answer[0] if isinstance(answer[0], dict) else {"d": answer[0], "a": answer[1]}
    if not isinstance(answer, dict):
        answer = {"d": answer.d, "a": answer.a}
    return {name: np.atleast_1d(np.asarray(answer[name], dtype=float)) for name in ("d", "a")}


class Driver:
    """How to run one EM on some data: `fit` (what it returned) or `cycle`."""

    def __init__(self, which: Outsider, data: dict[str, np.ndarray]):
        self.size, self.fit, self.cycle = data["responses"].shape[1], None, None
        make, names = which.make, list(inspect.signature(which.make).parameters)
        self.order = getattr(make, "parameter_order", None)
        if names[:2] == ["data", "start"]:
            self.fit = lambda start, **more: make(data, start, **more)
            self.limited = "max_cycles" in names
        elif names[0] == "responses":
            self.fit = lambda start, **more: make(*data.values(), start, **more)
            self.limited = "max_cycles" in names
        else:
            self.made = make(data)
            self.order = getattr(self.made, "parameter_order", self.order)
            if hasattr(self.made, "fit"):
                self.fit = lambda start, **more: self.made.fit(start, **more)
                self.limited = "max_cycles" in inspect.signature(self.made.fit).parameters
            elif hasattr(self.made, "step"):
                self.cycle = self.made.step
            elif hasattr(self.made, "m_step"):
                self.cycle = lambda p: self.made.m_step(self.made.e_step(p)[0], p)
            elif len(inspect.signature(self.made).parameters) == 2:
                self.cycle = lambda p: self.made(p["d"], p["a"])
            else:
                self.cycle = self.made

    def given(self, p: Params) -> Any:
        p = {name: np.array(value, dtype=float) for name, value in p.items()}
        return np.concatenate([p[name] for name in self.order]) if self.order else p

    def run(self, start: Params, **more: int) -> Any:
        return self.fit(self.given(start), **more)

    def once(self, start: Params) -> Params:
        if self.cycle:
            return params_of(self.cycle(self.given(start)), self.order, self.size)
        return params_of(self.run(start, max_cycles=1), self.order, self.size)

    def end(self, start: Params, cycles: int = 3000, tolerance: float = 1e-11) -> Params:
        if self.fit:
            return params_of(self.run(start), self.order, self.size)
        for _ in range(cycles):
            new = self.once(start)
            if max(abs(new["d"] - start["d"]).max(), abs(new["a"] - start["a"]).max()) < tolerance:
                return new
            start = new
        return start


def starts_of(problem: str) -> dict[str, Params]:
    start = default_start(problem)
    rng, size, slopes = np.random.default_rng(5), len(start["d"]), len(start["a"])
    return {
        "default": start,
        "random": {"d": rng.normal(0, 1, size), "a": rng.uniform(0.4, 1.8, slopes)},
        "negative": {"d": rng.normal(0, 1, size), "a": -rng.uniform(0.4, 1.8, slopes)},
        "mixed": {"d": rng.normal(0, 1, size), "a": rng.uniform(0.3, 1.5, slopes) * (-1.0) ** np.arange(slopes)},
        "far": {"d": np.resize([3.0, -3.0], size), "a": np.full(slopes, 2.5)},
        "high": {"d": np.full(size, 4.0), "a": np.full(slopes, 1.5)},
    }


def quiet(call: Callable[..., Any], *args: Any, **more: Any) -> Any:
    with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return call(*args, **more)


# --- right ones ---


def right(which: Outsider) -> str:
    data, (best, at) = data_of(which.problem), maximum_of(which.problem)
    early = which.remark == "stops early"
    far = worst = fell = 0.0
    refused = []
    for name, start in starts_of(which.problem).items():
        driver = Driver(which, copied(data))
        try:
            end = quiet(driver.end, start)
        except ValueError:
            if which.remark != "refuses part of the space":
                raise
            refused.append(name)
            continue
        worst, far = max(worst, best - loglik(data, end)), max(far, distance(data, end, at))
        path = [start]
        if driver.cycle:
            for _ in range(60):
                path.append(quiet(driver.once, path[-1]))
        elif driver.limited:
            answers = (quiet(driver.run, start, max_cycles=k) for k in (1, 2, 3, 5, 10, 30))
            path += [params_of(answer, driver.order, driver.size) for answer in answers]
        fell = max(fell, *(loglik(data, p) - loglik(data, q) for p, q in pairwise(path)), 0.0)
    wrong = [
        *(["does not reach the maximum"] if not worst < (1e-3 if early else 1e-8) else []),
        *(["not at the maximum"] if not far < (0.05 if early else 1e-5) else []),
        *(["falls"] if fell > (1e-5 if early else 1e-8) else []),
    ]
    wrong += [*reports(which), *elsewhere(which)]
    note = f"gap {worst:.1e}, parameters {far:.1e}, fell {fell:.1e}" + (f", refused {refused}" if refused else "")
    return f"{'NOT OK: ' + ', '.join(wrong) if wrong else 'ok'}  {note}"


def reports(which: Outsider) -> list[str]:
    """What a right one says beside its estimates is right too."""
    data, start, bad = data_of(which.problem), default_start(which.problem), []
    driver = Driver(which, copied(data))
    made = getattr(driver, "made", None)
    if hasattr(made, "e_step"):
        given = driver.given(starts_of(which.problem)["random"])
        told = made.e_step(given)[1]
        bad += ["e_step's log-likelihood"] * bool(
            abs(told - loglik(data, params_of(given, driver.order, driver.size))) > 1e-8
        )
    if hasattr(made, "standard_errors"):
        bad += ["standard errors"] * bool(errors_differ(which, maximum_of(which.problem)[1])[0])
    for limit in (None, 1, 2, 7) if driver.fit else ():
        if limit and not driver.limited:
            continue
        answer = quiet(driver.run, start, **({"max_cycles": limit} if limit else {}))
        here = params_of(answer, driver.order, driver.size)
        if isinstance(answer, tuple) and not hasattr(answer, "_fields"):
            answer = dict(zip(("params", "log_likelihood", "cycles"), answer, strict=True))
        told = answer if isinstance(answer, dict) else {n: getattr(answer, n) for n in dir(answer) if n[0] != "_"}
        told = {name.rstrip("_").replace("n_iter", "cycles").replace("n_cycles", "cycles"): told[name] for name in told}
        told.setdefault("log_likelihood", told.get("loglik", loglik(data, here)))
        bad += [f"log-likelihood, limit {limit}"] * bool(abs(told["log_likelihood"] - loglik(data, here)) > 1e-7)
        bad += [f"converged, limit {limit}"] * bool(told.get("converged", limit is None) != (limit is None))
        bad += [f"cycles, limit {limit}"] * bool(limit is not None and told.get("cycles", limit) != limit)
        if "standard_errors" in told and not limit:
            given, true = told["standard_errors"], standard_errors(data, here)
            bad += ["standard errors"] * bool(abs(np.append(given["d"], given["a"]) / true - 1).max() > 0.01)
    return bad


def elsewhere(which: Outsider) -> list[str]:
    """On the same data with more gaps, and with other frequencies, it is right or says that it is not made for them."""
    bad = []
    for changed in (holed, uneven):
        if changed is uneven and which.remark == "ignores frequencies":
            continue
        data, early = changed(data_of(which.problem)), which.remark == "stops early"
        try:
            end = ends(which, data)
        except (ValueError, NotImplementedError, AssertionError):
            continue
        best, at = maximum(data, len(default_start(which.problem)["a"]))
        if which.remark == "refuses part of the space" and abs(np.sign(at["a"]).sum()) < len(at["a"]):
            continue
        gap = best - loglik(data, end)
        bad += [f"{changed.__name__}: gap {gap:.1e}"] * bool(not gap < (1e-3 if early else 1e-6))
    return bad


# --- wrong ones ---


def ends(which: Outsider, data: dict[str, np.ndarray] | None = None) -> Params:
    data = data_of(which.problem) if data is None else data
    start = default_start(which.problem)
    if len(start["d"]) != data["responses"].shape[1]:
        size = data["responses"].shape[1]
        start = {"d": np.zeros(size), "a": np.ones(size)}
    return quiet(Driver(which, copied(data)).end, start)


def wrong_everywhere(which: Outsider) -> str:
    data, (best, at) = data_of(which.problem), maximum_of(which.problem)
    end = ends(which)
    far, gap = distance(data, end, at), best - loglik(data, end)
    expected = far > 0.05 if which.bug == "gross" else 1e-8 < far < 0.05
    return f"{'ok' if expected or not np.isfinite(far) else 'NOT OK'}  parameters {far:.1e}, gap {gap:.1e}"


def wrong_from_some_starts(which: Outsider) -> str:
    data, (best, at) = data_of(which.problem), maximum_of(which.problem)
    far = distance(data, ends(which), at)
    found = []
    for name, start in starts_of(which.problem).items():
        driver = Driver(which, copied(data))
        try:
            end, once = quiet(driver.end, start), quiet(driver.once, start) if driver.cycle or driver.limited else start
        except (ValueError, np.linalg.LinAlgError) as error:
            found.append(f"{name}: {type(error).__name__}")
            continue
        gap, fell = best - loglik(data, end), loglik(data, start) - loglik(data, once)
        if not gap < 1e-3:
            found.append(f"{name}: gap {gap:.1e}")
        if fell > 1e-3:
            found.append(f"{name}: falls by {fell:.1e}")
    if which.name == "start_unused":
        ways = [Driver(which, copied(data)).once(start) for start in starts_of(which.problem).values()]
        if all(np.array_equal(way["d"], ways[0]["d"]) for way in ways):
            found.append("one cycle gives the same from every start")
    good = far < (1e-4 if which.style == "early stop rule" else 1e-5)
    return f"{'ok' if good and found else 'NOT OK'}  default {far:.1e}; {'; '.join(found)}"


def reported(answer: Any, name: str) -> Any:
    return answer[name] if isinstance(answer, dict) else getattr(answer, name)


def errors_differ(which: Outsider, at: Params) -> tuple[bool, str]:
    data = data_of(which.problem)
    given = Driver(which, copied(data)).made.standard_errors(at)
    ratio = np.append(given["d"], given["a"]) / standard_errors(data, at)
    return abs(ratio - 1).max() > 0.01, f"ratios {ratio.min():.2f} to {ratio.max():.2f}"


def wrong_report(which: Outsider) -> str:
    data, (_, at) = data_of(which.problem), maximum_of(which.problem)
    start, driver = default_start(which.problem), Driver(which, copied(data))
    far = distance(data, ends(which), at)
    good = far < (0.006 if which.name == "table_rounded" else 1e-3)
    if which.name == "table_rounded":
        shown, note = far > 1e-4, "rounded"
    elif hasattr(which.make, "standard_errors"):
        shown, note = errors_differ(which, at)
    elif driver.cycle:
        other = {"d": start["d"] + 0.5, "a": start["a"]}
        values = [quiet(driver.made.e_step, p)[1] - loglik(data, p) for p in (start, other)]
        shown, note = max(map(abs, values)) > 0.1, f"log-likelihood off by {values}"
    else:
        full, short = quiet(driver.run, start), quiet(driver.run, start, max_cycles=4) if driver.limited else None
        off = reported(full, "log_likelihood") - loglik(data, params_of(full, driver.order, driver.size))
        shown, note = {
            "always_converged": (short is not None and reported(short, "converged"), "converged after 4 cycles"),
            "never_converged": (not reported(full, "converged"), f"not converged after {reported(full, 'cycles')}"),
            "HalfCycles": (which.name == "HalfCycles" and half_cycles(driver, start), "4 are 2"),
            "index_of_last": (short is not None and reported(short, "cycles") == 3, "3 reported, 4 made"),
            "LimitUnused": (short is not None and reported(short, "cycles") > 4, "more than max_cycles"),
        }.get(which.name, (abs(off) > 1e-6, f"log-likelihood off by {off:.1e}"))
    return f"{'ok' if good and shown else 'NOT OK'}  parameters {far:.1e}; {note}"


def half_cycles(driver: Driver, start: Params) -> bool:
    """Four cycles, as it counts them, take it as far as two whole ones."""
    if not driver.limited:
        return False
    one = quiet(driver.run, start, max_cycles=1)
    two = quiet(driver.run, params_of(one, driver.order, driver.size), max_cycles=1)
    four = quiet(driver.run, start, max_cycles=4)
    ends = [params_of(answer, driver.order, driver.size) for answer in (two, four)]
    same = all(np.array_equal(ends[0][name], ends[1][name]) for name in ("d", "a"))
    return same and reported(one, "cycles") == 2 and reported(four, "cycles") == 4


def holed(data: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Some answers go missing, each from a part of the rows."""
    x = np.array(data["responses"])
    for number in range(len(x)):
        if number % 3:
            x[number, number % x.shape[1]] = np.nan
    return copied(data, responses=x)


def uneven(data: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    return copied(data, frequencies=data["frequencies"] * (1.0 + np.arange(len(data["frequencies"])) % 4))


def many_items() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(3)
    x = (rng.random((300, 45)) < expit(rng.normal(0, 0.3, 45) + 1.2 * rng.standard_normal((300, 1)))).astype(float)
    return {**copied(data_of("lsat6")), "responses": x, "frequencies": np.ones(300)}


def six_items() -> dict[str, np.ndarray]:
    return copied(data_of("forms"))


WITNESSES: dict[str, Callable[[dict[str, np.ndarray]], dict[str, np.ndarray]]] = {
    "MissingAsZero": holed,
    "AttemptsOfAll": holed,
    "dropna": holed,
    "SumScores": holed,
    "FrequenciesHalfUsed": uneven,
    "attempts_once": uneven,
    "thousand": lambda data: copied(data, frequencies=data["frequencies"] * 0.8),
    "FiveItems": lambda data: six_items(),
    "SkipsUnderflow": lambda data: many_items(),
    "CachedByRows": lambda data: copied(data, responses=data["responses"][::-1]),
    "AllPatterns": lambda data: copied(
        data, responses=data["responses"][::-1], frequencies=np.roll(data["frequencies"], 3)
    ),
    "WholeFrequencies": lambda data: copied(data, frequencies=data["frequencies"] / 40),
    "AbsoluteSlopes": lambda data: copied(data_of("reverse-keyed")),
    "backwards": lambda data: copied(data, weights=data["weights"] * np.exp(0.4 * data["nodes"]) / 1.08),
}


def wrong_on_other_data(which: Outsider) -> str:
    data, (_, at) = data_of(which.problem), maximum_of(which.problem)
    here = distance(data, ends(which), at)
    other = WITNESSES[which.name](data)
    slopes = 1 if which.problem == "lsat6-common-slope" else other["responses"].shape[1]
    end, (best, _) = ends(which, other), maximum(other, slopes)
    gap = best - loglik(other, end)
    note = f"here {here:.1e}; on other data gap {gap:.1e}"
    return f"{'ok' if here < 1e-5 and not gap < 1e-3 else 'NOT OK'}  {note}"


CHECKS = {
    "": right,
    "gross": wrong_everywhere,
    "subtle": wrong_everywhere,
    "wrong from some starts": wrong_from_some_starts,
    "only reported is wrong": wrong_report,
    "only on other data": wrong_on_other_data,
}


def main(names: list[str]) -> int:
    failures = 0
    for which in OUTSIDERS:
        if "items" not in which.make.__module__ or (names and which.name not in names):
            continue
        began = time.perf_counter()
        try:
            verdict = CHECKS[which.bug](which)
        except Exception as problem:
            verdict = f"NOT OK: {type(problem).__name__}: {problem}"
        failures += not verdict.startswith("ok")
        sys.stdout.write(
            f"{which.name:26} {which.bug or 'right':24} {verdict}  [{time.perf_counter() - began:.1f} s]\n"
        )
        sys.stdout.flush()
    return min(failures, 1)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
