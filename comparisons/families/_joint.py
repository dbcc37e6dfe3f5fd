"""Joint maximum likelihood of items and abilities beside the marginal one."""

from typing import NamedTuple

import numpy as np

from comparisons.case import Alternative, Flag, Natural
from comparisons.families._item_response import upright
from em_reference.em import Status
from em_reference.joint import FURTHEST, STEEPEST, JointFit, joint_fit
from em_reference.two_pl import TwoPL

INCONSISTENT = (
    "it stays biased however many examinees there are (Neyman and Scott 1948), the less the more items there are"
)


class Joint(NamedTuple):
    """Joint estimates, where they exist, and what is said of them."""

    estimates: tuple[Alternative, ...]
    flag: Flag

    def alternatives(self, _: Natural) -> tuple[Alternative, ...]:
        """They do not depend on the marginal ones."""
        return self.estimates


def joint_estimates(em: TwoPL, items: tuple[str, ...]) -> Joint:
    """Joint maximum likelihood of the data of an EM."""
    fit = joint_fit(em.patterns)
    if fit.status is not Status.CONVERGED:
        why = f"does not settle in {fit.cycles} cycles" if fit.status is Status.CYCLE_LIMIT else _runs_off(fit, items)
        return Joint((), Flag("joint", f"joint maximum likelihood has no estimate here: {why}"))
    remark = f"Joint maximum likelihood estimates the abilities with the items: {INCONSISTENT}."
    if fit.left_out:
        remark += f" {fit.left_out:.0f} examinee(s) with all answers right, all wrong, or none are left out."
    natural = upright({"d": fit.params.intercept, "a": fit.params.slope})
    message = f"joint maximum likelihood stands beside the marginal one in the report: {INCONSISTENT}"
    return Joint((Alternative("joint", natural, remark),), Flag("joint", message))


def _runs_off(fit: JointFit, items: tuple[str, ...]) -> str:
    """What grows without limit."""
    steep = int(np.abs(fit.params.slope).argmax())
    if np.abs(fit.params.slope[steep]) > STEEPEST:
        return f"the slope of {items[steep]} grows without limit"
    inside = fit.ability[np.isfinite(fit.ability)]
    if len(inside) and np.abs(inside).max() > FURTHEST:
        return "abilities grow without limit"
    return "an item is right, or wrong, for every examinee whose answers differ"
