"""Files of estimates as packages write them, of the maximum that scipy finds."""

import json
import re
from collections.abc import Callable, Sequence
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from scipy.optimize import minimize
from scipy.special import expit, logit, logsumexp

from comparisons import families
from comparisons.adjudicate import forms
from comparisons.adjudicate.adjudication import Adjudication, adjudicate
from comparisons.adjudicate.finding import Verdict
from comparisons.adjudicate.known_optima import known_optima
from comparisons.case import InputError
from comparisons.commands.main import main
from comparisons.reading.tables import read_table

LSAT6 = Path(str(resources.files("comparisons.catalogue") / "lsat6.csv"))
HEADS = (18, 17, 10, 11, 2, 1)
COINS = "heads,flips\n" + "".join(f"{heads},20\n" for heads in HEADS)
N = range(5)
Numbers = Sequence[float]


# --- the truth, by scipy alone ---


@cache
def two_pl() -> tuple[tuple[float, ...], ...]:
    """Intercepts, slopes and difficulties of LSAT-6, abilities on 61 nodes from -6 to 6."""
    rows = [[int(cell) for cell in line.split(",")] for line in LSAT6.read_text().splitlines()[1:]]
    answers, counts = np.array(rows)[:, :5], np.array(rows)[:, 5]
    nodes = np.linspace(-6, 6, 61)
    weights = -(nodes**2) / 2
    weights = weights - logsumexp(weights)

    def loss(x: Any) -> tuple[float, Any]:
        logits = x[:5] + np.outer(nodes, x[5:])
        right = expit(logits)
        joint = -answers @ np.logaddexp(0, -logits).T - (1 - answers) @ np.logaddexp(0, logits).T + weights
        marginal = logsumexp(joint, axis=1)
        posterior = counts[:, None] * np.exp(joint - marginal[:, None])
        residual = posterior.T @ answers - posterior.sum(axis=0)[:, None] * right
        return -float(counts @ marginal), -np.concatenate([residual.sum(axis=0), nodes @ residual])

    x = minimize(loss, np.r_[np.zeros(5), np.ones(5)], jac=True, method="BFGS", options={"gtol": 1e-7}).x
    return tuple(x[:5]), tuple(x[5:]), tuple(-x[:5] / x[5:])


@cache
def two_coins() -> tuple[tuple[float, ...], ...]:
    """Weights and biases of two coins."""
    heads = np.array(HEADS)[:, None]

    def loss(x: Any) -> float:
        weight = expit(np.array([x[0], -x[0]]))
        each = heads * np.log(expit(x[1:])) + (20 - heads) * np.log(expit(-x[1:]))
        return -float(logsumexp(np.log(weight) + each, axis=1).sum())

    x = minimize(loss, [-0.7, -2.5, 0.8], method="BFGS", options={"gtol": 1e-8}).x
    return tuple(expit([x[0], -x[0]])), tuple(expit(x[1:]))


# --- the benches ---


@pytest.fixture(scope="module")
def items() -> Any:
    return _bench("two-pl", LSAT6)


@pytest.fixture(scope="module")
def coins(tmp_path_factory: pytest.TempPathFactory) -> Any:
    path = tmp_path_factory.mktemp("coins") / "coins.csv"
    path.write_text(COINS)
    return _bench("coin-mixture", path, coins=2)


def _bench(family: str, path: Path, **options: Any) -> Any:
    module, data = families.family(family), read_table(path)
    case = module.read("data", data, families.settle(module, options))
    return data, case, known_optima(case, 4)


def judged(where: Any, folder: Path, text: str | bytes, **options: Any) -> Adjudication:
    data, case, known = where
    path = folder / "estimates.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return adjudicate(case, forms.read(path, data, case, options), options=options, known=known)


# --- item parameters ---

MIRT_NAMES = [f"Item.{i + 1}" for i in N]
FIVE = ",".join
QUOTED = [f'"Item {i + 1}"' for i in N]


def _mirt_wide(rows: dict[str, tuple[Callable[[float], str], str]], d: Numbers, a: Numbers) -> str:
    """As write.csv(coef(mod)): one column per item and parameter."""
    header = FIVE(f'"Item.{i + 1}.{name}"' for i in N for name in ("a1", "d", "g", "u"))
    lines = ['"",' + header + ',"GroupPars.MEAN_1","GroupPars.COV_11"']
    for name, (number, fixed) in rows.items():
        cells = [f"{number(a[i])},{number(d[i])},{fixed}" for i in N]
        group = "0,1" if name == "par" else "NA,NA"
        lines.append(f'"{name}",' + FIVE(cells) + f",{group}")
    return "\n".join(lines) + "\n"


def _number(x: float) -> str:
    return f"{x:.15g}"


WITH_INTERVALS: dict[str, tuple[Callable[[float], str], str]] = {
    "par": (_number, "0,1"),
    "CI_2.5": (lambda x: _number(x - 0.4), "NA,NA"),
    "CI_97.5": (lambda x: _number(x + 0.4), "NA,NA"),
}


def _blocks(d: Numbers, a: Numbers) -> str:
    """As R prints coef(mod) of a model with standard errors."""
    one = (
        "${}\n            a1     d  g  u\npar     {:.3f} {:.3f}  0  1\n"
        "CI_2.5  0.305 2.371 NA NA\nCI_97.5 1.346 3.175 NA NA\n\n"
    )
    group = "$GroupPars\n        MEAN_1 COV_11\npar          0      1\nCI_2.5      NA     NA\nCI_97.5     NA     NA\n\n"
    return "".join(one.format(f"Item.{i + 1}", a[i], d[i]) for i in N) + group


def _simplified(d: Numbers, a: Numbers) -> str:
    rows = "".join(f"item{i + 1} {a[i]:.3f} {d[i]:.3f} 0 1\n" for i in N)
    return f"$items\n         a1     d g u\n{rows}\n$means\nF1 \n 0 \n\n$cov\n   F1\nF1  1\n\n"


def _values(d: Numbers, a: Numbers) -> str:
    """As write.csv(mod2values(mod))."""
    header = "group,item,class,name,parnum,value,lbound,ubound,est,const,nconst,prior.type,prior_1,prior_2"
    rest = "-Inf,Inf,TRUE,none,none,none,NaN,NaN"
    rows = [
        f"all,Item.{i + 1},dich,{name},{4 * i + k + 1},{value:.9g},{rest}"
        for i in N
        for k, (name, value) in enumerate((("a1", a[i]), ("d", d[i]), ("g", 0.0), ("u", 1.0)))
    ]
    rows += [f"all,GROUP,GroupPars,MEAN_1,21,0,{rest}", f"all,GROUP,GroupPars,COV_11,22,1,{rest}"]
    return "\n".join(['"",' + header, *(f'"{i}",{row}' for i, row in enumerate(rows, 1))]) + "\n"


def _stan(first: str, second: str, one: Numbers, other: Numbers, start: int, header: str, tail: str = "") -> str:
    rows = [f"{first}[{i + start}],{one[i]:.3f},0.2,0.1,0.9,1.0" for i in N]
    rows += [f"{second}[{i + start}],{other[i]:.3f},0.2,0.1,0.9,1.0" for i in N]
    rows += [f"eta[{i + start}],0.17,0.2,0.1,0.9,1.0" for i in range(30)]
    return "\n".join([header, *rows]) + "\n" + tail


def _irtpro(head: str, row: str, d: Numbers, a: Numbers, b: Numbers) -> str:
    return head + "".join(row.format(i=i + 1, a=a[i], c=d[i], b=b[i]) for i in N)


def _summary(a: Numbers, b: Numbers) -> str:
    """As mirt of Python prints the summary of a fit."""
    lines = ["=" * 80, f"{'IRT Model Results':^80}", "=" * 80]
    lines += [f"Model:              {'2PL':<20} Log-Likelihood:    {-2466.6534:>12.4f}", "-" * 80]
    for name, values in (("discrimination", a), ("difficulty", b)):
        head = f"{'Item':<15} {'Estimate':>10} {'Std.Err':>10} {'z-value':>10} {'P>|z|':>10} {'[95%':>8} {'CI]':>8}"
        lines += [f"\n{name}:", head, "-" * 80]
        rest = f"{0.25:>10.4f} {3.1:>10.3f} {0.002:>10.4f} {0.1:>8.4f} {0.9:>8.4f}"
        lines += [f"{f'Item_{i}':<15} {values[i]:>10.4f} {rest}" for i in N]
    return "\n".join([*lines, "=" * 80])


def _table(header: str, row: str, d: Numbers, a: Numbers, b: Numbers) -> str:
    return header + "\n" + "".join(row.format(i=i + 1, zero=i, a=a[i], d=d[i], b=b[i], xsi=-d[i]) for i in N)


FILES: dict[str, Callable[[Numbers, Numbers, Numbers], str]] = {
    "mirt, coef simplify": lambda *p: _table('"","a1","d","g","u"', '"Item.{i}",{a:.15g},{d:.15g},0,1\n', *p),
    "mirt, coef simplify IRTpars": lambda *p: _table('"","a","b","g","u"', '"Item.{i}",{a:.15g},{b:.15g},0,1\n', *p),
    "mirt, coef in one row": lambda d, a, b: _mirt_wide({"par": (_number, "0,1")}, d, a),
    "mirt, coef with intervals": lambda d, a, b: _mirt_wide(WITH_INTERVALS, d, a),
    "mirt, coef printed": lambda d, a, b: _blocks(d, a),
    "mirt, coef simplify printed": lambda d, a, b: _simplified(d, a),
    "mirt, mod2values": lambda d, a, b: _values(d, a),
    "mirt, rbind of coef": lambda *p: _table('"","a1","d","g","u"', '"par",{a:.15g},{d:.15g},0,1\n', *p),
    "mirt, rbind of data frames with intervals": lambda *p: _table(
        '"","a1","d","g","u"',
        '"Item.{i}.par",{a:.15g},{d:.15g},0,1\n"Item.{i}.CI_2.5",.3,.4,NA,NA\n"Item.{i}.CI_97.5",3,4,NA,NA\n', *p),
    "mirt, par and SE below each item": lambda *p: _table(
        "item,,a1,d,g,u", "Item.{i},par,{a:.6f},{d:.6f},0,1\n,SE,0.1,0.1,NA,NA\n", *p),
    "mirt, columns par and CI": lambda *p: _table(
        "item,a1.par,a1.CI_2.5,a1.CI_97.5,d.par,d.CI_2.5,d.CI_97.5", "item{i},{a:.6f},.2,1,{d:.6f},0,3\n", *p),
    "mirt, intervals under one name": lambda *p: _table(
        "item,a1,CI_2.5,CI_97.5,d,CI_2.5,CI_97.5", "item{i},{a:.6f},.2,1,{d:.6f},0,3\n", *p),
    "mirt, a row of group parameters": lambda *p: _table(
        '"","a1","d","g","u","MEAN_1","COV_11"', '"Item.{i}",{a:.9g},{d:.9g},0,1,NA,NA\n', *p)
    + '"GroupPars",NA,NA,NA,NA,0,1\n',
    "TAM, item": lambda *p: _table(
        '"","item","N","M","xsi.item","AXsi_.Cat1","B.Cat1.Dim1"',
        '"item{i}","item{i}",1000,0.9,{xsi:.15g},{xsi:.15g},{a:.15g}\n', *p),
    "TAM, item_irt": lambda *p: _table('"","item","alpha","beta"', '"{i}","item{i}",{a:.15g},{b:.15g}\n', *p),
    "IRTPRO, with b": lambda d, a, b: _irtpro(
        "Item,Label,P#,a,s.e.,P#,c,s.e.,b,s.e.\n",
        "{i},item{i},2,{a:.2f},0.26,1,{c:.2f},0.20,{b:.2f},0.80\n", d, a, b),
    "flexMIRT, printed": lambda d, a, b: _irtpro(
        "   Item        Label   P#       a     s.e.   P#       c     s.e.       b     s.e.\n",
        "      {i}        item{i}    2   {a:.2f}   0.26    1   {c:.2f}   0.20   {b:.2f}   0.80\n", d, a, b),
    "flexMIRT, tabs, no b, numbers only": lambda d, a, b: _irtpro(
        "Item\tLabel\ta\ts.e.\tc\ts.e.\n", "{i}\tv{i}\t{a:.2f}\t0.26\t{c:.2f}\t0.20\n", d, a, b),
    "cmdstanr, summary": lambda d, a, b: _stan("a", "d", a, d, 1, "variable,mean,sd,q5,q95,rhat"),
    "CmdStan, stansummary": lambda d, a, b: _stan(
        '"a"', '"d"', a, d, 1, "name,Mean,StdDev,5%,95%,R_hat", "# Samples were drawn using hmc\n#\n").replace('"', ""),
    "ArviZ, summary": lambda d, a, b: _stan("alpha", "beta", a, b, 0, ",mean,sd,hdi_3%,hdi_97%,r_hat"),
    "ArviZ, summary with names": lambda d, a, b: re.sub(
        r"\[(\d)\]", lambda found: f"[item{int(found[1]) + 1}]",
        _stan("a", "b", a, b, 0, ",mean,sd,hdi_3%,hdi_97%,r_hat")),
    "rstan, median": lambda d, a, b: _stan("a", "d", a, d, 1, ",50%,sd,2.5%,97.5%,Rhat"),
    "ltm, coef": lambda *p: _table('"","Dffclt","Dscrmn"', '"Item {i}",{b:.6f},{a:.6f}\n', *p),
    "ltm, coef with prob": lambda *p: _table(
        '"","Dffclt","Dscrmn","P(x=1|z=0)"', '"Item {i}",{b:.6f},{a:.6f},0.5\n', *p),
    "ltm, coef of IRT.param = FALSE": lambda *p: _table('"","(Intercept)","z1"', '"Item {i}",{d:.6f},{a:.6f}\n', *p),
    "ltm, printed": lambda *p: _table("       Dffclt Dscrmn", "Item {i} {b:.3f}  {a:.3f}\n", *p),
    "ltm, summary": lambda d, a, b: '"","value","std.err","z.vals"\n'
    + "".join(f'"Dffclt.Item {i + 1}",{b[i]:.4f},0.8,-3\n' for i in N)
    + "".join(f'"Dscrmn.Item {i + 1}",{a[i]:.4f},0.2,3\n' for i in N),
    "R, write.csv2": lambda *p: _table('"";"Dffclt";"Dscrmn"', '"Item {i}";{b:.4f};{a:.4f}\n', *p).replace(".", ","),
    "R, write.table": lambda *p: _table('"Dffclt" "Dscrmn"', '"Item {i}" {b:.15g} {a:.15g}\n', *p),
    "R, write.table with tabs": lambda *p: _table('"b"\t"a"', '"Item {i}"\t{b:.15g}\t{a:.15g}\n', *p),
    "R, names V1": lambda *p: _table('"","d","a"', '"V{i}",{d:.4f},{a:.4f}\n', *p),
    "a byte-order mark": lambda *p: "\ufeff" + _table("item;d;a", "item{i};{d:.4f};{a:.4f}\n", *p),
    "decimal commas and tabs": lambda *p: _table("item\td\ta", "item{i}\t{d:.4f}\t{a:.4f}\n", *p).replace(".", ","),
    "girth, CSV": lambda *p: _table(",Discrimination,Difficulty", "{zero},{a:.15g},{b:.15g}\n", *p),
    "girth, JSON": lambda d, a, b: json.dumps({"Discrimination": a, "Difficulty": b, "AIC": {"final": 4953.3}}),
    "girth, printed": lambda d, a, b: "{{'Discrimination': array([{}]),\n 'Difficulty': array([{}])}}".format(
        ", ".join(map(_number, a)), ",\n       ".join(map(_number, b))),
    "py-irt, best_parameters.json": lambda d, a, b: json.dumps({
        "ability": [0.1, 0.2, 0.3], "diff": b, "disc": a, "irt_model": "2param_logistic",
        "item_ids": {str(i): f"item{i + 1}" for i in N}, "subject_ids": {"0": "x"}}),
    "mirt of Python, coef": lambda *p: _table(",discrimination,difficulty", "Item_{i},{a:.6f},{b:.6f}\n", *p),
    "mirt of Python, coef_with_se": lambda *p: _table(
        "item,discrimination,discrimination_se,difficulty,difficulty_se", "Item_{zero},{a:.6f},0.2,{b:.6f},0.3\n", *p),
    "mirt of Python, summary": lambda d, a, b: _summary(a, b),
    "pandas, to_json": lambda d, a, b: json.dumps(
        {"a": {f"item{i + 1}": a[i] for i in N}, "b": {f"item{i + 1}": b[i] for i in N}}),
    "pandas, to_json of records": lambda d, a, b: json.dumps(
        [{"item": f"item{i + 1}", "a": a[i], "b": b[i]} for i in N]),
    "pandas, turned": lambda d, a, b: ",item1,item2,item3,item4,item5\n"
    + f"b,{FIVE(map(_number, b))}\na,{FIVE(map(_number, a))}\n",
    "pandas, Markdown": lambda *p: _table(
        "| item | a | b |\n|:---|---:|---:|", "| item{i} | {a:.4f} | {b:.4f} |\n", *p),
    "catsim": lambda *p: _table("a,b,c,d", "{a:.9g},{b:.9g},0.0,1.0\n", *p),
    "SAS, PROC IRT": lambda *p: _table(
        "Item,Parameter,Estimate,StdErr,Pr", "item{i},Intercept,{d:.5f},0.1,<.0001\n,Slope,{a:.5f},0.1,<.0001\n", *p),
    "one row of numbered columns": lambda d, a, b: FIVE([f"a{i + 1}" for i in N] + [f"d{i + 1}" for i in N])
    + "\n" + FIVE(map(_number, (*a, *d))) + "\n",
}  # fmt: skip


@pytest.mark.parametrize("name", FILES)
def test_item_parameters_as_packages_write_them(items: Any, tmp_path: Path, name: str) -> None:
    d, a, b = two_pl()
    result = judged(items, tmp_path, FILES[name](d, a, b))
    assert result.verdict is Verdict.AT_MAXIMUM, result.sentence
    found = result.parameters.set_index("read_as")["converted"]
    first = b if "b[item1]" in found.index else d
    quantity = "b" if first is b else "d"
    wanted = {f"{quantity}[item{i + 1}]": first[i] for i in N} | {f"a[item{i + 1}]": a[i] for i in N}
    assert {key: found[key] for key in wanted} == pytest.approx(wanted, abs=0.0051)


def test_the_truth_is_that_of_the_project(items: Any) -> None:
    d, a, _ = two_pl()
    best = items[2].optima[0].point.natural
    assert best["d"] == pytest.approx(d, abs=1e-5)
    assert np.abs(best["a"]) == pytest.approx(a, abs=1e-5)


def test_what_was_done_is_told(items: Any, tmp_path: Path) -> None:
    d, a, b = two_pl()

    def notes(name: str) -> str:
        return "; ".join(judged(items, tmp_path, FILES[name](d, a, b)).estimates.notes)

    assert "standard errors and intervals are not used: rows CI_2.5, CI_97.5" in notes("mirt, coef with intervals")
    assert "abilities of mean 0 and variance 1, as here" in notes("mirt, a row of group parameters")
    assert "column c is the intercept, as in a theta + c" in notes("IRTPRO, with b")
    assert "decimal commas are read as points" in notes("R, write.csv2")
    assert "items are taken by their numbers, in the order of the data: V1 is item1" in notes("R, names V1")
    assert "column mean is read; where it summarises a posterior" in notes("ArviZ, summary")
    assert "not used: eta" in notes("cmdstanr, summary")


def test_tams_xsi_is_the_intercept_with_the_other_sign(items: Any, tmp_path: Path) -> None:
    d, a, b = two_pl()
    row = judged(items, tmp_path, FILES["TAM, item"](d, a, b)).parameters.iloc[0]
    assert (row["parameter"], row["read_as"]) == ("AXsi_.Cat1[item1]", "d[item1]")
    assert row["converted"] == pytest.approx(-row["given"])


def test_group_parameters_are_the_metric_of_the_estimates(items: Any, tmp_path: Path) -> None:
    d, a, _ = two_pl()
    mean, variance = 0.5, 4.0
    slopes = np.array(a) / np.sqrt(variance)
    rows = "".join(f'"Item.{i + 1}",{slopes[i]:.9f},{d[i] - slopes[i] * mean:.9f},0,1,NA,NA\n' for i in N)
    text = f'"","a1","d","g","u","MEAN_1","COV_11"\n{rows}"GroupPars",NA,NA,NA,NA,{mean},{variance}\n'
    result = judged(items, tmp_path, text)
    assert result.verdict is Verdict.AT_MAXIMUM
    assert "row GroupPars: abilities of mean 0.5 and variance 4, the metric of the estimates" in result.estimates.notes
    assert judged(items, tmp_path, text.replace(",0.5,4", ",0,1")).verdict is not Verdict.AT_MAXIMUM


def test_an_asymptote_that_is_called_c_stays_one(items: Any, tmp_path: Path) -> None:
    d, a, b = two_pl()
    with pytest.raises(InputError, match=r"an asymptote of 0\.2, expected 0"):
        judged(items, tmp_path, _table("item,a,b,c", "item{i},{a:.3f},{b:.3f},0.2\n", d, a, b))


def test_items_are_matched_by_name_before_number(items: Any, tmp_path: Path) -> None:
    d, a, _ = two_pl()
    order = (2, 0, 1, 4, 3)
    text = "item,d,a\n" + "".join(f"Item {i + 1},{d[i]:.4f},{a[i]:.4f}\n" for i in order)
    assert judged(items, tmp_path, text).verdict is Verdict.AT_MAXIMUM


def test_items_that_are_called_like_parameters(tmp_path: Path) -> None:
    data = tmp_path / "data.csv"
    data.write_text(LSAT6.read_text().replace("item", "a"))
    where = _bench("two-pl", data)
    d, a, _ = two_pl()
    header = FIVE(f"a{i + 1}.a1,a{i + 1}.d" for i in N)
    files = (
        f'"",{header}\npar,{FIVE(f"{a[i]:.6f},{d[i]:.6f}" for i in N)}\n',
        f",a1,a2,a3,a4,a5\nd,{FIVE(map(_number, d))}\na,{FIVE(map(_number, a))}\n",
        "item,term,estimate\n" + "".join(f"a{i + 1},a1,{a[i]:.6f}\na{i + 1},d,{d[i]:.6f}\n" for i in N),
        "item,d,a\n" + "".join(f"a{i + 1},{d[i]:.6f},{a[i]:.6f}\n" for i in N),
    )
    for text in files:
        assert judged(where, tmp_path, text).verdict is Verdict.AT_MAXIMUM


# --- coin mixtures ---


def _flexmix(w: Numbers, p: Numbers) -> str:
    odds = logit(p)
    return f'"","Comp.1","Comp.2"\n"coef.(Intercept)",{odds[0]:.15g},{odds[1]:.15g}\n"prior",{w[0]:.15g},{w[1]:.15g}\n'


COIN_FILES: dict[str, Callable[[Numbers, Numbers], str]] = {
    "flexmix, parameters and prior": _flexmix,
    "flexmix, turned": lambda w, p: f'"","prior","coef.(Intercept)"\n"Comp.1",{w[0]:.6f},{logit(p[0]):.6f}\n'
    f'"Comp.2",{w[1]:.6f},{logit(p[1]):.6f}\n',
    "flexmix, printed": lambda w, p: "                    Comp.1    Comp.2\n"
    f"coef.(Intercept) {logit(p[0]):.6f} {logit(p[1]):.6f}\nprior {w[0]:.6f} {w[1]:.6f}\n",
    "flexmix, a printed list": lambda w, p: "$parameters\n                    Comp.1    Comp.2\n"
    f"coef.(Intercept) {logit(p[0]):.6f} {logit(p[1]):.6f}\n\n"
    f"$prior\n     Comp.1    Comp.2\n {w[0]:.6f} {w[1]:.6f}\n\n",
    "mixtools, a printed list": lambda w, p: f"$lambda\n[1] {w[0]:.6f} {w[1]:.6f}\n\n"
    f"$theta\n[1] {p[0]:.6f} {p[1]:.6f}\n",
    "mixtools, rows": lambda w, p: f'"","comp 1","comp 2"\n"lambda",{w[0]:.6f},{w[1]:.6f}\n'
    f'"theta1",{p[0]:.6f},{p[1]:.6f}\n"theta2",{1 - p[0]:.6f},{1 - p[1]:.6f}\n',
    "poLCA": lambda w, p: '"class","share","Pr(1)","Pr(2)"\n'
    + "".join(f'"class {i + 1}: ",{w[i]:.4f},{1 - p[i]:.4f},{p[i]:.4f}\n' for i in (0, 1)),
    "comp, lambda, theta": lambda w, p: f"comp,lambda,theta\n1,{w[0]:.15g},{p[0]:.15g}\n2,{w[1]:.15g},{p[1]:.15g}\n",
    "semicolons": lambda w, p: f"comp;pi;p\n1;{w[0]:.6f};{p[0]:.6f}\n2;{w[1]:.6f};{p[1]:.6f}\n".replace(".", ","),
    "ArviZ": lambda w, p: ",mean,sd,hdi_3%,hdi_97%,r_hat\n"
    + "".join(f"{name}[{i}],{x[i]:.4f},0.1,0.1,0.9,1.0\n" for name, x in (("weight", w), ("bias", p)) for i in (0, 1)),
    "Stan": lambda w, p: "variable,mean,median,sd\nlp__,-19.1,-18.9,1.2\n"
    + "".join(f"{name}[{i + 1}],{x[i]:.4f},0.2,0.1\n" for name, x in (("lambda", w), ("theta", p)) for i in (0, 1)),
    "long": lambda w, p: "component,parameter,value\n"
    + "".join(f"{i + 1},lambda,{w[i]:.6f}\n{i + 1},p,{p[i]:.6f}\n" for i in (0, 1)),
    "one row": lambda w, p: f"pi1,pi2,p1,p2\n{w[0]:.6f},{w[1]:.6f},{p[0]:.6f},{p[1]:.6f}\n",
    "names with numbers": lambda w, p: "parameter,estimate\n"
    + "".join(f"{name}_{i + 1},{x[i]:.6f}\n" for name, x in (("pi", w), ("p", p)) for i in (0, 1)),
    "JSON": lambda w, p: json.dumps({"weights": w, "probs": p}),
    "numpy, printed": lambda w, p: f"{{'pi': array([{w[0]}, {w[1]}]), 'theta': array([{p[0]}, {p[1]}])}}",
}  # fmt: skip


@pytest.mark.parametrize("name", COIN_FILES)
def test_coins_as_packages_write_them(coins: Any, tmp_path: Path, name: str) -> None:
    w, p = two_coins()
    result = judged(coins, tmp_path, COIN_FILES[name](w, p))
    assert result.verdict is Verdict.AT_MAXIMUM, result.sentence
    assert result.log_likelihood == pytest.approx(-18.656763, abs=1e-5)


def test_logits_are_named_as_such_and_held_against_logits(coins: Any, tmp_path: Path) -> None:
    w, p = two_coins()
    found = judged(coins, tmp_path, _flexmix(w, p)).parameters
    assert list(found["parameter"])[2:] == ["coef.(Intercept)[Comp.1]", "coef.(Intercept)[Comp.2]"]
    assert list(found["read_as"])[2:] == ["logit[coin1]", "logit[coin2]"]
    assert found["optimum"].to_numpy()[2:] == pytest.approx(logit(p), abs=1e-4)


def test_logits_of_tails(coins: Any, tmp_path: Path) -> None:
    w, p = two_coins()
    result = judged(coins, tmp_path, _flexmix(w, 1 - np.array(p)))
    assert result.finding.reading.changes == ("probabilities of tails instead of heads",)
    assert result.finding.within_rounding or "convergence tolerance" in result.sentence


# --- what cannot be read ---


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ('{"a": [1, 2,', "begins with '{' and is neither JSON nor a Python dict"),
        ('{"model": "2PL"}', "no lists of numbers, expected one per parameter"),
        ("variable,mean\nmu,0.1\nsigma,2\n", "no column is known as intercept"),
        ("Call:\nltm(formula = x ~ z1)\n", "expected"),
        ("item,d,a\nq1,1,1\nq2,1,1\n", "unknown item 'q1', expected item1, item2"),
        ("item,d,a\nv1,1,1\nv2,1,1\nv3,1,1\nv5,1,1\nv6,1,1\n", "unknown item 'v1'"),
        ("item;d;a\n" + "".join(f"item{i};1,5;1.5\n" for i in range(1, 6)), "has a decimal comma"),
    ],
)
def test_a_file_that_is_not_understood_is_one_line_and_status_2(tmp_path: Path, text: str, complaint: str) -> None:
    path = tmp_path / "estimates.csv"
    path.write_text(text)
    result = CliRunner().invoke(main, ["adjudicate", "two-pl", str(LSAT6), str(path)])
    assert (result.exit_code, result.stdout, result.stderr.count("\n")) == (2, "", 1)
    assert complaint in result.stderr
    assert "expected" in result.stderr
