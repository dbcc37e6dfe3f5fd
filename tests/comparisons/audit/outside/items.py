"""The EMs for item responses: importing this enters all of them."""

from . import (  # noqa: F401
    items_right,
    items_right_fast,
    items_right_forms,
    items_right_more,
    items_right_rest,
)
