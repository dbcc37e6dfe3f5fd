"""Bias of joint and of marginal maximum likelihood in the 2PL, as the number of items and of examinees grows.

Run by hand:

    python benchmarks/joint_bias.py          writes reports/joint_bias.md and its figure

Every data set depends on (seed, items, examinees, number) alone.
"""

import sys
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib import rc_context
from matplotlib.figure import Figure

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from comparisons.writing.markdown import markdown_table  # noqa: E402 - from this checkout
from comparisons.writing.style import EM, PYMC, SETTINGS, png  # noqa: E402
from em_reference import StopRule, TwoPL, em  # noqa: E402
from em_reference.em import Status  # noqa: E402
from em_reference.joint import joint_fit  # noqa: E402
from em_reference.two_pl import TwoPLParams  # noqa: E402

SEED, DATA_SETS = 20261127, 40
ITEMS, EXAMINEES = (10, 15, 20, 30, 40, 60, 80, 120), (500, 2000)


def data_set(items: int, examinees: int, number: int) -> tuple[np.ndarray, TwoPLParams]:
    """Answers (N, I) and true parameters: slopes uniform from 0.7 to 1.3, intercepts and abilities standard normal."""
    rng = np.random.default_rng([SEED, items, examinees, number])
    slope, intercept, ability = rng.uniform(0.7, 1.3, items), rng.normal(size=items), rng.normal(size=examinees)
    right = rng.random((examinees, items)) < 1 / (1 + np.exp(-(intercept + slope * ability[:, None])))
    return right.astype(float), TwoPLParams(intercept, slope)


def errors(items: int, examinees: int) -> pd.DataFrame:
    """Mean relative error of the slopes by both principles, data set by data set; NaN where joint ones do not exist."""
    rows = []
    for number in range(DATA_SETS):
        answers, truth = data_set(items, examinees, number)
        problem = TwoPL(answers)
        start = TwoPLParams(np.zeros(items), np.ones(items))
        marginal = em(problem, start, StopRule(1e-6), accelerate=True)
        joint = joint_fit(problem.patterns)
        row = {"marginal": np.mean(marginal.params.slope / truth.slope) - 1}
        if joint.status is Status.CONVERGED:
            row["joint"] = np.mean(joint.params.slope / truth.slope) - 1
        rows.append(row)
    return pd.DataFrame(rows, columns=["joint", "marginal"])


def summary(items: int, examinees: int) -> dict[str, float]:
    """Mean error over the data sets, its standard error, and how many data sets have joint estimates."""
    found = errors(items, examinees)
    said: dict[str, float] = {"items": items, "examinees": examinees, "exists": int(found["joint"].notna().sum())}
    for name in found:
        known = found[name].dropna()
        said |= {
            name: known.mean(),
            f"{name} error": known.std(ddof=1) / np.sqrt(len(known)) if len(known) > 1 else np.nan,
        }
    return said


def picture(table: pd.DataFrame) -> bytes:
    """Bias against the number of items, on a logarithmic axis."""
    with rc_context(SETTINGS):
        figure = Figure(figsize=(6.4, 3.8), layout="constrained")
        axes = figure.subplots()
        for name, colour in (("joint", PYMC), ("marginal", EM)):
            for examinees, line in zip(EXAMINEES, ("--", "-"), strict=True):
                # The few data sets of which joint estimates exist where they mostly do not are a selection.
                exist = table["exists"] >= DATA_SETS / 2 if name == "joint" else table["exists"] >= 0
                rows = table[(table["examinees"] == examinees) & exist]
                label = f"{name}, {examinees:,} examinees"
                axes.errorbar(
                    rows["items"], 100 * rows[name], 200 * rows[f"{name} error"], color=colour, linestyle=line,
                    marker="o", markersize=3.5, capsize=2, label=label,
                )  # fmt: skip
        axes.axhline(0, color="0.5", linewidth=0.8)
        axes.set_xscale("log")
        axes.set_xticks(ITEMS, [str(items) for items in ITEMS])
        axes.minorticks_off()
        axes.set_xlabel("items")
        axes.set_ylabel("mean error of the slopes, %")
        axes.legend()
        return png(figure)


def page(table: pd.DataFrame) -> str:
    """The report."""

    def percent(row: pd.Series, name: str) -> str:
        if np.isnan(row[name]):
            return "none exists"
        spread = "" if np.isnan(row[f"{name} error"]) else f" ± {100 * row[f'{name} error']:.1f}"
        return f"{100 * row[name]:+.1f}{spread}"

    cells = [
        [
            f"{row['items']:.0f}",
            f"{row['examinees']:,.0f}",
            f"{row['exists']:.0f} of {DATA_SETS}",
            percent(row, "joint"),
            percent(row, "marginal"),
        ]
        for _, row in table.iterrows()
    ]
    header = ("items", "examinees", "joint estimates exist", "joint, error in %", "marginal, error in %")
    return f"""# Joint and marginal maximum likelihood of the 2PL

Written by `benchmarks/joint_bias.py`, seed {SEED}.

Joint maximum likelihood estimates the ability of every examinee together with the items, so that each examinee brings
a parameter of his own. Its estimates of the items are inconsistent (Neyman and Scott 1948, Econometrica 16, 1-32): more
examinees make them no better, only more items do. Marginal maximum likelihood (Bock and Aitkin 1981), which EM climbs,
integrates the abilities out.

Each row is {DATA_SETS} data sets; true slopes are uniform from 0.7 to 1.3, intercepts and abilities standard normal.
The error of a data set is the mean over its items of estimated slope / true slope - 1; shown are the mean and its
standard error over the data sets in which the estimates exist. Joint estimates do not exist where a slope, or an
ability, grows without limit: with few items that is the rule.

{markdown_table(header, cells, [True] * 5, aligned=True)}

![Mean error of the slopes against the number of items](figures/joint_bias.png)

With 95 % intervals; joint estimates are drawn where they exist in at least half of the data sets.
"""


def main() -> None:
    """Run the study and write its page."""
    table = pd.DataFrame([summary(items, examinees) for items in ITEMS for examinees in EXAMINEES])
    print(table.to_string())
    (ROOT / "reports" / "figures").mkdir(exist_ok=True)
    (ROOT / "reports" / "figures" / "joint_bias.png").write_bytes(picture(table))
    (ROOT / "reports" / "joint_bias.md").write_text(page(table), encoding="utf-8")


if __name__ == "__main__":
    main()
