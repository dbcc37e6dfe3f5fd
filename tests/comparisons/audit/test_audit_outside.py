"""EMs in the styles that people use, by authors who have not read the checks; `benchmarks/audit_outside.py` has all."""

import sys
from functools import cache
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import pytest

from comparisons import catalogue
from comparisons.audit import check_em
from comparisons.audit.subject import is_fit
from comparisons.case import Case

FOLDER = Path(__file__).parent / "outside"
# A few of each kind that take little time.
RIGHT = (
    "coins_in_order",
    "squarem_coins",
    "stops_on_the_likelihood",
    "do_and_batzoglou",
    "em_plain_tuple",
    "Animals",
    "mixture_flat_vector_inverse_beetles",
    "mixture_half_way_inverse_beetles_gaps",
    "mixture_incremental_cholesky_beetles_gaps",
    "mixture_stops_on_gain_cholesky_beetles_gaps",
    "network_squared_logs_lawn",
)
WRONG = (
    "sorts_biases_only",
    "coins_signed_change",
    "FlipsOfTheFirstRow",
    "MixtureWithConcentration",
    "WholeAnimals",
    "mixture_imputed_once",
    "mixture_bound_before",
    "network_mean_field",
)


def load():
    if "outside_ems" not in sys.modules:
        spec = spec_from_file_location("outside_ems", FOLDER / "__init__.py", submodule_search_locations=[str(FOLDER)])
        sys.modules["outside_ems"] = module_from_spec(spec)
        spec.loader.exec_module(sys.modules["outside_ems"])
    import outside_ems.data

    return outside_ems


EMS = {entry.name: entry for entry in load().OUTSIDERS}


@cache
def case_of(problem: str) -> Case:
    return load().data.CASES.get(problem) or catalogue.load(problem)


def level(name: str) -> str:
    entry = EMS[name]
    case = case_of(entry.problem)
    given = {"em": entry.make} if is_fit(entry.make, case) else {"factory": entry.make}
    return check_em(case=case, **given).attrs["level"]


def test_there_are_enough_of_them() -> None:
    assert sum(entry.wrong for entry in EMS.values()) >= 60
    assert sum(not entry.wrong for entry in EMS.values()) >= 60
    assert {entry.bug for entry in EMS.values()} == {"", *load().BUGS}


@pytest.mark.parametrize("name", [pytest.param(name, marks=pytest.mark.slow) for name in RIGHT])
def test_a_right_em_of_another_style_is_not_faulted(name) -> None:
    assert not EMS[name].wrong
    assert level(name) != "wrong"


@pytest.mark.parametrize("name", [WRONG[0], *(pytest.param(name, marks=pytest.mark.slow) for name in WRONG[1:])])
def test_a_wrong_em_of_another_style_is_caught(name) -> None:
    assert EMS[name].wrong
    assert level(name) == "wrong"
