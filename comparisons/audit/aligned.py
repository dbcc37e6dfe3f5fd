"""Expected counts with their axes in the order of ours."""

from comparisons.case import Array


def aligned(ours: dict[str, Array], theirs: dict[str, Array]) -> dict[str, Array]:
    """Counts with the axes in our order: nodes before items, where an EM has them the other way round.

    Counts that only the EM has are turned as well if that gives them the shape of some of ours.
    """
    turned = {}
    for name, values in ours.items():
        if name in theirs and values.size == theirs[name].size == 1:
            turned[name] = values.reshape(theirs[name].shape)
            continue
        wanted = {theirs[name].shape} if name in theirs else {other.shape for other in theirs.values()}
        turned[name] = values.T if values.shape not in wanted and values.T.shape in wanted else values
    return turned
