"""Bayesian network: binds the EM and the PyMC model of a discrete network with missing entries."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from comparisons.case import (
    Array,
    Axis,
    Case,
    Flag,
    InputError,
    Natural,
    Parameter,
    Support,
    stop_after,
)
from comparisons.families import Option
from comparisons.families._audit.bayes_net import network_audit
from comparisons.families._binding import Model
from comparisons.families._display.bayes_net import NetworkDisplay
from comparisons.families._network import (
    States,
    TableFields,
    TableStarts,
    latent_states,
    refuse_names,
    refuse_seen,
    relabelled_states,
    seen_states,
    unsupported,
)
from comparisons.families._priors import CONCENTRATION
from comparisons.reading.columns import unused_column
from comparisons.reading.networks import NetworkText, read_network
from comparisons.reading.tables import Table, read_frequencies
from em_reference.bayes_net import BayesNet
from em_reference.completions import MOST_COMPLETIONS, completions
from em_reference.network import Network

TITLE = "discrete Bayesian network with missing entries, also latent variables"
DATA = (
    "one column per variable of the network with labels of its states, empty where missing; "
    "optionally a column 'frequency', and one row per observation or per kind of observation"
)
OPTIONS = (
    Option("network", str, "arrows such as 'A->B, A->C', or a file NAME.bif", required=True),
    Option("latent", str, "variables without a column, with their number of states: 'Y:3, Z:2'"),
    Option("prior", float, "concentration of a Dirichlet prior on every conditional distribution", range=CONCENTRATION),
    Option("impute", bool, "also write the completed data and the imputed entries", default=False),
)

FREQUENCY = "frequency"
# Rows of a table may miss the sum 1 by what rounding to printed digits does to them.
ROUNDED = 1e-3
# A probability of a start stays so far inside 0 and 1: nearer to 1, what is left has too few digits for a logit.
EDGE = 1e-6


def read(name: str, table: Table, options: dict[str, Any]) -> Case:
    """Bind a table with one column per variable that is not latent.

    Raises
    ------
    InputError
    """
    network = read_network(options["network"])
    refuse_names(network.variables)
    latent = latent_states(options["latent"], network)
    missing = [variable for variable in network.variables if variable not in latent and variable not in table.columns]
    if missing:
        raise InputError(f"{table.path}: no column {missing[0]!r}, expected one for each variable of the network, "
                         f"or --latent {missing[0]}:STATES")  # fmt: skip
    refuse_seen(table, latent)
    codes, states = seen_states(table, network, latent)
    case = bind(
        name,
        codes,
        states,
        network.parents,
        frequencies=read_frequencies(table),
        prior=options["prior"],
        impute=options["impute"],
    )
    used = (*(variable for variable in network.variables if variable not in latent), FREQUENCY)
    start = _documented(network)
    return replace(case, start=start, flags=(*case.flags, *unused_column(table, used)))


def _documented(network: NetworkText) -> Natural | None:
    """The tables of a file as a start, where it has them all."""
    if set(network.tables) != set(network.variables):
        return None
    return inner_start({name: network.tables[name] for name in network.variables})


def start_fault(start: Natural) -> str | None:
    """Every conditional distribution holds numbers that are not negative and add up to 1."""
    for name, table in start.items():
        if (table < 0).any() or (abs(table.sum(axis=-1) - 1) > ROUNDED).any():
            return f"{name} holds rows that do not add up to 1 or are negative, expected conditional probabilities"
    return None


def inner_start(start: Natural) -> Natural:
    """Probabilities of a start inside 0 and 1, by at least `EDGE`, in rows that add up to 1."""
    inner = {}
    for name, table in start.items():
        clipped = np.clip(table / table.sum(axis=-1, keepdims=True), EDGE, None)
        inner[name] = clipped / clipped.sum(axis=-1, keepdims=True)
    return inner


def bind(
    name: str,
    rows: Array,
    states: States,
    parents: Mapping[str, Sequence[str]],
    *,
    frequencies: Array | None = None,
    prior: float | Mapping[str, Any] | None = None,
    impute: bool = False,
) -> Case:
    """Bind arrays.

    Parameters
    ----------
    rows : array (N, V)
        Places of the states of each variable, NaN where missing, in the order of `states`.
    states : dict of name -> labels, or how many states there are
    parents : dict of name -> names
    frequencies : array (N,), optional
    prior : float or dict of name -> array, optional
        Concentrations of the Dirichlet priors: one number, or a table for every variable.
    impute : bool
        Also write completed data and imputed entries beside the report.

    Raises
    ------
    InputError
        If what rows leave open is too much to be summed out.
    """
    labels = {
        variable: tuple(f"{state}" for state in (range(1, own + 1) if isinstance(own, int) else own))
        for variable, own in states.items()
    }
    fields = TableFields.of(labels, parents)
    tables = None if prior is None else fields.concentrations(prior)
    em = _problem(fields, rows, frequencies, tables)
    axes = {variable: Axis(variable, tuple(f"{variable}={label}" for label in own)) for variable, own in labels.items()}
    given = {
        "rows": np.asarray(rows, dtype=float),
        "frequencies": frequencies,
        "states": {variable: len(own) for variable, own in labels.items()},
        "parents": fields.parents,
        "prior": tables,
    }
    display = NetworkDisplay(em, fields, labels, impute and completions(em) <= MOST_COMPLETIONS, impute)
    hidden = fields.exchangeable(_never_seen(em), tables)
    return Case(
        name=name,
        family="bayes-net",
        title=_title(em),
        em=em,
        build_model=Model("bayes_net", given, ("rows",)),
        to_em=fields.to_em,
        from_em=fields.from_em,
        draw_start=TableStarts(fields.shapes),
        parameters=tuple(
            Parameter(variable, tuple(axes[m] for m in (*fields.parents[variable], variable)), Support.SIMPLEX)
            for variable in labels
        ),
        with_prior=prior is not None,
        stop=stop_after(float(em.distinct.frequencies.sum())),
        align=partial(relabelled_states, fields, hidden),
        first_cycle=display.first_cycle,
        extra_tables=display.tables,
        flags=_flags(em, fields, labels, impute),
        audit=network_audit(em, fields, labels, hidden, tables, partial(_bind_again, name, labels, prior)),
        settings=_settings(em, fields, labels, prior, impute),
    )


def _problem(fields: TableFields, rows: Array, frequencies: Array | None, prior: Natural | None) -> BayesNet:
    place = {variable: number for number, variable in enumerate(fields.names)}
    network = Network(
        tuple(shape[-1] for shape in fields.shapes.values()),
        tuple(tuple(place[parent] for parent in fields.parents[variable]) for variable in fields.names),
    )
    em = BayesNet(network, rows, frequencies, None if prior is None else fields.to_em(prior).probability)
    try:
        em.plan  # noqa: B018 - laid out here, so that what is too large is refused before the work begins
    except ValueError as error:
        raise InputError(f"the network: {error}") from None
    return em


def _bind_again(
    name: str, labels: Mapping[str, tuple[str, ...]], prior: float | Mapping[str, Any] | None, data: dict[str, Any]
) -> Case:
    same = {v: len(own) for v, own in labels.items()} == dict(zip(data["variables"], data["states"], strict=True))
    states: States = labels if same else dict(zip(data["variables"], data["states"], strict=True))
    parents = dict(zip(data["variables"], data["parents"], strict=True))
    return bind(name, data["rows"], states, parents, frequencies=data["frequencies"], prior=prior)


def _never_seen(em: BayesNet) -> list[bool]:
    """Which variables are open in every row."""
    return [bool(column.all()) for column in np.isnan(em.distinct.codes).T]


def _title(em: BayesNet) -> str:
    arrows = sum(map(len, em.network.parents))
    rows = em.distinct.frequencies.sum()
    plural = "" if arrows == 1 else "s"
    return f"Bayesian network of {len(em.network.states)} variables, {arrows} arrow{plural}; {rows:.0f} rows"


def _settings(
    em: BayesNet,
    fields: TableFields,
    labels: Mapping[str, tuple[str, ...]],
    prior: float | Mapping[str, Any] | None,
    impute: bool,
) -> dict[str, Any]:
    codes, often, _ = em.distinct
    missing = float(often @ np.isnan(codes).mean(axis=1) / often.sum())
    arrows = [f"{parent}->{child}" for child in labels for parent in fields.parents[child]]
    latent = [v for v, empty in zip(labels, _never_seen(em), strict=True) if empty]
    return {
        "arrows": ", ".join(arrows) if arrows else "none",
        **({"latent": ", ".join(f"{v} ({len(labels[v])} states)" for v in latent)} if latent else {}),
        "missing cells": f"{missing:.1%}",
        "prior": "flat"
        if prior is None
        else "Dirichlet, by entry"
        if isinstance(prior, Mapping)
        else f"Dirichlet({prior:g})",
        **({"imputed entries": "in completed.csv, imputed.csv and marginals.csv"} if impute else {}),
    }


def _flags(em: BayesNet, fields: TableFields, labels: Mapping[str, tuple[str, ...]], impute: bool) -> tuple[Flag, ...]:
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
    if impute and completions(em) > MOST_COMPLETIONS:
        flags.append(Flag("completed_left_out", f"completed.csv is not written: the rows have {completions(em):.3g} "
                          f"completions, and at most {MOST_COMPLETIONS} are listed"))  # fmt: skip
    return tuple(flags)
