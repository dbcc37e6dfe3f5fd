"""What the reader must know beside the verdict."""

import numpy as np

from comparisons.case import Case, Flag
from comparisons.checks import Ends
from comparisons.kinds import Judgement, Kind
from comparisons.multistart import Endpoints
from comparisons.optima import LEVEL, Optimum
from em_reference.em import Status

# A log-likelihood above the certified one by less than this share of 1 + its size is round-off.
CERTIFICATE_ROUND_OFF = 1e-12


def raise_flags(
    case: Case,
    legs: tuple[Endpoints, Endpoints],
    optima: list[Optimum],
    ends: Ends,
    judgement: Judgement,
) -> tuple[Flag, ...]:
    """Flags of one cross-check, the gravest first; `judgement` is that of the endpoints reported."""
    flags: list[Flag] = [*beats_certificate(case, legs, optima)]
    if ends.optimum > 0:
        flags.append(
            Flag(
                "higher_maximum",
                f"no start reached the best optimum known, at {optima[0].objective:.7f}; it was found by climbing on "
                "from where the starts ended",
            )
        )
    open_names = tuple(name for name in judgement.not_identified if name not in judgement.diverging)
    if open_names:
        fitted = case.fitted(ends.pymc)
        flags.append(
            Flag(
                "ridge",
                "the likelihood is flat along a ridge: the data do not identify "
                f"{_listed(open_names)}; what they do identify is the fitted distribution"
                f"{f' ({fitted})' if fitted else ''}; agreement is judged on that",
            )
        )
    if judgement.at_edge:
        flags.append(Flag("boundary", f"at the boundary of the parameter space: {_listed(judgement.at_edge)}"))
    if judgement.diverging:
        flags.append(
            Flag(
                "diverging",
                "the likelihood does not fall towards infinity, there is no finite estimate of "
                f"{_listed(judgement.diverging)}",
            )
        )
    top = optima[0].objective - LEVEL * (1 + abs(optima[0].objective))
    maxima = [o for o in optima if o.kind not in (Kind.SADDLE, Kind.NOT_STATIONARY)]
    equal = [o for o in maxima if o.objective >= top]
    if len(equal) > 1:
        flags.append(
            Flag(
                "equal_maxima",
                f"{len(equal)} different maxima are equally high: which one is found depends on the start, and the "
                "estimates are those of one of them",
            )
        )
    lower = [o for o in maxima if o.objective < top]
    for code, what, heap in (
        (Kind.LOCAL, "a local maximum that is not the best", lower),
        (Kind.SADDLE, "a saddle", [o for o in optima if o.kind is Kind.SADDLE]),
        (Kind.NOT_STATIONARY, "a point that is not stationary", [o for o in optima if o.kind is Kind.NOT_STATIONARY]),
    ):
        em, pymc = (sum(len(o.members[leg.leg]) for o in heap) for leg in legs)
        if em or pymc:
            flags.append(
                Flag(
                    str(code).replace(" ", "_"),
                    f"{em} of {len(legs[0])} EM starts and {pymc} of {len(legs[1])} PyMC starts end at {what}",
                )
            )
    stopped = int((legs[0].status == str(Status.CYCLE_LIMIT)).sum())
    if stopped:
        message = f"{stopped} of {len(legs[0])} EM starts stopped at the limit of {case.stop.max_cycles} cycles, "
        message += "which is not convergence"
        if ends.em_cycles > case.stop.max_cycles:
            message += "; the one reported was carried on, accelerated, and ended after "
            message += f"{ends.em_cycles} cycles: {ends.em_status}"
        flags.append(Flag("em_cycle_limit", message))
    failed = [int((leg.status == "not finite").sum()) for leg in legs]
    if any(failed):
        flags.append(Flag("not_finite", f"{failed[0]} EM starts and {failed[1]} PyMC starts ended at no finite value"))
    for start, name in ((ends.em_start, "EM"), (ends.pymc_start, "PyMC")):
        if start is None:
            flags.append(
                Flag(
                    "best_not_reached",
                    f"no {name} start reached the best optimum; {name} was restarted from the other side's endpoint",
                )
            )
    return tuple(flags)


def beats_certificate(case: Case, legs: tuple[Endpoints, Endpoints], optima: list[Optimum]) -> tuple[Flag, ...]:
    """A flag when a fit is higher than the best certified point by more than round-off.

    Then the certificate is wrong, or a log-likelihood is: the tests of the catalogue fail.
    """
    if case.with_prior or not case.certified:
        return ()
    best = max(point.height for point in case.certified)
    found = [
        ("EM's", float(np.nanmax(legs[0].log_likelihood, initial=-np.inf))),
        ("PyMC's", float(np.nanmax(legs[1].log_likelihood, initial=-np.inf))),
        ("the best optimum's", max((optimum.objective for optimum in optima), default=-np.inf)),
    ]
    whose, highest = max(found, key=lambda pair: pair[1])
    if highest <= best + CERTIFICATE_ROUND_OFF * (1 + abs(best)):
        return ()
    message = f"{whose} log-likelihood {highest:.12g} is above the certified best, {best:.12g}: one of them is wrong"
    return (Flag("beats_certificate", message),)


def _listed(names: tuple[str, ...]) -> str:
    """Names in a row, long lists cut short."""
    shown = ", ".join(names[:12])
    return shown if len(names) <= 12 else f"{shown} and {len(names) - 12} more"
