"""What PyTensor has compiled, kept for the next use of the same model on the same data."""

import hashlib
import pickle
import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

# Models kept; the one whose last use is longest ago goes first.
KEPT = 12
# Of larger data compiling is a small part, and keeping them a large one, of what there is.
MOST_BYTES = 10_000_000
_kept: OrderedDict[Any, Any] = OrderedDict()
_lock = threading.Lock()


def kept(make: Callable[[], Any], build_model: Any, *settings: Any) -> Any:
    """What `make` makes of a model with these settings, or what it has made of an equal one in this thread.

    Only models that say that they are told by their content alone (`told_by_content`) are kept: a function of the
    user's may have been written anew under the same name. Compiled functions are not for two threads at once.
    """
    if not getattr(build_model, "told_by_content", False):
        return make()
    content = pickle.dumps((build_model, settings))
    if len(content) > MOST_BYTES:
        return make()
    key = (threading.get_ident(), hashlib.sha256(content).digest())
    with _lock:
        if key in _kept:
            _kept.move_to_end(key)
            return _kept[key]
    made = make()
    with _lock:
        _kept[key] = made
        while len(_kept) > KEPT:
            _kept.popitem(last=False)
    return made
