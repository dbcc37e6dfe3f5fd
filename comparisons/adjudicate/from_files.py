"""Adjudicate a file of estimates: the command in one call from Python."""

from pathlib import Path
from typing import Any

from comparisons.adjudicate import forms
from comparisons.adjudicate.adjudication import Adjudication, adjudicate
from comparisons.adjudicate.comparison import TOLERANCE
from comparisons.families._read_case import read_case
from comparisons.reading.tables import read_table


def adjudicate_estimates(
    family: str,
    data: str | Path,
    estimates: str | Path,
    *,
    n_starts: int = 20,
    seed: int = 0,
    tolerance: float = TOLERANCE,
    **options: Any,
) -> Adjudication:
    r"""Say whether estimates that another program printed are the maximum.

    Parameters
    ----------
    family : str
        As on the command line (`two-pl`, `latent-classes`).
    data : str or Path
        The data, a CSV file as for `read_case`.
    estimates : str or Path
        The estimates as the package wrote them, with all the digits that it printed; in most families one row per
        parameter, under the names of a report.
    n_starts : int
        Random starts of EM and of PyMC, from which the best optimum is sought.
    seed : int
        Of these starts.
    tolerance : float
        Change of a parameter per EM cycle at which the package may have stopped.
    **options
        Those of `em-crosscheck adjudicate FAMILY`, with `_` for `-`: of the family (`nodes=21`), columns of the file
        by their role (`slope="disc"`), `scale="normal"`.

    Returns
    -------
    Adjudication

    Raises
    ------
    InputError
        If the family or an option is unknown, a file cannot be read or does not fit the other, a
        parameter is missing, or the tolerance is negative: one line that says what, where and what was expected.

    Examples
    --------
    >>> from pathlib import Path
    >>> from comparisons import adjudicate_estimates
    >>> _ = Path("heads.csv").write_text("heads\n5\n9\n8\n4\n7\n")
    >>> _ = Path("estimates.csv").write_text("weight,bias\n0.523,0.793\n0.477,0.514\n")
    >>> found = adjudicate_estimates("coin-mixture", "heads.csv", "estimates.csv", n_starts=5, coins=2, flips=10)
    >>> str(found.verdict)
    'at the maximum'
    """
    form = forms.form_of(family)
    own = {role.name for role in form.ROLES} | {name for name, _, _ in form.CHOICES}
    asked = {name: value for name, value in options.items() if name in own}
    table = read_table(data)
    case = read_case(family, table, **{name: value for name, value in options.items() if name not in own})
    read = forms.read(estimates, table, case, asked)
    return adjudicate(case, read, n_starts=n_starts, seed=seed, tolerance=tolerance, options=asked)
