"""Every public name: found, documented in full, listed in docs/api.md, and its example gives what it shows."""

import doctest
import inspect
import re
import sys
from pathlib import Path
from typing import Any

import pytest

import comparisons

PAGE = (Path(__file__).resolve().parents[1] / "docs" / "api.md").read_text(encoding="utf-8")
FUNCTIONS = [name for name in comparisons.__all__ if name[0].islower()]


def documented(name: str) -> Any:
    return getattr(comparisons, name)


def sections(text: str) -> dict[str, str]:
    """Sections of a numpydoc docstring by title."""
    parts = re.split(r"^([A-Z]\w+)\n-{3,}\n", inspect.cleandoc(text), flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def described(section: str) -> set[str]:
    """Names that a section has an entry for: `draws, tune, chains : int`, `**options`."""
    heads = re.findall(r"^(\*{0,2}[a-z]\w*(?:, \w+)*)(?: : .*)?$", section, re.MULTILINE)
    return {name.strip("* ") for head in heads for name in head.split(",")}


def test_all_is_sorted_and_found() -> None:
    assert comparisons.__all__ == sorted(comparisons.__all__)
    assert set(comparisons.__all__) == set(comparisons._HOME)
    for name in comparisons.__all__:
        assert documented(name).__module__.startswith("comparisons."), name
    with pytest.raises(AttributeError, match="'nothing'"):
        comparisons.nothing  # noqa: B018


def test_the_page_lists_what_is_public_with_its_first_sentence() -> None:
    rows = dict(re.findall(r"^\| `(\w+)` \| (.*) \|$", PAGE, re.MULTILINE))
    assert rows == {name: inspect.getdoc(documented(name)).partition("\n")[0] for name in comparisons.__all__}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_arguments_results_and_errors_are_described(name: str) -> None:
    found = sections(documented(name).__doc__)
    assert list(found) == ["Parameters", "Returns", "Raises", "Examples"]
    assert described(found["Parameters"]) == set(inspect.signature(documented(name)).parameters)
    # Every error with its reason.
    assert re.fullmatch(r"(\w+\n(    .+\n)+\n?)+", found["Raises"].rstrip() + "\n"), found["Raises"]


@pytest.mark.parametrize("name", sorted(set(comparisons.__all__) - set(FUNCTIONS)))
def test_what_a_class_holds_is_described(name: str) -> None:
    fields = getattr(documented(name), "__dataclass_fields__", None) or getattr(documented(name), "_fields", ())
    if fields:
        assert described(sections(documented(name).__doc__)["Attributes"]) == set(fields)


@pytest.mark.parametrize("name", comparisons.__all__)
def test_the_example_gives_what_it_shows(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    there = documented(name)
    text = inspect.getdoc(there)
    assert "+SKIP" not in text
    example = doctest.DocTestParser().get_doctest(text, {}, name, sys.modules[there.__module__].__file__, None)
    assert example.examples, f"{name} has no example"
    said: list[str] = []
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS)
    runner.run(example, out=said.append)
    assert runner.summarize(verbose=False).failed == 0, "".join(said)
