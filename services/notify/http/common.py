"""What the routes share: the prefix, path parameters and who may call."""

from typing import Annotated

from fastapi import Depends, Path

from shared.contracts.intake import Role
from shared.web.sessions import Account, account_or_none, current_account, require

PREFIX = "/api/notify/v1"
ContestPath = Annotated[str, Path(max_length=100, description="slug of the contest")]
IdPath = Annotated[str, Path(max_length=64)]
Staff = Annotated[Account, Depends(require(Role.STAFF, Role.APPROVER))]
Approver = Annotated[Account, Depends(require(Role.APPROVER))]
Signatory = Annotated[Account, Depends(require(Role.APPROVER, Role.CLERK))]
"""Who may hold a second factor and sign; for which agency, the appointment says."""
Registry = Annotated[Account, Depends(require(Role.STAFF, Role.APPROVER, Role.CLERK))]
"""Who may keep a registry; of which agency, the appointment says."""
Administrator = Annotated[Account, Depends(require(Role.ADMIN))]
Someone = Annotated[Account, Depends(current_account)]
Anyone = Annotated[Account | None, Depends(account_or_none)]


def of_staff(account: Account) -> bool:
    """Whether the person is of the contest's staff or its approver, who see every agency's letters and books;
    a clerk sees those of his own."""
    return account.may(Role.STAFF, Role.APPROVER)
