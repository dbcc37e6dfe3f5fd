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
    InputError,
    Natural,
    Parameter,
    Support,
    stop_after,
)
from comparisons.families import Option
from comparisons.families._audit.bayes_net import network_audit
from comparisons.families._binding import Model
from comparisons.families._display.bayes_net import NetworkDisplay, Written
from comparisons.families._network import (
    States,
    TableFields,
    TableStarts,
    latent_states,
    refuse_names,
    refuse_seen,
    relabelled_states,
    seen_states,
)
from comparisons.families._network_words import flags_of, never_seen, settings_of, title_of
from comparisons.families._priors import CONCENTRATION
from comparisons.parsing import Range
from comparisons.reading.bif import NetworkText
from comparisons.reading.columns import unused_column
from comparisons.reading.networks import read_network
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
    Option("imputations", int, "also write so many data sets with drawn entries", range=Range(1, 1000)),
    Option("sampled", bool, "also run EM with sampled completions, beside the exact one", default=False),
)

FREQUENCY = "frequency"
NOTHING = Written()
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
        written=Written(
            completed=options["impute"],
            imputed=options["impute"],
            imputations=options["imputations"] or 0,
            sampled=options["sampled"],
        ),
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
    written: Written = NOTHING,
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
    written : Written
        Tables that are written beside the report.

    Raises
    ------
    InputError
        If what rows leave open is too much to be summed out, or to be drawn from.
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
    many = completions(em) > MOST_COMPLETIONS
    if many and written.imputations:
        raise InputError(f"--imputations {written.imputations}: the rows have {completions(em):.3g} completions, "
                         f"expected at most {MOST_COMPLETIONS}")  # fmt: skip
    display = NetworkDisplay(em, fields, labels, written._replace(completed=written.completed and not many))
    hidden = fields.exchangeable(never_seen(em), tables)
    return Case(
        name=name,
        family="bayes-net",
        title=title_of(em),
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
        alternatives=display.alternatives,
        flags=flags_of(em, fields, labels, written),
        audit=network_audit(em, fields, labels, hidden, tables, partial(_bind_again, name, labels, prior)),
        settings=settings_of(em, fields, labels, prior, written),
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
