"""The parameters that an EM takes: it may break at some, or refuse them with an error of its own."""

from itertools import chain

from comparisons.audit.copies import copies
from comparisons.audit.early_stops import collapses
from comparisons.audit.finding import Finding, not_applicable, passed, remark
from comparisons.audit.guard import out_of_time
from comparisons.audit.reference import Reference, with_cycle
from comparisons.audit.subject import Subject, whole_fit
from comparisons.case import Natural
from comparisons.errors import Trouble

# Random parameters and their symmetric copies that are tried before an EM's domain is given up.
MOST_TRIED = 60


def where_it_works(subject: Subject, reference: Reference) -> Reference:
    """The reference of this EM, at those random parameters at which one cycle runs through, as many as time allows.

    An EM that breaks at some parameters (a Newton step that diverges) can still be judged at the others.
    That it breaks is one finding, of `ascent`, instead of the same one from every check. An EM that refuses some with a
    ValueError of its own (negative slopes) is judged inside its domain, symmetric copies and further draws included;
    that it refuses them is one remark, of `domain`.
    """
    reference = with_cycle(reference, subject.step)
    # A fit without a cycle stands for it; what it did is remembered.
    act = subject.step or (whole_fit(subject) if subject.fit is not None and subject.starts else None)
    if act is None:
        return reference
    good: list[Natural] = []
    broken: list[Trouble] = []
    refused: list[Trouble] = []
    passed_over = False
    late = out_of_time()
    for point in chain(reference.points, reference.more_points()):
        if (
            (good and late())
            or len(good) >= len(reference.points) - len(broken)
            or (len(good) + len(broken) + len(refused) > MOST_TRIED)
        ):
            break
        for copy in copies(reference.hooks.symmetries, point):
            try:
                act(copy)
            except Trouble as trouble:
                if trouble.late:
                    return reference
                if trouble.refused:
                    refused.append(trouble)
                    continue
                if collapses(reference, copy):
                    # It goes where the likelihood has no bound until its numbers end, as the reference does from there.
                    passed_over = True
                    break
                broken.append(trouble)
                break
            good.append(copy)
            break
    if good and (broken or refused or passed_over or len(good) < len(reference.points)):
        return reference.restricted(good, broken, refused)
    return reference


def domain(subject: Subject, reference: Reference) -> Finding:
    """Which of the random parameters the EM takes."""
    check = "domain"
    if subject.step is None and subject.fit is None:
        return not_applicable(check, "the EM offers neither a cycle nor a fit")
    if reference.refused:
        what = reference.refused[0]
        return remark(check, f"it refuses part of the space and is judged inside its domain: {what}", what.at)
    act, taken = subject.step or (whole_fit(subject) if subject.starts else None), 0
    if act is None:
        return passed(check, "its fit takes no start")
    for point in reference.points:
        try:
            act(point)
        except Trouble as trouble:
            if trouble.late:
                return not_applicable(check, f"it hangs at some of the random parameters: {trouble}")
            continue
        taken += 1
    if taken < len(reference.points):
        return not_applicable(check, f"it runs through at {taken} of {len(reference.points)} random parameters")
    return passed(check, f"it takes all {len(reference.points)} random parameters")
