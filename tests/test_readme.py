"""README tells the truth: its example prints what it says, its table is the one in the report."""

import contextlib
import io
import re
import runpy
from pathlib import Path

import pandas as pd
import pytest
from click.testing import CliRunner

from comparisons import check_em
from comparisons.commands.main import main

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("section", ["In Python", "Your own model"])
def test_python_example_prints_what_readme_shows(section):
    after = README.split(f"## {section}\n")[1]
    code, shown = re.search(r"```python\n(.*?)```\n\n```text\n(.*?)```", after, re.DOTALL).groups()
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(code, "README.md", "exec"), {})
    assert printed.getvalue() == shown


def test_table_is_the_one_of_the_committed_report():
    table = re.search(r"<!-- table: (\S+) -->\n(.*?)<!-- end of table -->", README, re.DOTALL)
    folder, text = table.groups()
    estimates = pd.read_csv(ROOT / folder / "estimates.csv").set_index("parameter")
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in text.strip().splitlines()[2:]]
    assert [row[0] for row in rows] == list(estimates.index)
    for name, em, pymc, in_se, digits in rows:
        assert em == f"{estimates.loc[name, 'em']:.8f}"
        assert pymc == f"{estimates.loc[name, 'pymc']:.8f}"
        assert in_se == f"{estimates.loc[name, 'pymc_se']:.3f}"
        assert digits == f"{estimates.loc[name, 'digits']:.1f}"


@pytest.mark.parametrize(("command", "example"), [("coin_em:CoinEM", "coin_em"), ("coin_em_bug:CoinEM", "coin_em_bug")])
def test_the_audits_in_the_readme_are_what_the_audit_says(command, example):
    block = README.split(f"$ em-crosscheck check {command} ")[1].split("```")[0]
    outcomes = "passed|failed|generalised EM|accelerated EM|remark|not applicable"
    shown = re.findall(rf"^(\w+) {{2,}}({outcomes}) {{2,}}\S", block, re.MULTILINE)
    path = ROOT / "tests" / "comparisons" / "audit" / "examples" / f"{example}.py"
    found = check_em(factory=runpy.run_path(str(path))["CoinEM"], case="two-coins")
    assert shown == list(zip(found["check"], found["outcome"], strict=True))


def test_the_estimates_in_the_readme_are_adjudicated_so(tmp_path):
    block = README.split("$ em-crosscheck adjudicate two-pl lsat6.csv mirt.csv\n")[1].split("```")[0]
    given = dict(re.findall(r"^([ab]\[item\d\]) +(\S+)", block, re.MULTILINE))
    rows = [f"item{i},{given[f'a[item{i}]']},{given[f'b[item{i}]']}\n" for i in range(1, 6)]
    estimates = tmp_path / "mirt.csv"
    estimates.write_text("item,a,b\n" + "".join(rows))
    data = ROOT / "comparisons" / "catalogue" / "lsat6.csv"
    found = CliRunner().invoke(main, ["adjudicate", "two-pl", str(data), str(estimates)])
    assert (found.exit_code, found.stdout) == (0, block)
