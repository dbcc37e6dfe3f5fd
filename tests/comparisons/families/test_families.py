"""The laws that every family obeys: the built-in ones do, and each law can fail. Other packages' families are found."""

import pickle
import re
import sys
from dataclasses import replace
from importlib.metadata import entry_points
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from comparisons import InputError, bind, catalogue, check_family, families
from comparisons.adjudicate import forms
from comparisons.case import Case
from comparisons.commands.main import main
from comparisons.families import Option, genetic_linkage
from comparisons.parameters import Axis, Parameter
from pp_models import genetic_linkage as linkage_model

LINKAGE = catalogue.load("genetic-linkage")


@pytest.mark.parametrize("name", families.names())
def test_a_family_obeys_the_laws(name: str) -> None:
    table = check_family(name)
    assert list(table.columns) == ["law", "holds", "found"]
    assert table["holds"].all(), table[~table["holds"]].to_string()
    assert len(table) == 14


def broken_laws(case: Case, module: Any = genetic_linkage) -> set[str]:
    table = check_family(module, case)
    return set(table.loc[~table["holds"], "law"])


def moved(natural: dict) -> dict:
    return {"theta": natural["theta"] * 0.9}


def one_number(natural: dict) -> dict:
    return {"double": 2 * natural["theta"][0]}


def animals_twice(hooks: bool = False) -> Any:
    return linkage_model.build(2 * LINKAGE.em.cells, hooks=hooks)


def linked_doubled(hooks: bool = False) -> Any:
    """A model that counts what is linked twice."""
    model = LINKAGE.build_model(hooks)
    if hooks:
        del model.named_vars["tilted"]
        with model:
            import pymc as pm

            zeros = model["zeros beside the coefficient of linked"]
            rest = model["zeros beside the coefficient of unlinked"]
            where = np.array([[0, 2], [0, 0], [0, 0], [0, 2]])
            pm.Deterministic("tilted", where * zeros[0] + np.array([[0, 0], [1, 0], [1, 0], [0, 0]]) * rest[0])
    return model


class Wrong:
    """The EM of genetic linkage, with one mistake."""

    def __init__(self, **mistakes: Any) -> None:
        self.__dict__.update(mistakes)

    def __getattr__(self, name: str) -> Any:
        return getattr(LINKAGE.em, name)


class Falling(Wrong):
    def m_step(self, counts: Any, params: Any) -> Any:
        return params._replace(theta=0.5 * params.theta)


class Alone(Wrong):
    """One start at a time; the others of a batch stay where they are."""

    def m_step(self, counts: Any, params: Any) -> Any:
        right = LINKAGE.em.m_step(counts, params)
        stays = params.theta.copy()
        stays[..., -1:, :] = right.theta[..., -1:, :]
        return right if params.theta.ndim == 1 else params._replace(theta=stays)


def hooks_with(**changed: Any) -> Case:
    return replace(LINKAGE, audit=LINKAGE.audit._replace(**changed))


def other_animals(data: dict) -> Case:
    return genetic_linkage.bind("other", data["frequencies"] + 5)


def no_parameters(natural: dict, amount: float) -> dict:
    return {"probability": natural["theta"]}


def not_a_mistake() -> dict:
    return {"a cycle of other parameters": no_parameters}


def far_out(rng: np.random.Generator) -> dict:
    return {"theta": np.array([1.5])}


BROKEN = {
    "parameters": replace(LINKAGE, parameters=(Parameter("theta", (Axis("cells", ("one", "two")),)),)),
    "starts": replace(LINKAGE, draw_start=far_out),
    "names": replace(LINKAGE, from_em=lambda params: {"theta": params.theta + 0.01}),
    "likelihood": replace(LINKAGE, build_model=animals_twice),
    "side by side": replace(LINKAGE, em=Alone()),
    "ascent": replace(LINKAGE, em=Falling()),
    "alignment": replace(LINKAGE, canonical=moved),
    "display": replace(LINKAGE, derive=one_number),
    "pickling": replace(LINKAGE, fitted=lambda natural: None),
    "expected counts": replace(LINKAGE, build_model=linked_doubled),
    "symmetries": hooks_with(symmetries={"shrinking": moved}),
    "other data": hooks_with(rebind=other_animals),
    "mistakes": hooks_with(mistakes=not_a_mistake),
}


@pytest.mark.parametrize("law", BROKEN)
def test_each_law_can_fail(law: str) -> None:
    assert law in broken_laws(BROKEN[law])


@pytest.mark.parametrize("law", ["alignment", "display", "pickling", "expected counts", "symmetries", "mistakes"])
def test_the_other_laws_still_hold(law: str) -> None:
    assert broken_laws(BROKEN[law]) == {law}


@pytest.mark.parametrize(
    ("changed", "found"),
    [
        ({"TITLE": "two\nlines"}, "TITLE is not one line"),
        ({"OPTIONS": (Option("a", int, ""), Option("a", int, ""))}, "two options have one name"),
        ({"OPTIONS": (Option("a", dict, ""),)}, "option 'a' is of the kind"),
        ({"OPTIONS": (Option("a", int, "", default="one"),)}, "the default of 'a' is 'one'"),
    ],
)
def test_a_module_that_is_no_family(changed: dict, found: str) -> None:
    module = SimpleNamespace(**{**vars(genetic_linkage), **changed})
    table = check_family(module, LINKAGE).set_index("law")
    assert table.loc["module", "found"].startswith(found)


def test_a_module_without_read() -> None:
    table = check_family(SimpleNamespace(TITLE="t", DATA="d", OPTIONS=()), LINKAGE).set_index("law")
    assert table.loc["module", "found"] == "the module has no read"


def test_neither_a_case_nor_a_problem() -> None:
    with pytest.raises(InputError, match=r"no problem of the catalogue has the family 'new', expected a case"):
        check_family(ModuleType("my_package.new"))
    with pytest.raises(InputError, match="unknown family 'new'"):
        check_family("new")


def test_without_audit_hooks_their_laws_are_left_out() -> None:
    table = check_family(genetic_linkage, replace(LINKAGE, audit=None))
    assert table["holds"].all()
    assert "mistakes" not in set(table["law"])


@pytest.mark.parametrize("name", forms.names())
def test_a_form_has_what_adjudicate_needs(name: str) -> None:
    form = forms.form_of(name)
    needed = {*forms.Form.__annotations__, *(key for key in vars(forms.Form) if not key.startswith("_"))}
    assert len(needed) >= 14
    assert not [member for member in needed if not hasattr(form, member)]


# --- families of other packages ---


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Put a package with a family on the path, announced as pip would."""

    def installed(name: str, target: str, files: dict[str, str]) -> None:
        monkeypatch.delitem(sys.modules, target, raising=False)
        for file, text in files.items():
            (tmp_path / file).write_text(text)
        info = tmp_path / "other_package-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: other-package\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(f"[{families.GROUP}]\n{name} = {target}\n")
        monkeypatch.syspath_prepend(tmp_path)

    return installed


FAMILY = """
from dataclasses import replace
from comparisons.families import genetic_linkage
from comparisons.families.genetic_linkage import DATA, OPTIONS, bind, start_fault

TITLE = "another package's family"

def read(name, table, options):
    return replace(genetic_linkage.read(name, table, options), family="other-linkage")
"""


def test_a_family_of_another_package_is_found(install: Any, tmp_path: Path) -> None:
    before = families.names()
    install("other-linkage", "other_family", {"other_family.py": FAMILY})
    assert families.names() == sorted([*before, "other-linkage"])
    assert [entry.value for entry in entry_points(group=families.GROUP)] == ["other_family"]
    assert families.family("other-linkage").TITLE == "another package's family"
    shown = CliRunner().invoke(main, ["compare", "--help"]).output
    assert "another package's family" in shown
    data = tmp_path / "animals.csv"
    data.write_text("frequency\n125\n18\n20\n34\n")
    done = CliRunner().invoke(main, ["compare", "other-linkage", str(data), "--starts=2", f"--out={tmp_path / 'r'}"])
    assert (done.exit_code, done.stderr) == (0, "")
    assert (tmp_path / "r" / "animals-other-linkage" / "report.md").exists()


@pytest.mark.parametrize(
    ("files", "complaint"),
    [
        (
            {"other_family.py": "import no_such_module"},
            r"cannot be loaded from other_family \(No module named 'no_such",
        ),
        (
            {"other_family.py": "TITLE = 't'\nDATA = 'd'"},
            r"other_family has no OPTIONS, expected TITLE, DATA, OPTIONS, read",
        ),
        ({}, r"cannot be loaded from other_family \(No module named 'other_family'"),
    ],
)
def test_a_family_that_cannot_be_loaded_is_one_line(files: dict, complaint: str, install: Any) -> None:
    install("other", "other_family", files)
    with pytest.raises(InputError, match=rf"^family 'other'.*{complaint}"):
        families.family("other")
    # The others are listed, and work.
    shown = CliRunner().invoke(main, ["compare", "--help"])
    assert shown.exit_code == 0
    assert re.search(r"^  other +cannot be loaded$", shown.output, re.MULTILINE)
    done = CliRunner().invoke(main, ["compare", "other", "data.csv", "--starts", "3"])
    assert done.exit_code == 2
    assert len(done.stderr.splitlines()) == 1
    assert "family 'other'" in done.stderr


def test_a_built_in_family_comes_first(install: Any) -> None:
    install("genetic-linkage", "other_family", {"other_family.py": FAMILY})
    assert families.family("genetic-linkage") is genetic_linkage
    assert families.names().count("genetic-linkage") == 1


def test_a_bound_case_obeys_the_laws_without_hooks() -> None:
    import pymc as pm

    with pm.Model() as model:
        rate = pm.HalfFlat("rate")
        pm.Exponential("lifetime", rate, observed=[1.0, 2.0, 4.0])
    case = bind(model, Halfway())
    table = check_family(genetic_linkage, case)
    assert table["holds"].all(), table.to_string()
    assert pickle.loads(pickle.dumps(case)).name == case.name


class Halfway:
    def step(self, params: dict) -> dict:
        return {"rate": (params["rate"] + 3 / 7) / 2}
