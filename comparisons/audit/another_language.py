"""An EM in any language: a program that is asked, and answers, in lines of JSON.

    {"act": "data", "data": {...}}                        {"offers": ["e_step", "m_step"]}
    {"act": "e_step", "params": {...}}                    {"expected_counts": {...}, "log_likelihood": -21.3}
    {"act": "m_step", "expected_counts": ..., "params": {...}}      {"params": {...}}

`docs/an_em_in_any_language.md` has all of it, with examples. `command_em` makes of the program what the audit knows: a
factory that takes data and gives an object with the acts that the program offers.
"""

import json
import shlex
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from inspect import Parameter, Signature
from types import SimpleNamespace
from typing import Any

from comparisons.audit.guard import FIT, time_limit
from comparisons.audit.in_json import line_of, numbers
from comparisons.audit.program import Deadline, Program, quoted
from comparisons.errors import InputError, Trouble

ACTS = ("step", "e_step", "m_step", "fit", "standard_errors")
ENOUGH = "step, fit, or e_step and m_step"
FIT_TAKES = ("start", "max_cycles")
# What an answer may not be without.
ANSWERS = {
    "the data message": "offers",
    "step": "params",
    "e_step": "expected_counts",
    "m_step": "params",
    "fit": "params",
    "standard_errors": "standard_errors",
}


def command_em(command: str | Sequence[str]) -> "CommandEM":
    """An EM in any language, as a factory for `check_em` and `parametrize_with_checks`.

    The program is started in the current directory, without a shell, and talks JSON lines over its standard input and
    output; see `docs/an_em_in_any_language.md`. Each answer may take as long as one call of an EM (`time_limit`, 20
    seconds unless told otherwise), that to a fit ten times as long. A program that ends, is silent, or says something
    else is a finding of the audit. It is ended when the audit ends.

    Parameters
    ----------
    command : str or sequence of str
        The program and its arguments, as in a terminal or one by one.

    Returns
    -------
    callable data -> em
        The EM has those of `step`, `e_step`, `m_step`, `fit` and `standard_errors` that the program offers; parameters
        are dicts of arrays by name.

    Raises
    ------
    InputError
        If there is no such program.

    Examples
    --------
    >>> import sys
    >>> from pathlib import Path
    >>> from comparisons import check_em, command_em
    >>> program = '''
    ... import json, sys
    ... for line in sys.stdin:
    ...     asked = json.loads(line)
    ...     if asked["act"] == "data":
    ...         cells, answer = asked["data"]["frequencies"], {"offers": ["step"]}
    ...     else:
    ...         (theta,) = asked["params"]["theta"]
    ...         linked = cells[0] * theta / (2 + theta) + cells[3]
    ...         answer = {"params": {"theta": [linked / (linked + cells[1] + cells[2])]}}
    ...     print(json.dumps(answer), flush=True)
    ... '''
    >>> _ = Path("linkage.py").write_text(program)
    >>> check_em(factory=command_em([sys.executable, "linkage.py"]), case="genetic-linkage").attrs["level"]
    'right'
    """
    try:
        parts = shlex.split(command) if isinstance(command, str) else [str(part) for part in command]
    except ValueError as error:
        raise InputError(f"the command {command!r}: {error}") from None
    if not parts:
        raise InputError("the command is empty, expected a program and its arguments, as in 'Rscript my_em.R'")
    if shutil.which(parts[0]) is None:
        raise InputError(f"the command {command!r}: there is no program {parts[0]!r} that can be run")
    return CommandEM(parts)


class CommandEM:
    """A program as a factory of EMs; all of them are the same process, which is told the data of the one it acts for.

    Parameters
    ----------
    command : sequence of str
    """

    def __init__(self, command: Sequence[str]) -> None:
        self.program = Program(command)
        # The message with the data that the running program knows.
        self._known: str | None = None

    def __call__(self, data: Mapping[str, Any]) -> Any:
        """The EM of these data, with the acts that the program offers."""
        # A dict that watches who looks at the frequencies has not been looked at by being sent.
        plain = dict(dict.items(data)) if isinstance(data, dict) else dict(data)
        message = line_of("the data message", {"act": "data", "data": plain})
        told = self._told(message, Deadline.after(time_limit.get()))
        offers = _words(told, "offers", ACTS)
        if not ({"step", "fit"} & set(offers) or {"e_step", "m_step"} <= set(offers)):
            raise Trouble(f"the program offers {', '.join(offers) or 'nothing'}, expected {ENOUGH}")
        if told.get("ignores_frequencies") is not True and "frequencies" in plain:
            data["frequencies"]
        ask = partial(self._asked, message)
        acts: dict[str, Callable[..., Any]] = {
            "step": lambda params: _object(ask("step", params=params), "step", "params"),
            "e_step": lambda params: _expected(ask("e_step", params=params)),
            "m_step": lambda counts, params: _object(
                ask("m_step", expected_counts=counts, params=params), "m_step", "params"
            ),
            "fit": _fit(ask, _words(told, "fit_takes", FIT_TAKES, FIT_TAKES[:1])),
            "standard_errors": lambda params: _object(
                ask("standard_errors", params=params), "standard_errors", "standard_errors"
            ),
        }
        return SimpleNamespace(**{name: acts[name] for name in offers})

    @property
    def last_words(self) -> str:
        """What the program wrote on standard error: the line that tells most."""
        return self.program.last_words

    def close(self) -> None:
        """End the program; what is asked later starts it anew."""
        self._known = None
        self.program.close()

    def _told(self, message: str, deadline: Deadline) -> dict[str, Any]:
        """Tell the data; what the program offers."""
        again = self.program.running
        self._known = None
        try:
            told = self._answer("the data message", message, deadline)
        except Trouble as trouble:
            if not again or trouble.refused or trouble.late:
                raise
            # A program that reads its data only once gets them in a process of their own.
            self.program.close()
            told = self._answer("the data message", message, deadline)
        self._known = message
        return told

    def _asked(self, data: str, act: str, **given: Any) -> dict[str, Any]:
        """The answer to one act, by the program that knows these data."""
        deadline = Deadline.after(time_limit.get() * (FIT if act == "fit" else 1))
        question = line_of(act, {"act": act, **given})
        if not self.program.running or self._known is not data:
            self._told(data, deadline)
        return self._answer(act, question, deadline)

    def _answer(self, act: str, question: str, deadline: Deadline) -> dict[str, Any]:
        line = self.program.ask(act, question, deadline)
        try:
            answer = json.loads(line, parse_int=float)
        except (ValueError, RecursionError):
            answer = None
        if not isinstance(answer, dict):
            raise self.program.trouble(f"{act} was answered with {quoted(line)}, expected one line, an object of JSON")
        if "refused" in answer:
            raise Trouble(f"{act} was refused: {answer['refused']}", refused=True)
        if "error" in answer:
            raise Trouble(self.program.with_words(f"{act} was answered with the error {quoted(str(answer['error']))}"))
        if ANSWERS[act] not in answer:
            has = f"has {', '.join(map(repr, answer))}" if answer else "is empty"
            raise Trouble(self.program.with_words(f"{act} was answered without {ANSWERS[act]!r}: the answer {has}"))
        return answer


@contextmanager
def ended(*programs: Any) -> Iterator[None]:
    """Afterwards those of these that are EMs in another language have been ended."""
    try:
        yield
    finally:
        for program in programs:
            if isinstance(program, CommandEM):
                program.close()


def _words(told: Mapping[str, Any], key: str, known: Sequence[str], usual: Sequence[str] = ()) -> list[str]:
    """Some of the words that are known, one alone perhaps not in a list, as R writes it.

    Raises
    ------
    Trouble
    """
    given = told.get(key, list(usual))
    words = [given] if isinstance(given, str) else given
    if not isinstance(words, list) or any(word not in known for word in words):
        raise Trouble(
            f"the data message was answered with {key!r} = {json.dumps(given)}, expected some of {', '.join(known)}"
        )
    return words


def _fit(ask: Callable[..., dict[str, Any]], takes: Sequence[str]) -> Callable[..., dict[str, Any]]:
    """A fit whose signature says what it takes."""

    def fit(**given: Any) -> dict[str, Any]:
        answer = ask("fit", **{name: value for name, value in given.items() if value is not None})
        _object(answer, "fit", "params")
        if not isinstance(answer.get("converged", True), bool):
            told = json.dumps(answer["converged"])
            raise Trouble(f"fit was answered with 'converged' = {told}, expected true or false, or nothing")
        return {name: numbers(value) for name, value in answer.items()}

    named = [Parameter(name, Parameter.KEYWORD_ONLY, default=None) for name in takes]
    fit.__signature__ = Signature(named)  # type: ignore[attr-defined]
    return fit


def _expected(answer: Mapping[str, Any]) -> tuple[Any, Any]:
    """Expected counts, for the M-step as they are, and the log-likelihood, None where the program does not tell it."""
    counts = numbers(answer["expected_counts"])
    return counts, numbers(answer["log_likelihood"]) if "log_likelihood" in answer else None


def _object(answer: Mapping[str, Any], act: str, key: str) -> dict[str, Any]:
    """Parameters by name.

    Raises
    ------
    Trouble
    """
    if not isinstance(answer[key], dict):
        told = quoted(json.dumps(answer[key]))
        raise Trouble(f"{act} was answered with {key!r} = {told}, expected an object, the parameters by name")
    return numbers(answer[key])
