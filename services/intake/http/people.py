"""People and roles over JSON."""

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, Field

from services.intake import repository
from services.intake.domain.sign_in import derived_key
from services.intake.handlers import contacts
from services.intake.http.values import PREFIX, ContestPath, Email, Id, Line, ProvinceCode
from services.intake.tables import Contact
from shared.contracts.intake import Role
from shared.service import Resources
from shared.web.problems import PROBLEMS
from shared.web.sessions import Account, require


class PersonBody(BaseModel):
    email: Email
    name: Line = ""
    phone: Line = ""
    organisation: Line = ""
    position: Line = ""
    province_code: ProvinceCode = ""
    roles: list[Role] = Field(default_factory=list, max_length=20)
    language: Literal["th", "en"] = "th"

    def person(self) -> contacts.Person:
        """As the use cases take it."""
        return contacts.Person(
            **self.model_dump(exclude={"email", "roles"}),
            email=str(self.email),
            roles=frozenset(self.roles),
        )


class PersonView(BaseModel):
    contact_id: str
    contest_id: str
    revision: int
    name: str
    email: str
    phone: str
    organisation: str
    position: str
    province_code: str
    roles: list[Role]
    language: str


class PeopleList(BaseModel):
    people: list[PersonView]
    total: int


def view(contact: Contact) -> PersonView:
    """A contact as JSON shows it."""
    return PersonView.model_validate(contact.model_dump(include=set(PersonView.model_fields)))


def router(resources: Resources) -> APIRouter:
    """Routes of ``/contests/{contest_id}/people``."""
    api = APIRouter(prefix=f"{PREFIX}/contests/{{contest_id}}/people", tags=["people"], responses=PROBLEMS)
    key = derived_key(resources.settings.session_private_key.get_secret_value())
    admin = Annotated[Account, Depends(require(Role.ADMIN))]

    @api.get("")
    async def list_people(
        contest_id: ContestPath,
        account: Annotated[Account, Depends(require(Role.STAFF))],
        q: Annotated[Line, Query()] = "",
        role: Annotated[Role | None, Query()] = None,
        page: Annotated[int, Query(ge=1, le=100_000)] = 1,
        size: Annotated[int, Query(ge=1, le=500)] = 50,
    ) -> PeopleList:
        """People of the contest by name."""
        wanted = repository.PeopleFilter(words=q, role=role.value if role else "")
        async with resources.database.transaction() as session:
            found, total = await repository.people(
                session, contest_id, wanted, limit=size, offset=(page - 1) * size
            )
        return PeopleList(people=[view(contact) for contact in found], total=total)

    @api.post("", status_code=201)
    async def add_person(contest_id: ContestPath, body: PersonBody, account: admin) -> PersonView:
        """Add a person; one whose address is known gets the roles besides those held."""
        async with resources.database.transaction() as session:
            await repository.contest(session, contest_id)
            return view(await contacts.add_person(session, contest_id, body.person()))

    @api.put("/{contact_id}")
    async def change_person(
        contest_id: ContestPath, contact_id: Id, body: PersonBody, account: admin
    ) -> PersonView:
        """Write everything of a person anew, roles included."""
        async with resources.database.transaction() as session:
            await repository.contact(session, contact_id, contest_id=contest_id)
            return view(await contacts.change_person(session, contact_id, body.person()))

    @api.delete("/{contact_id}", status_code=204)
    async def erase_person(contest_id: ContestPath, contact_id: Id, account: admin) -> None:
        """Erase a person: the row is destroyed, a tombstone tells every service, sessions end."""
        async with resources.database.transaction() as session:
            await repository.contact(session, contact_id, contest_id=contest_id)
            await contacts.erase_person(session, contact_id, code_key=key)

    @api.delete("/{contact_id}/sessions", status_code=204)
    async def revoke_sessions(contest_id: ContestPath, contact_id: Id, account: admin) -> None:
        """End every session of the person, everywhere."""
        async with resources.database.transaction() as session:
            await repository.contact(session, contact_id, contest_id=contest_id)
            await contacts.revoke_sessions(session, contact_id)

    return api
