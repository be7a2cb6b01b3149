"""Acts that need two people: the one who proposes never completes it alone."""

from collections.abc import Collection
from dataclasses import dataclass

from shared.contracts.ids import ContactId
from shared.errors import Conflict, Forbidden


@dataclass(frozen=True, slots=True)
class Signer:
    """Who puts a name under something."""

    contact_id: ContactId
    approver: bool
    """Holds the role of the second signature."""


class NeedsAnotherPerson(Conflict):
    """The same person cannot give both signatures."""

    code = "needs-another-person"

    def __init__(self) -> None:
        super().__init__(
            "ต้องใช้ผู้ลงนามสองคน คุณลงนามในเรื่องนี้แล้ว โปรดให้ผู้มีสิทธิ์อนุมัติอีกคนหนึ่งดำเนินการ",
            "This takes two people and you are one of them already; another approver must complete it.",
        )


class NeedsApprover(Forbidden):
    """The completing signature belongs to an approver."""

    code = "needs-approver"

    def __init__(self) -> None:
        super().__init__(
            "การลงนามครั้งสุดท้ายต้องเป็นผู้มีสิทธิ์อนุมัติ",
            "The completing signature must be an approver's.",
        )


def check_second_signature(first: Collection[str], signer: Signer) -> None:
    """Pass if ``signer`` may complete what ``first`` began.

    Raises:
        NeedsAnotherPerson: the signer is among them.
        NeedsApprover: the signer is no approver.
    """
    if signer.contact_id in first:
        raise NeedsAnotherPerson
    if not signer.approver:
        raise NeedsApprover
