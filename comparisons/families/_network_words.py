"""What is said of a Bayesian network and its data: title, settings, flags."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from comparisons.case import Flag
from comparisons.families._display.bayes_net import Written
from comparisons.families._network import TableFields, unsupported
from em_reference.bayes_net import BayesNet
from em_reference.completions import MOST_COMPLETIONS, completions


def never_seen(em: BayesNet) -> list[bool]:
    """Which variables are open in every row."""
    return [bool(column.all()) for column in np.isnan(em.distinct.codes).T]


def title_of(em: BayesNet) -> str:
    arrows = sum(map(len, em.network.parents))
    rows = em.distinct.frequencies.sum()
    plural = "" if arrows == 1 else "s"
    return f"Bayesian network of {len(em.network.states)} variables, {arrows} arrow{plural}; {rows:.0f} rows"


def settings_of(
    em: BayesNet,
    fields: TableFields,
    labels: Mapping[str, tuple[str, ...]],
    prior: float | Mapping[str, Any] | None,
    written: Written,
) -> dict[str, Any]:
    codes, often, _ = em.distinct
    missing = float(often @ np.isnan(codes).mean(axis=1) / often.sum())
    arrows = [f"{parent}->{child}" for child in labels for parent in fields.parents[child]]
    latent = [v for v, empty in zip(labels, never_seen(em), strict=True) if empty]
    return {
        "arrows": ", ".join(arrows) if arrows else "none",
        **({"latent": ", ".join(f"{v} ({len(labels[v])} states)" for v in latent)} if latent else {}),
        "missing cells": f"{missing:.1%}",
        "prior": "flat"
        if prior is None
        else "Dirichlet, by entry"
        if isinstance(prior, Mapping)
        else f"Dirichlet({prior:g})",
        **({"imputed entries": "in completed.csv, imputed.csv and marginals.csv"} if written.imputed else {}),
        **({"drawn data sets": f"{written.imputations}, in imputations.csv"} if written.imputations else {}),
        **({"sampled completions": "beside the exact ones, in alternatives.csv"} if written.sampled else {}),
    }


def flags_of(
    em: BayesNet, fields: TableFields, labels: Mapping[str, tuple[str, ...]], written: Written
) -> tuple[Flag, ...]:
    """What the data alone tell: configurations without a row, states that never occur, rows without an entry."""
    codes, often, _ = em.distinct
    flags = []
    never = unsupported(fields, labels, codes) if em.prior is None else []
    if never:
        shown = "; ".join(never[:6]) + (f"; and {len(never) - 6} more" if len(never) > 6 else "")
        flags.append(
            Flag("no_row", f"no row can have these parents, so that the probabilities are not identified: {shown}")
        )
    empty = float(often[np.isnan(codes).all(axis=1)].sum())
    if empty:
        flags.append(Flag("empty_rows", f"{empty:.0f} row(s) without any entry: they say nothing"))
    unseen = [f"{v}={label}" for at, v in enumerate(labels) for state, label in enumerate(labels[v])
              if not np.isnan(codes[:, at]).all() and not (codes[:, at] == state).any()]  # fmt: skip
    if unseen:
        flags.append(Flag("state_never_seen", f"in no row: {', '.join(unseen)}"))
    if written.completed and completions(em) > MOST_COMPLETIONS:
        flags.append(Flag("completed_left_out", f"completed.csv is not written: the rows have {completions(em):.3g} "
                          f"completions, and at most {MOST_COMPLETIONS} are listed"))  # fmt: skip
    return tuple(flags)
