"""The EMs for item responses: importing this enters all of them."""

from . import (
    items_right,  # noqa: F401
    items_right_fast,  # noqa: F401
    items_right_forms,  # noqa: F401
    items_right_more,  # noqa: F401
    items_right_rest,  # noqa: F401
    items_wrong,  # noqa: F401
    items_wrong_data,  # noqa: F401
    items_wrong_reports,  # noqa: F401
    items_wrong_starts,  # noqa: F401
    items_wrong_subtle,  # noqa: F401
)
