"""Working papers: what score and attendance sheets, labels, receipts and plaques say."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from services.notify.contest_files import ContestFiles
from services.notify.domain.letters import Addressee
from services.notify.domain.texts import fill
from services.notify.letter_texts import Column, Paper
from services.notify.letters.compose import Typesetting, row_facts, row_words
from services.notify.letters.linebreak import Run
from shared.contracts.rulebook import Rulebook
from shared.thai.digits import thai_digits

Json = dict[str, Any]
Facts = Mapping[str, str]
Rows = Sequence[Mapping[str, Any]]
Label = dict[str, str | list[Run]]


def columns_of(paper: Paper, rulebook: Rulebook) -> list[Column]:
    """The columns of the paper, with one for each dimension of the rubric where it says so."""
    points = {"rubric.points": thai_digits(sum(dimension.points for dimension in rulebook.rubric))}
    found: list[Column] = []
    for column in paper.columns:
        if not column.each:
            found.append(column.model_copy(update={"name": fill(column.name, points)}))
            continue
        for position, dimension in enumerate(rulebook.rubric, start=1):
            facts = {
                "dimension.name": dimension.name.th,
                "dimension.short": f"มิติที่ {thai_digits(position)}",
                "dimension.points": thai_digits(dimension.points),
            }
            found.append(column.model_copy(update={"name": fill(column.name, facts)}))
    return found


def cells(columns: Sequence[Column], rows: Rows) -> list[list[str]]:
    """The filled cells of ``rows``, for the table and for CSV alike."""
    return [
        [fill(column.value, row_facts(row_words(row, index))) for column in columns]
        for index, row in enumerate(rows, start=1)
    ]


class PaperSetting:
    """Turns a paper and its rows into the inputs of its Typst template."""

    def __init__(self, files: ContestFiles, rulebook: Rulebook, facts: Facts) -> None:
        self._typesetting = Typesetting(files)
        self._files = files
        self._rulebook = rulebook
        self._facts = facts

    def inputs(self, paper: Paper, rows: Rows, each: Rows) -> Json:
        """The inputs of the paper's template; ``each`` are the rows that have a sheet of their own."""
        profile = self._files.profile(paper.profile)
        head: Json = {
            "title": fill(paper.heading, self._facts),
            "keywords": [],
            "letterhead": self._typesetting.letterhead(profile),
            # A working paper is no letter and bears no signature of the agency.
            "draft": False,
        }
        if paper.layout == "labels":
            return {**head, "labels": self._labels(profile.name, rows)}
        if paper.layout == "plaque":
            return {
                **head,
                "draft": not profile.complete(),
                "plaques": [self._plaque(paper, row) for row in rows],
            }
        parts = list(self._parts(paper, rows, each))
        return {**head, "landscape": paper.landscape, "row_pt": paper.row_pt, "parts": parts}

    def _labels(self, sender: str, rows: Rows) -> list[Label]:
        return labels([_addressee(row) for row in rows], sender, "", "", self._typesetting)

    def _parts(self, paper: Paper, rows: Rows, each: Rows) -> Iterator[Json]:
        if paper.single:
            for row in rows:
                yield self._part(paper, [], row_facts(row_words(row, 1)))
        elif paper.each:
            for one in each:
                about = {f"each.{name}": value for name, value in row_words(one, 1).items()}
                yield self._part(paper, rows, about)
        else:
            yield self._part(paper, rows, {})

    def _part(self, paper: Paper, rows: Rows, about: Facts) -> Json:
        facts = {**self._facts, **about}
        runs = self._typesetting.breaker.runs
        columns = columns_of(paper, self._rulebook)
        return {
            "heading": runs(fill(paper.heading, facts)),
            "heads": [runs(fill(text, facts)) for text in paper.heads],
            "paragraphs": self._typesetting.texts([fill(text, facts) for text in paper.paragraphs]),
            "after": self._typesetting.texts([fill(text, facts) for text in paper.after]),
            "table": self._typesetting.table(
                {
                    "columns": [
                        column.model_dump(include={"name", "width", "centred"}) for column in columns
                    ],
                    "rows": cells(columns, rows),
                }
            ),
            "signers": [
                {"name": signer.name, "runs": runs(signer.name), "lines": list(signer.lines)}
                for signer in paper.signers
            ],
        }

    def _plaque(self, paper: Paper, row: Mapping[str, Any]) -> Json:
        """``heads`` are award, the words before the name, the name and the work; ``after`` is the foot."""
        facts = {**self._facts, **row_facts(row_words(row, 1))}
        runs = self._typesetting.breaker.runs
        award, before, recipient, work = (runs(fill(text, facts)) for text in paper.heads)
        return {
            "opening": runs(fill(paper.heading, facts)),
            "award": award,
            "before": before,
            "recipient": recipient,
            "work": work,
            "foot": [runs(fill(text, facts)) for text in paper.after],
        }


def _addressee(row: Mapping[str, Any]) -> Addressee:
    return Addressee(row["code"], row["place"], row["post"], contact_id=row["contact_id"])


def labels(
    addressees: Sequence[Addressee], sender: str, urgency: str, number: str, typesetting: Typesetting
) -> list[Label]:
    """Address labels, with what belongs on the envelope: the sending agency's name, urgency and number."""
    runs = typesetting.breaker.runs
    return [
        {
            "number": number,
            "urgency": urgency,
            "sender": sender,
            "post": runs(one.post),
            # A post that names its place need not say it twice.
            "place": [] if one.place in one.post else runs(one.place),
        }
        for one in addressees
    ]
