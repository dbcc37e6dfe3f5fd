"""The posterior beside the maximum: NUTS on the same PyMC model, its summary beside the estimates by EM and PyMC.

A posterior of exchangeable components has one mode per labelling, and one of free slopes has a mirror
image. R-hat then tells that chains sit in different modes, which is no failure of the sampler. So every
chain is aligned with the maximum (`Case.align`), and the messages say which labelling it sits in.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from comparisons import families
from comparisons.case import Array, Case, InputError, natural_of, no_runaway
from comparisons.cross_check.run import CrossCheck
from comparisons.optima.kinds import Kind
from comparisons.optima.labellings import about_labels, listed
from pp_models import sampling

# Fewest draws per chain from which ArviZ computes R-hat and ESS.
FEWEST_DRAWS = 4
# Vehtari, Gelman, Simpson, Carpenter and Buerkner (2021), Bayesian Analysis 16, 667-718.
HIGHEST_R_HAT = 1.01
LOWEST_ESS = 400
# The parameter of an item response model that may grow without end.
SLOPE = "a"


@dataclass(frozen=True, eq=False)
class Posterior:
    """Draws of the posterior with what they say beside the two maxima.

    Attributes
    ----------
    data : InferenceData or DataTree
        ArviZ's own container, whichever the installed ArviZ has.
    summary : DataFrame
        Index: scalar parameter, `a[item1]`. Columns: mean, sd, r_hat, ess_bulk, ess_tail.
    table : DataFrame
        em, em_se, pymc, pymc_se (see `CrossCheck.estimates`) and the columns of `summary`.
    messages : tuple of str
        What the reader must know: labellings, flat priors, divergences, too few draws.
    case : Case
    draws : array (chain, draw, parameter)
        In the order of `Case.parameter_names`.

    Examples
    --------
    >>> from comparisons import crosscheck, load_problem, sample
    >>> posterior = sample(crosscheck(load_problem("genetic-linkage"), 5), seed=1, draws=50, tune=100, chains=2)
    >>> posterior.table.columns.tolist()
    ['em', 'em_se', 'pymc', 'pymc_se', 'mean', 'sd', 'r_hat', 'ess_bulk', 'ess_tail']
    """

    data: Any
    summary: pd.DataFrame
    table: pd.DataFrame
    messages: tuple[str, ...]
    case: Case = field(repr=False)
    draws: Array = field(repr=False)

    def save(self, path: str | Path) -> None:
        """Write `data` to a netCDF file, which `arviz.from_netcdf` reads.

        Raises
        ------
        InputError
            If the file cannot be written, or no package that writes netCDF is installed.
        """
        try:
            self.data.to_netcdf(str(path))
        except OSError as error:
            raise InputError(f"{path}: cannot be written ({error.strerror or error})") from None
        except (ImportError, ValueError) as error:
            if isinstance(error, ValueError) and "engine" not in str(error) and "backend" not in str(error):
                raise
            raise InputError(
                f"{path}: writing netCDF needs h5netcdf and h5py: pip install em-crosscheck[netcdf]"
            ) from None


def sample(
    result: CrossCheck,
    *,
    seed: int,
    draws: int = 1000,
    tune: int = 1000,
    chains: int = 4,
    progress: bool = False,
) -> Posterior:
    """Sample the posterior of the PyMC model of a cross-check.

    Parameters
    ----------
    result : CrossCheck
    seed : int
        The same seed gives the same draws.
    draws, tune, chains : int
        Draws kept and steps of adaptation per chain. Every chain starts at its own jittered point.
    progress : bool
        Let PyMC show its progress bar and its messages.

    Returns
    -------
    Posterior

    Raises
    ------
    InputError
        If the numbers make no sense, or the model cannot be sampled.

    Examples
    --------
    >>> from comparisons import crosscheck, load_problem, sample
    >>> result = crosscheck(load_problem("genetic-linkage"), 5)
    >>> sample(result, seed=1, draws=50, tune=100, chains=2).draws.shape
    (2, 50, 1)
    >>> sample(result, seed=1, draws=1)
    Traceback (most recent call last):
    comparisons.errors.InputError: draws 1: expected 4 or more
    """
    for name, value, least in (("draws", draws, FEWEST_DRAWS), ("tune", tune, 0), ("chains", chains, 1)):
        if value < least:
            raise InputError(f"{name} {value}: expected {least} or more")
    case = result.case
    model = case.build_model()
    coords = {
        f"{parameter.name}_dim_{place}": axis.labels
        for parameter in case.parameters
        for place, axis in enumerate(parameter.axes)
    }
    try:
        data = sampling.sample(
            model, seed=seed, draws=draws, tune=tune, chains=chains, coords=coords, progress=progress
        )
    except sampling.SamplingError as error:
        raise InputError(f"{case.name}: {error}; expected a posterior with a finite density and gradient") from error
    values = case.flat({name: sampling.draws_of(data, name) for name in case.labels})
    every = values.reshape(-1, values.shape[-1])
    summary = pd.DataFrame(
        {"mean": every.mean(axis=0), "sd": every.std(axis=0, ddof=1), **sampling.diagnostics(values)},
        index=pd.Index(case.parameter_names(), name="parameter"),
    )
    maxima = result.estimates.set_index("parameter")[["em", "em_se", "pymc", "pymc_se"]]
    messages = (
        *_about_prior(case, sampling.flat_variables(model), values),
        *_about_ridge(result),
        *about_labels(case, values, result.ends.pymc),
        *_about_sampler(summary, sampling.sampler_warnings(data), values),
    )
    return Posterior(data, summary, maxima.join(summary), messages, case, values)


# ---- messages -------------------------------------------------------------------------------


def _about_prior(case: Case, flat: tuple[str, ...], values: Array) -> list[str]:
    """Whether the posterior may be improper, and which chains show it."""
    if not flat:
        return []
    why = "nothing but the likelihood keeps them from infinity"
    if SLOPE in flat and case.runaway is not no_runaway:
        why = "the likelihood does not tend to 0 in every direction towards infinity (a slope may grow without limit)"
    advice = "; give priors to make it so" if _takes_priors(case) else ""
    found = [f"flat priors on {listed(flat)}: the posterior need not be proper, as {why}{advice}"]
    for number, chain in enumerate(values, start=1):
        away = {name: None for group in case.runaway(natural_of(case, chain.mean(axis=0))) for name in group.names}
        if away:
            found.append(f"chain {number} drifted towards infinity in {listed(list(away))}: its draws cannot be used")
    return found


def _takes_priors(case: Case) -> bool:
    """Whether the family lets the user give priors: advice that nobody can follow is none."""
    if case.family not in families.names():
        return False
    return any(option.name.endswith("-prior") for option in families.family(case.family).OPTIONS)


def _about_ridge(result: CrossCheck) -> list[str]:
    """Identification is a property of a maximum: of a saddle there is nothing to say here."""
    if not result.not_identified or result.optima[result.ends.optimum].kind is Kind.SADDLE:
        return []
    return [
        f"the data do not identify {listed(result.not_identified)}: the posterior spreads out along the ridge, and "
        "its mean need not be near EM's or PyMC's estimate"
    ]


def _about_sampler(summary: pd.DataFrame, counts: dict[str, int], values: Array) -> list[str]:
    found = []
    total = values.shape[0] * values.shape[1]
    if counts.get("diverging"):
        found.append(f"{counts['diverging']} of {total} draws diverged: the sampler may miss part of the posterior")
    if counts.get("reached_max_treedepth"):
        found.append(f"{counts['reached_max_treedepth']} of {total} trajectories were cut short at the largest length")
    apart = list(summary.index[~(summary["r_hat"] <= HIGHEST_R_HAT)])
    if apart:
        found.append(f"R-hat is above {HIGHEST_R_HAT} or unknown for {listed(apart)}")
    few = list(summary.index[~(summary[["ess_bulk", "ess_tail"]].min(axis=1, skipna=False) >= LOWEST_ESS)])
    if few:
        found.append(f"effective sample size below {LOWEST_ESS} or unknown for {listed(few)}")
    return found
