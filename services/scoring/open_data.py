"""The published shortlist and results as CSV."""

from collections.abc import Sequence

from fastapi import Response

from services.scoring.handlers.openness import Results, Shortlist
from services.scoring.tables import Entry
from shared.contracts.rulebook import Rulebook
from shared.web.tables import csv_file


def shortlist_csv(rulebook: Rulebook, shortlist: Shortlist, rows: Sequence[Entry]) -> Response:
    """One row per finalist, in the order of categories and references."""
    references = {entry.entry_id: entry.reference for entry in rows}
    categories = {category.id: category.name for category in rulebook.categories}
    body = [
        [
            references.get(finalist.entry_id, ""),
            categories[finalist.category_id].th,
            categories[finalist.category_id].in_language("en"),
            finalist.title.th,
            finalist.title.in_language("en"),
            finalist.applicant_name,
            finalist.province_code,
        ]
        for finalist in sorted(
            shortlist.finalists,
            key=lambda each: (list(categories).index(each.category_id), references.get(each.entry_id, "")),
        )
    ]
    header = ["reference", "category_th", "category_en", "title_th", "title_en", "applicant", "province_code"]
    return csv_file(f"{rulebook.contest_id}-shortlist", header, body)


def results_csv(rulebook: Rulebook, results: Results, rows: Sequence[Entry]) -> Response:
    """One row per award, in the rulebook's order; an award without a winner has empty cells."""
    references = {entry.entry_id: entry.reference for entry in rows}
    header = [
        "award_id",
        "award_th",
        "award_en",
        "kind",
        "category_id",
        "reference",
        "title_th",
        "title_en",
        "applicant",
        "mean_total",
        "votes",
        "decided_by",
    ]
    body = [
        [
            award.award_id,
            award.name.th,
            award.name.in_language("en"),
            award.kind.value,
            award.category_id or "",
            references.get(award.entry_id, "") if award.entry_id else "",
            award.title.th if award.title else "",
            award.title.in_language("en") if award.title else "",
            award.applicant_name,
            award.mean_total,
            award.votes if award.votes is not None else "",
            award.decided_by,
        ]
        for award in results.awards
    ]
    return csv_file(f"{rulebook.contest_id}-results", header, body)
