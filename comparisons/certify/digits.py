"""EM and PyMC against the certified points of the catalogue: how many digits they reach, from how many starts."""

from collections.abc import Iterable
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from comparisons import catalogue
from comparisons.case import CERTIFICATE_ROUND_OFF, Array, Case, Certified, InputError, Natural, stack, take
from comparisons.compiled import Compiled, compiled_case
from comparisons.digits import matching_digits
from comparisons.optima.edges import EDGE
from comparisons.optima.kinds import SAME, Kind, examine, judge, same
from comparisons.optima.starts import Endpoints, Progress, draw_starts, run_em, run_pymc, silent
from comparisons.writing.markdown import markdown_table
from pp_models.maximise import NOISY, held_at_bound, round_off
from pp_models.newton import newton_step

# Matching digits that EM and PyMC must reach in the log-likelihood and in every identified parameter.
ENOUGH = 10.0
# Both are taken to round-off. EM's default leaves up to 1e-11 to go, fewer than ten digits of a small number;
# PyMC's stops at a gradient of 1e-12 of the log-likelihood, which a flat direction turns into as few.
TOLERANCE = 1e-13
MAX_CYCLES = 200_000
LAST_STEPS = 3
# Curvature beside the steepest, and moves beside a parameter's size, that are none.
LEVEL = 1e-7
ELSEWHERE = "none of these"
UNLISTED = "other saddles"
TITLE = "Certified problems"


def certify(
    names: Iterable[str] | None = None, n_starts: int = 10, seed: int = 0, *, progress: Progress = silent
) -> pd.DataFrame:
    """Run EM and PyMC on certified problems from the documented start and from random ones.

    Parameters
    ----------
    names : iterable of str, optional
        Problems of the catalogue; all that are certified when left out.
    n_starts : int
        The documented start and random ones, together.
    seed : int
        Start i depends on (seed, i) alone.
    progress : callable
        Wraps the loop over the starts of PyMC.

    Returns
    -------
    DataFrame
        One row per certified point: problem, kind, log_likelihood (certified), whether none is higher (`best`), then
        for EM and for PyMC the starts that ended there and, over all of them, the fewest matching digits of any
        identified parameter and of the log-likelihood (NaN where no start ended there), and whether the documented
        start did. A row of kind "none of these" counts the starts that ended at no certified point, if there are any;
        "other saddles" where all of them ended at saddles, which need not be listed.

    Raises
    ------
    InputError
        If a problem is unknown or holds no certified points.
    """
    if n_starts < 1:
        raise InputError(f"{n_starts} starts, expected 1 or more")
    rows: list[dict[str, object]] = []
    for name in certified_problems() if names is None else names:
        case = catalogue.load(name)
        if not case.certified:
            raise InputError(f"{name} is not certified, expected one of: {', '.join(certified_problems())}")
        rows += _certify(case, n_starts, seed, progress)
    return pd.DataFrame(rows)


def certified_problems() -> list[str]:
    """Names of the problems with certified points."""
    return [name for name in catalogue.names() if catalogue.load(name).certified]


def _certify(case: Case, n_starts: int, seed: int, progress: Progress) -> list[dict[str, object]]:
    """Rows of one problem."""
    case = replace(case, stop=replace(case.stop, tolerance=TOLERANCE, max_cycles=MAX_CYCLES))
    compiled = compiled_case(case)
    starts = draw_starts(case, n_starts, seed)
    fits = (
        run_em(case, compiled.objective, starts),
        sharpened(compiled, run_pymc(compiled, starts, progress)),
    )
    reached = [_reached(compiled, fit) for fit in fits]
    best = max(point.height for point in case.certified)
    documented = case.start is not None
    rows: list[dict[str, object]] = []
    for index, point in enumerate(case.certified):
        row: dict[str, object] = {"problem": case.name, "kind": point.kind, "log_likelihood": point.log_likelihood}
        row["best"] = point.height == best
        for fit, where in zip(fits, reached, strict=True):
            there = np.flatnonzero(where == index)
            row[f"{fit.by}_starts"] = len(there)
            row[f"{fit.by}_documented"] = documented and bool(where[0] == index)
            row |= dict(
                zip(
                    (f"{fit.by}_digits", f"{fit.by}_height"),
                    _digits(compiled, point, fit, there),
                    strict=True,
                )
            )
        rows.append(row)
    lost = {f"{fit.by}_starts": int((where < 0).sum()) for fit, where in zip(fits, reached, strict=True)}
    highest = max(float(np.nanmax(fit.objective, initial=-np.inf)) for fit in fits)
    beaten = highest > best + CERTIFICATE_ROUND_OFF * (1 + abs(best))
    if any(lost.values()) or beaten:
        stray = {
            f"{fit.by}_documented": documented and bool(where[0] < 0) for fit, where in zip(fits, reached, strict=True)
        }
        strange = beaten or not _at_saddles(compiled, fits, reached)
        kind, stands = (ELSEWHERE, repr(highest)) if strange else (UNLISTED, "")
        rows.append({"problem": case.name, "kind": kind, "log_likelihood": stands, **lost, **stray})
    return rows


def _at_saddles(compiled: Compiled, fits: tuple[Endpoints, Endpoints], reached: list[npt.NDArray[np.int64]]) -> bool:
    """Whether every start that ended at no certified point ended at a saddle."""
    return all(
        judge(compiled, examine(compiled, take(fit.natural, start))).kind is Kind.SADDLE
        for fit, where in zip(fits, reached, strict=True)
        for start in np.flatnonzero(where < 0)
    )


def _reached(compiled: Compiled, fit: Endpoints) -> npt.NDArray[np.int64]:
    """Which certified point each start ended at, -1 for none: by the probability of every observation."""
    case, objective = compiled
    prints = [objective.fingerprint(objective.free(point.natural)) for point in case.certified]
    where = np.full(len(fit), -1, dtype=np.int64)
    for start in range(len(fit)):
        natural = take(fit.natural, start)
        if np.isfinite(case.flat(natural)).all():
            fingerprint = objective.fingerprint(objective.free(natural))
            found = [index for index, known in enumerate(prints) if same(known, fingerprint)]
            where[start] = found[0] if found else -1
    return where


def sharpened(compiled: Compiled, fit: Endpoints) -> Endpoints:
    """PyMC's endpoints after up to three more Newton steps, each kept only if the gradient shrinks."""
    case, objective = compiled
    ends, heights = [], []
    for start in range(len(fit)):
        x = objective.free(take(fit.natural, start))
        _, gradient = objective.value_and_gradient(x)
        for _ in range(LAST_STEPS):
            free = ~held_at_bound(objective, x, gradient)
            rounding = NOISY * round_off(objective, x).gradient
            step, _ = newton_step(objective.hessian(x), gradient, free, rounding, objective.observations)
            _, next_gradient = objective.value_and_gradient(x + step)
            if not np.abs(next_gradient[free]).max(initial=0.0) < np.abs(gradient[free]).max(initial=0.0):
                break
            x, gradient = x + step, next_gradient
        ends.append({name: objective.natural(x)[name] for name in case.labels})
        heights.append((objective.log_likelihood(x), objective.log_prior(x)))
    likelihoods, priors = np.array(heights).T
    return replace(fit, natural=stack(ends), log_likelihood=likelihoods, log_prior=priors)


def _digits(compiled: Compiled, point: Certified, fit: Endpoints, there: npt.NDArray[np.int64]) -> tuple[float, float]:
    """Fewest matching digits, over starts, of the identified parameters and of the log-likelihood.

    On a ridge a component may have lost its weight; what else belongs to it is then not identified either.
    """
    case = compiled.case
    if not len(there):
        return np.nan, np.nan
    places = [(name, label) for name, labels in case.labels.items() for label in labels]
    fewest, held = [], not _flat(compiled, point)
    for start in there:
        natural = case.align(take(fit.natural, start), point.natural)
        lost = _lost(compiled, natural) if point.not_identified else set()
        known = [name not in point.not_identified and label not in lost for name, label in places]
        digits = matching_digits(case.flat(natural), case.flat(point.natural))[np.array(known) & held]
        fewest.append(float(digits.min(initial=np.inf)))
    height: Array = matching_digits(fit.objective[there], np.full(len(there), point.height))
    return min(fewest), float(height.min())


def _flat(compiled: Compiled, point: Certified) -> bool:
    """Whether a saddle has no curvature along some identified parameter: double precision gives few of its digits."""
    objective = compiled.objective
    if point.kind != "saddle":
        return False
    x = objective.free(point.natural)
    eigenvalues, vectors = np.linalg.eigh(objective.hessian(x))
    level = vectors[:, np.abs(eigenvalues) <= LEVEL * np.abs(eigenvalues).max(initial=0.0)]
    moves = np.abs(objective.natural_jacobian(x) @ level).max(axis=1, initial=0.0)
    named = {
        name for name, by_entry in objective.split(moves).items() if (by_entry > LEVEL * objective.unit(name)).any()
    }
    return bool(named - set(point.not_identified))


def _lost(compiled: Compiled, natural: Natural) -> set[str]:
    """Labels of the components whose weight is 0."""
    case, objective = compiled
    weights = [name for name in case.labels if objective.is_simplex(name)]
    return {case.labels[name][i] for name in weights for i in np.flatnonzero(natural[name] < EDGE)}


def shortfalls(table: pd.DataFrame) -> list[str]:
    """What falls short, one line each: digits below ten, starts at no certified point, a best not reached."""
    lines = []
    for name, rows in table.groupby("problem", sort=False):
        for row in rows.to_dict("records"):
            if row["kind"] == ELSEWHERE:
                starts = f"{row['em_starts']} EM and {row['pymc_starts']} PyMC starts"
                lines.append(
                    f"{name}: {starts} ended at no certified point, the highest fit is {row['log_likelihood']}"
                )
                continue
            for by, label in (("em", "EM"), ("pymc", "PyMC")):
                for key, what in (("digits", "an identified parameter"), ("height", "the log-likelihood")):
                    if row[f"{by}_{key}"] < ENOUGH:
                        lines.append(f"{name}, {row['kind']}: {label} has {row[f'{by}_{key}']:.1f} digits of {what}")
        top = rows[rows["best"].eq(True)]
        for by, label in (("em", "EM"), ("pymc", "PyMC")):
            if not rows[f"{by}_documented"].any():
                if not top[f"{by}_starts"].any():
                    lines.append(f"{name}: {label} does not reach a certified best from any start")
            elif not top[f"{by}_documented"].any():
                lines.append(f"{name}: {label} does not reach a certified best from the documented start")
    return lines


def as_text(table: pd.DataFrame) -> str:
    """The table as Markdown; digits are "parameters / log-likelihood"."""
    header = ("problem", "kind", "certified log-likelihood", "EM digits", "PyMC digits", "EM starts", "PyMC starts")
    cells = []
    for row in table.to_dict("records"):
        shown = [str(row["problem"]), str(row["kind"]), str(row["log_likelihood"])[:24]]
        shown += [_pair(row, by) for by in ("em", "pymc")]
        shown += [str(row[f"{by}_starts"]) + (" *" if row[f"{by}_documented"] else "") for by in ("em", "pymc")]
        cells.append(shown)
    return markdown_table(header, cells, [False, False, *[True] * 5], aligned=True)


def _pair(row: dict[str, object], by: str) -> str:
    digits, height = row.get(f"{by}_digits", np.nan), row.get(f"{by}_height", np.nan)
    if pd.isna(digits):
        return "-"
    return f"- / {height:.1f}" if digits == np.inf else f"{digits:.1f} / {height:.1f}"


def report(table: pd.DataFrame, n_starts: int, seed: int) -> str:
    """The page `reports/certified.md`."""
    short = shortfalls(table)
    verdict = (
        f"EM and PyMC match at least {ENOUGH:g} digits of every identified parameter and of the log-likelihood."
        if not short
        else "\n".join(["Not reached:", "", *(f"- {line}" for line in short)])
    )
    return f"""# {TITLE}

{verdict}

{as_text(table)}

Each problem was run from {n_starts} starts (seed {seed}): the documented one where there is one, and random ones.
Digits are matching significant digits, the fewest over all starts that ended at the point: of any identified parameter
/ of the log-likelihood. A star marks the point that the documented start leads to. Two endpoints are one point when no
observation's log-likelihood differs by more than {SAME:g}. EM runs until it estimates {TOLERANCE:g} to be left, or to
round-off. What certified means, and how the points were obtained, is described in `comparisons/catalogue/README.md`
and in the TOML file of each problem.

Regenerate: `em-crosscheck certify --starts {n_starts} --seed {seed}`.
"""
