"""An agency as it stands: the contest's letterhead, what the agency set, and whom it appointed."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlmodel.ext.asyncio.session import AsyncSession

from services.notify import repository
from services.notify.contest_files import Profile, contest_files
from services.notify.domain.letters import LetterState
from services.notify.register_tables import AgencySetting, Officer
from services.notify.tables import Letter
from shared.clock import BANGKOK
from shared.contracts.notify import LetterKind
from shared.errors import Forbidden

Json = dict[str, Any]
SIGNER, REGISTRY = "signer", "registry"
DUTIES = (SIGNER, REGISTRY)


@dataclass(frozen=True, slots=True)
class Agency:
    """A letterhead with its registry and those who sign."""

    contest_id: str
    name: str
    profile: Profile
    setting: AgencySetting | None
    officers: Sequence[Officer]
    today: date

    @property
    def number_at(self) -> str:
        """``signing`` or ``registry``: who gives the number, and when."""
        return (self.setting.number_at if self.setting else "") or self.profile.number_at

    @property
    def circulars(self) -> str:
        """``own`` or ``ordinary``: whether circulars have a series of their own, or ว on the ordinary one."""
        return (self.setting.circulars if self.setting else "") or self.profile.circulars

    @property
    def emblem_sha256(self) -> str:
        """Of the emblem that the agency uploaded; empty where none is set."""
        return self.setting.emblem_sha256 if self.setting else ""

    def on_duty(self, duty: str) -> list[Officer]:
        """Whom the agency has for ``duty`` today."""
        return repository.signers.on_duty(self.officers, duty, self.today)

    @property
    def enrolled(self) -> bool:
        """Whether letters of this agency may be issued here: the contest's own agency always; another one
        when it has its own registry and signers."""
        return self.profile.home or bool(self.on_duty(SIGNER) and self.on_duty(REGISTRY))

    @property
    def official(self) -> bool:
        """Whether letters may leave without ฉบับร่าง: an emblem is set, and a signer by an order."""
        ordered = any(one.authorised_by for one in self.on_duty(SIGNER)) or self.profile.signer.authorised_by
        return bool(self.emblem_sha256 and ordered)

    def form_of(self, kind: str) -> str:
        """The series whose form a letter's number has."""
        return kind if kind in self.profile.series else LetterKind.EXTERNAL.value

    def counter_of(self, kind: str) -> str:
        """The series that a letter's number is taken from."""
        if kind == LetterKind.CIRCULAR.value and self.circulars == "ordinary":
            return LetterKind.EXTERNAL.value
        return self.form_of(kind)

    def check_signer(self, contact_id: str, *, approver: bool) -> Officer | None:
        """The appointment by which a person signs; None where the contest's own agency appointed nobody
        yet: an approver signs then, and its letters bear ฉบับร่าง.

        Raises:
            Forbidden: the person may not sign for this agency.
        """
        signers = self.on_duty(SIGNER)
        if not self.enrolled:
            raise Forbidden(
                f"{self.profile.name}ยังไม่ได้ลงทะเบียนนายทะเบียนและผู้ลงนามในระบบนี้ "
                "ให้หน่วยงานออกเลขและลงนามในระบบของตน แล้วบันทึกไว้",
                f"{self.profile.name_en or self.name} has no registry and signers of its own here: it "
                "numbers and signs in its own system, and the letter is recorded.",
            )
        found = next((one for one in signers if one.contact_id == contact_id), None)
        if found is None and (signers or not approver):
            raise Forbidden(
                f"ท่านไม่มีคำสั่งให้ลงนามแทน{self.profile.name}ในวันนี้ ให้ผู้มีอำนาจลงนามดำเนินการ",
                "No order authorises you to sign for this agency today; ask someone who may.",
            )
        return found

    def may_sign(self, contact_id: str, *, approver: bool) -> bool:
        """Whether :meth:`check_signer` lets the person sign."""
        try:
            self.check_signer(contact_id, approver=approver)
        except Forbidden:
            return False
        return True

    def check_registry(self, contact_id: str, *, staff: bool) -> None:
        """Refuse whoever does not keep this agency's registry.

        Args:
            staff: whether the person is of the contest's staff, who keep it while nobody is appointed.

        Raises:
            Forbidden: others are appointed, or nobody is and the person is not of the staff.
        """
        if not self.keeps_registry(contact_id, staff=staff):
            raise Forbidden(
                f"เฉพาะนายทะเบียนของ{self.profile.name}ดำเนินการนี้ได้",
                "Only this agency's registry may do this.",
            )

    def keeps_registry(self, contact_id: str, *, staff: bool) -> bool:
        """Whether the person keeps this agency's registry today; ``staff`` as in :meth:`check_registry`."""
        keepers = {one.contact_id for one in self.on_duty(REGISTRY)}
        return contact_id in keepers or (staff and not keepers)

    def check_sender(self, contact_id: str, *, staff: bool) -> None:
        """Refuse whoever may not dispatch or post this agency's letters.

        Args:
            staff: whether the person is of the contest's staff, who send every letter.

        Raises:
            Forbidden: a clerk does not keep this agency's registry.
        """
        if not staff:
            self.check_registry(contact_id, staff=False)

    def may_send(self, contact_id: str, *, staff: bool) -> bool:
        """Whether :meth:`check_sender` lets the person send."""
        return staff or self.keeps_registry(contact_id, staff=False)

    def check_return(self, contact_id: str, state: LetterState, *, staff: bool) -> None:
        """Refuse whoever may not give this agency's letter back to its author.

        Args:
            staff: whether the person is of the contest's staff, with whom review stays.

        Raises:
            Forbidden: a clerk does not sign for this agency, or the letter does not wait for a signature.
        """
        if staff:
            return
        self.check_signer(contact_id, approver=False)
        if state != LetterState.APPROVED:
            raise Forbidden(
                "ผู้ลงนามส่งกลับได้เมื่ออนุมัติร่างแล้ว ระหว่างตรวจร่างให้แจ้งเจ้าหน้าที่การประกวด",
                "A signer gives back what is approved; while it is in review, tell the contest's staff.",
            )

    def has_appointed(self, contact_id: str) -> bool:
        """Whether the person has a duty of this agency today."""
        return any(one.contact_id == contact_id for duty in DUTIES for one in self.on_duty(duty))

    def check_reader(self, contact_id: str) -> None:
        """Refuse a clerk of another agency, who reads neither its books nor its files.

        Raises:
            Forbidden: this agency has not appointed the person.
        """
        if not self.has_appointed(contact_id):
            raise Forbidden(
                f"ดูได้เฉพาะผู้ที่{self.profile.name}แต่งตั้ง",
                "Only those whom this agency has appointed may read this.",
            )


async def agency_of(session: AsyncSession, contest_id: str, name: str, now: datetime) -> Agency:
    """The agency as it stands at ``now``. Raises NotFound where the contest has no such letterhead."""
    return Agency(
        contest_id=contest_id,
        name=name,
        profile=contest_files(contest_id).profile(name),
        setting=await repository.signers.setting(session, contest_id, name),
        officers=await repository.signers.officers(session, contest_id, name),
        today=now.astimezone(BANGKOK).date(),
    )


async def agencies_of_clerk(
    session: AsyncSession, contest_id: str, contact_id: str, now: datetime
) -> list[str]:
    """The agencies that have appointed a person, in the order of the contest's letterheads."""
    names = contest_files(contest_id).profile_names()
    found = [await agency_of(session, contest_id, name, now) for name in names]
    return [agency.name for agency in found if agency.has_appointed(contact_id)]


async def signature_of(session: AsyncSession, agency: Agency, contact_id: str, *, approver: bool) -> Json:
    """What a signed letter says of its signer, frozen with it.

    Raises:
        Forbidden: see :meth:`Agency.check_signer`.
    """
    officer = agency.check_signer(contact_id, approver=approver)
    profile = agency.profile.signer
    name = profile.name
    if officer is not None:
        contact = await repository.people.contact(session, agency.contest_id, contact_id)
        name = f"({contact.name})" if contact and contact.name else profile.name
    order = officer.authorised_by if officer else profile.authorised_by
    return {
        "name": name,
        "lines": list(officer.lines) if officer and officer.lines else list(profile.lines),
        "authorised_by": order,
        "appointed": officer is not None,
        "emblem_sha256": agency.emblem_sha256,
        "official": bool(order and agency.emblem_sha256),
    }


def emblem_file(sha256: str) -> str:
    """Under which id an emblem is kept: letters that bear it need it also after the agency took another."""
    return f"emblem-{sha256}"


async def emblem_of(session: AsyncSession, letter: Letter) -> bytes:
    """The emblem that a signed letter bears; empty where it bears none, or is not signed yet."""
    signature = (letter.content or {}).get("signature")
    if signature is None or not signature["official"]:
        return b""
    file_id = emblem_file(signature["emblem_sha256"])
    return (await repository.register.stored_file(session, letter.contest_id, file_id)).content
