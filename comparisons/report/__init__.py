"""One result as a report for readers (Markdown, HTML) and for programs (CSV, JSON).

`page` says what a report is made of, `compose` puts one together from a result (with `tables`,
`worked` and `figures`), `render` turns it into Markdown and HTML, `folder` writes it, whole or not at all.
"""

from comparisons.report.folder import FORMATS, refuse_strangers, write_report
from comparisons.report.index import refuse_foreign_index, write_index, write_index_again
from comparisons.report.scores import scores_remark
from comparisons.report.summary import summary

__all__ = [
    "FORMATS",
    "refuse_foreign_index",
    "refuse_strangers",
    "scores_remark",
    "summary",
    "write_index",
    "write_index_again",
    "write_report",
]
