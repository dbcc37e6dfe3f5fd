"""Many maximisations at once: what they ask of the objective is answered in one call for all.

A call of a compiled graph costs nearly the same for a hundred points as for one. `maximise` stays the
function that climbs from one start; here it runs once per start, each in a thread that works only while
all others wait (a coroutine that scipy's optimiser can live in). When all have asked, they are answered
together. Each start takes the very path that it takes alone; only of large data, where a Hessian is dear, its last
steps may use a Hessian that another start has asked for nearby, and end at the same zero of the gradient.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from queue import SimpleQueue
from threading import Thread
from typing import Any, NamedTuple

import numpy as np

from pp_models.maximise import Maximum, maximise
from pp_models.objective import Array, Objective

# Starts that are maximised at once; more than this gain little and hold a thread each.
AT_ONCE = 100


class Question(NamedTuple):
    """What a climb asks of the objective: `kind` is "value", "hessian" or "hessian nearby"."""

    kind: str
    x: Array


class Withdrawn(BaseException):
    """Ends a climb whose answers nobody waits for any more."""


@dataclass(frozen=True)
class Asking:
    """An objective whose values and Hessians are asked for instead of computed."""

    objective: Objective
    ask: Callable[[Question], Any]

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the natural parameters."""
        return self.objective.names

    @property
    def bounds(self) -> Array:
        """Bounds of the free parameters."""
        return self.objective.bounds

    @property
    def observations(self) -> float:
        """Number of observations."""
        return self.objective.observations

    def value_and_gradient(self, x: Array) -> tuple[Any, Array]:
        """Objective and its gradient."""
        return self.ask(Question("value", x))

    def hessian(self, x: Array) -> Array:
        """Hessian of the objective."""
        return self.ask(Question("hessian", x))

    @property
    def is_large(self) -> bool:
        """Whether Hessians of nearby points are taken."""
        return self.objective.is_large

    def hessian_nearby(self, x: Array) -> Array:
        """Hessian of the objective, or, of large data, at a known point nearby."""
        return self.ask(Question("hessian nearby", x))

    def natural(self, x: Array) -> dict[str, Array]:
        """Natural parameters by name."""
        return self.objective.natural(x)

    def free(self, params: Any) -> Array:
        """Free parameters of natural ones."""
        return self.objective.free(params)

    def edges(self, name: str) -> tuple[Array, Array]:
        """Where the range of a natural parameter ends."""
        return self.objective.edges(name)

    def unit(self, name: str) -> Array:
        """Size of a change of a natural parameter that matters."""
        return self.objective.unit(name)

    def is_simplex(self, name: str) -> bool:
        """Whether a natural parameter is a vector of weights."""
        return self.objective.is_simplex(name)

    def is_bounded(self, name: str) -> bool:
        """Whether a natural parameter lives between two finite edges."""
        return self.objective.is_bounded(name)


class Climb:
    """One maximisation, in a thread that works only while `begin` or `resume` waits for it."""

    def __init__(self, objective: Objective, start: Array) -> None:
        self._questions: SimpleQueue[Question | Maximum | BaseException] = SimpleQueue()
        self._answers: SimpleQueue[Any] = SimpleQueue()
        self._thread = Thread(target=self._climb, args=(Asking(objective, self._ask), start), daemon=True)

    def begin(self) -> Question | Maximum | BaseException:
        """The first question; or the end, as from `resume`."""
        self._thread.start()
        return self._questions.get()

    def resume(self, answer: Any) -> Question | Maximum | BaseException:
        """The next question; at the end, the maximum or what was raised."""
        self._answers.put(answer)
        return self._questions.get()

    def withdraw(self) -> None:
        """Let the thread end; does nothing when it has."""
        self._answers.put(Withdrawn())

    def _ask(self, question: Question) -> Any:
        self._questions.put(question)
        answer = self._answers.get()
        if isinstance(answer, Withdrawn):
            raise answer
        return answer

    def _climb(self, asking: Asking, start: Array) -> None:
        try:
            self._questions.put(maximise(asking, start))
        except BaseException as problem:  # raised again by the one who waits
            self._questions.put(problem)


def maximise_all(objective: Objective, starts: Array) -> Iterator[tuple[int, Maximum]]:
    """Climb from every row of `starts` (S, size); index and maximum, in the order in which they end."""
    for first in range(0, len(starts), AT_ONCE):
        climbs = {i: Climb(objective, start) for i, start in enumerate(starts[first : first + AT_ONCE], first)}
        try:
            yield from _at_once(objective, climbs)
        finally:
            for climb in climbs.values():
                climb.withdraw()


def _at_once(objective: Objective, climbs: dict[int, Climb]) -> Iterator[tuple[int, Maximum]]:
    """Ends of climbs in the order in which they come, the questions of all that go on answered together."""
    said = {index: climb.begin() for index, climb in climbs.items()}
    while said:
        for index, end in said.items():
            if isinstance(end, BaseException):
                raise end
            if isinstance(end, Maximum):
                yield index, end
        asked = {index: question for index, question in said.items() if isinstance(question, Question)}
        said = {index: climbs[index].resume(answer) for index, answer in _answers(objective, asked)}


def _answers(objective: Objective, asked: dict[int, Question]) -> Iterator[tuple[int, Any]]:
    """One call of the objective for each kind of question; what may be known from the one before, one by one."""
    for kind in sorted({question.kind for question in asked.values()}):
        points = {index: question.x for index, question in asked.items() if question.kind == kind}
        x = np.stack(list(points.values()))
        answers: Iterable[Any]
        if kind == "hessian nearby":
            answers = map(objective.hessian_nearby, x)
        else:
            answers = objective.hessian(x) if kind == "hessian" else zip(*objective.value_and_gradient(x), strict=True)
        yield from zip(points, answers, strict=True)
