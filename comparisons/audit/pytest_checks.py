"""One pytest test per check of an audit, as scikit-learn's `parametrize_with_checks`."""

from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from comparisons.audit.finding import Finding
    from comparisons.audit.reference import Reference
    from comparisons.audit.run import Factory
    from comparisons.audit.subject import Subject
    from comparisons.case import Case


def parametrize_with_checks(
    em: Any = None,
    case: "Case | str | None" = None,
    *,
    factory: "Factory | None" = None,
    seed: int = 0,
    time_limit: float = 20.0,
) -> Any:
    """Decorate a test so that it runs once per check.

    `check()` raises an AssertionError when the check fails, skips the test when it does not apply, and
    otherwise returns its finding. The case is loaded, and PyMC with it, by the first test that runs.

    Parameters
    ----------
    em, case, factory, seed, time_limit
        As in `comparisons.check_em`.

    Returns
    -------
    pytest.MarkDecorator

    Raises
    ------
    ImportError
        If pytest is not installed. A case that is not there fails the tests, not the decoration.

    Examples
    --------
    >>> from comparisons import parametrize_with_checks
    >>> def em(params):
    ...     linked = 125 * params["theta"] / (2 + params["theta"]) + 34
    ...     return {"theta": linked / (linked + 18 + 20)}
    >>> @parametrize_with_checks(em, "genetic-linkage")
    ... def test_linkage(check):
    ...     check()
    >>> (mark,) = test_linkage.pytestmark
    >>> mark.kwargs["ids"][:3]
    ['domain', 'log_likelihood', 'expected_counts']
    """
    import pytest

    from comparisons.audit.run import checks_for

    @cache
    def prepared() -> "tuple[Subject, Reference]":
        from comparisons.audit.reference import Reference
        from comparisons.audit.run import bound_case, subject_of, where_it_works

        bound = bound_case(case)
        subject = subject_of(em, bound, factory)
        return subject, where_it_works(subject, Reference(bound, seed).compile())

    names = checks_for(case)
    return pytest.mark.parametrize("check", [_check(name, prepared, time_limit) for name in names], ids=names)


def _check(name: str, prepared: Callable[[], Any], limit: float) -> "Callable[[], Finding]":
    def check() -> "Finding":
        import pytest

        from comparisons.audit.finding import Outcome
        from comparisons.audit.guard import time_limit
        from comparisons.audit.run import run_check
        from comparisons.errors import Trouble

        token = time_limit.set(limit)
        try:
            subject, reference = prepared()
            finding = run_check(name, subject, reference)
        except Trouble as trouble:
            raise AssertionError(f"the EM itself: {trouble}") from None
        finally:
            time_limit.reset(token)
        if finding.outcome is Outcome.NOT_APPLICABLE:
            pytest.skip(finding.found)
        if finding.outcome is Outcome.FAILED:
            told = (f"{name}: {finding.found}", finding.at and f"at {finding.at}", finding.meaning)
            raise AssertionError("\n".join(filter(None, told)))
        return finding

    check.__name__ = name
    return check
