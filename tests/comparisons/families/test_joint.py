"""`--joint`: joint maximum likelihood beside the marginal one, in the report of a 2PL."""

from pathlib import Path

import numpy as np
import pytest

from comparisons import crosscheck, read_case
from comparisons.report import estimates
from comparisons.report.compose import compose
from em_reference.joint import joint_fit

ITEMS = 30


def answers(items: int = ITEMS, examinees: int = 150) -> np.ndarray:
    rng = np.random.default_rng(8)
    slope, intercept, theta = rng.uniform(0.6, 1.4, items), rng.normal(size=items), rng.normal(size=examinees)
    return (rng.random((examinees, items)) < 1 / (1 + np.exp(-(intercept + theta[:, None] * slope)))).astype(int)


def written(folder: Path, table: np.ndarray) -> Path:
    path = folder / "answers.csv"
    header = ",".join(f"q{i + 1}" for i in range(table.shape[1]))
    np.savetxt(path, table, delimiter=",", fmt="%d", header=header, comments="")
    return path


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory):
    path = written(tmp_path_factory.mktemp("joint"), answers())
    return crosscheck(read_case("two-pl", path, joint=True, nodes=15), 1)


def test_the_report_has_both(result) -> None:
    assert "joint" in [flag.code for flag in result.flags]
    fit = joint_fit(result.case.em.patterns)
    frame = estimates.alternatives_frame(result)
    assert frame["joint"].to_numpy() == pytest.approx(
        np.concatenate([fit.params.intercept, fit.params.slope]), abs=1e-6
    )
    row = frame.iloc[35]
    error = result.estimates["pymc_se"][35]
    assert row["joint less em"] == pytest.approx(row["joint"] - result.estimates["em"][35])
    assert row["joint less em, in SE"] == pytest.approx(row["joint less em"] / error)
    captions = {
        block.caption for section in compose(result).sections for block in section.blocks if block.kind == "table"
    }
    assert "Estimates in another way" in captions


def test_joint_slopes_are_too_steep(result) -> None:
    frame = estimates.alternatives_frame(result).iloc[ITEMS:]
    assert (frame["joint"] > frame["em"]).mean() > 0.9


def test_without_the_option_there_is_nothing_of_it(tmp_path: Path) -> None:
    case = read_case("two-pl", written(tmp_path, answers(6, 40)))
    assert case.alternatives({}) == ()
    assert "joint" not in [flag.code for flag in case.flags]


def test_what_grows_without_limit_is_named(tmp_path: Path) -> None:
    case = read_case("two-pl", written(tmp_path, answers(6, 40)), joint=True)
    assert case.alternatives({}) == ()
    message = next(flag.message for flag in case.flags if flag.code == "joint")
    assert "joint maximum likelihood has no estimate here" in message
    assert "grow" in message
