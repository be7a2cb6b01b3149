"""Letters over JSON."""

from fastapi import APIRouter, Response

from services.notify import repository
from services.notify.contest_files import contest_files
from services.notify.handlers import approving, composing, drafting, letters, rendering, signing
from services.notify.handlers.second_factor import second_factors
from services.notify.http.common import (
    PREFIX,
    Approver,
    ContestPath,
    IdPath,
    Registry,
    Signatory,
    Staff,
    of_staff,
)
from services.notify.http.views import (
    PDF_RESPONSE,
    LetterDraft,
    LetterSummary,
    LetterView,
    Numbering,
    Reason,
    Signing,
    SigningOfMany,
    StepView,
    TemplateChosen,
    TemplateView,
    dispatch_view,
    letter_summary,
    pdf_response,
)
from shared.contracts.event import LocalizedText
from shared.contracts.intake import Role
from shared.service import Resources
from shared.web.problems import PROBLEMS


def router(resources: Resources) -> APIRouter:
    """Letters: the register, and each step of a letter's life."""
    api = APIRouter(prefix=PREFIX, responses=PROBLEMS)
    database, clock, site = resources.database, resources.clock, resources.settings.public_url
    factors = second_factors(resources)

    async def view(letter_id: str) -> LetterView:
        async with database.transaction() as session:
            letter = await repository.letters.letter(session, letter_id)
            counts = await repository.letters.dispatch_counts(session, letter.contest_id)
            content = await composing.content_of(session, letter, site)
            findings = await composing.findings_of(session, letter, site) if letter.signed_at is None else []
            rows = await repository.letters.dispatches(session, letter.contest_id, letter_id)
            contacts = await repository.people.addresses(
                session, letter.contest_id, [row.contact_id for row in rows]
            )
            steps = await repository.letters.steps(session, letter)
            return LetterView(
                **letter_summary(letter, counts).model_dump(),
                inputs_sha256=letter.inputs_sha256,
                paragraphs=content["paragraphs"],
                findings=[LocalizedText(th=finding.th, en=finding.en) for finding in findings],
                steps=[StepView.model_validate(step.model_dump()) for step in steps],
                dispatches=[dispatch_view(row, contacts.get(row.contact_id, "")) for row in rows],
            )

    @api.get("/contests/{contest_id}/letter-templates")
    async def list_templates(contest_id: ContestPath, account: Staff) -> list[TemplateView]:
        """The letters that can be composed."""
        files = contest_files(contest_id)
        return [
            TemplateView(
                template=name, **files.template(name).model_dump(include={"kind", "name", "profile"})
            )
            for name in files.template_names()
        ]

    @api.post("/contests/{contest_id}/letters", status_code=201)
    async def draft_letter(contest_id: ContestPath, body: LetterDraft, account: Staff) -> LetterView:
        """Start a letter; of a template that is unique, the one that there is."""
        await rendering.check_printable(body.overrides())
        async with database.transaction() as session:
            command = drafting.DraftLetter(
                contest_id=contest_id,
                template=body.template,
                by=account.contact_id,
                overrides=body.overrides(),
                about=body.about,
                recipients_csv=body.recipients_csv,
                parent_id=body.parent_id,
                public_url=site,
            )
            letter = await drafting.draft_letter(session, clock, command)
        return await view(letter.letter_id)

    @api.post("/contests/{contest_id}/letters/each", status_code=201)
    async def draft_each(
        contest_id: ContestPath, body: TemplateChosen, account: Staff
    ) -> list[LetterSummary]:
        """A letter for each finalist, winner or judge, as the template says; those that there are stay."""
        async with database.transaction() as session:
            command = drafting.DraftLetter(
                contest_id, body.template, account.contact_id, overrides={}, public_url=site
            )
            drafted = await drafting.draft_each(session, clock, command)
            return [letter_summary(letter, {}) for letter in drafted]

    @api.get("/contests/{contest_id}/letters")
    async def list_letters(contest_id: ContestPath, account: Staff) -> list[LetterSummary]:
        """The register of outgoing letters, drafts included, the newest first."""
        async with database.transaction() as session:
            counts = await repository.letters.dispatch_counts(session, contest_id)
            return [
                letter_summary(letter, counts)
                for letter in await repository.letters.letters(session, contest_id)
            ]

    @api.get("/letters/{letter_id}.pdf", response_class=Response, responses=PDF_RESPONSE)
    async def letter_pdf(letter_id: IdPath, account: Staff) -> Response:
        """The letter; of an unsigned one, how it would look."""
        name, content = await rendering.pdf_of(database, clock, letter_id, site)
        return pdf_response(content, name)

    @api.get("/letters/{letter_id}")
    async def get_letter(letter_id: IdPath, account: Staff) -> LetterView:
        """A letter with its history and its addressees."""
        return await view(letter_id)

    @api.put("/letters/{letter_id}")
    async def edit_letter(letter_id: IdPath, body: LetterDraft, account: Staff) -> LetterView:
        """Change a draft; an approved letter becomes a draft again."""
        await rendering.check_printable(body.overrides())
        async with database.transaction() as session:
            await drafting.edit_letter(
                session,
                clock,
                letter_id,
                account.contact_id,
                overrides=body.overrides(),
                recipients_csv=body.recipients_csv,
                public_url=site,
            )
        return await view(letter_id)

    @api.post("/letters/{letter_id}/review")
    async def submit_letter(letter_id: IdPath, account: Staff) -> LetterView:
        """Put a draft forward for review."""
        async with database.transaction() as session:
            await letters.submit_letter(session, clock, letter_id, account.contact_id)
        return await view(letter_id)

    @api.post("/letters/{letter_id}/return")
    async def return_letter(letter_id: IdPath, body: Reason, account: Staff) -> LetterView:
        """Give a letter in review, or an approved one, back to its author."""
        async with database.transaction() as session:
            await letters.return_letter(
                session, clock, letter_id, account.contact_id, body.reason, staff=True
            )
        return await view(letter_id)

    @api.post("/letters/{letter_id}/approval")
    async def approve_letter(letter_id: IdPath, account: Staff) -> LetterView:
        """Approve a letter in review that someone else wrote."""
        await rendering.preview(database, clock, letter_id, site)
        await approving.approve_letter(database, clock, letter_id, account.contact_id, site)
        return await view(letter_id)

    @api.post("/letters/{letter_id}/signing")
    async def sign_letter(letter_id: IdPath, body: Signing, account: Signatory) -> LetterView:
        """Sign with a code of the second factor. Where the agency numbers at signing, the number, the date
        and the hash of all inputs are taken; the PDF follows."""
        async with database.transaction() as session:
            contest_id = (await repository.letters.letter(session, letter_id)).contest_id
        confirmed = await factors.confirm(contest_id, account.contact_id, body.code)
        async with database.transaction() as session:
            approver = account.may(Role.APPROVER)
            await signing.sign_letter(session, clock, letter_id, confirmed, approver=approver)
        await rendering.finish_letter(database, letter_id)
        return await view(letter_id)

    @api.post("/contests/{contest_id}/letters/signing")
    async def sign_letters(
        contest_id: ContestPath, body: SigningOfMany, account: Signatory
    ) -> list[LetterView]:
        """Sign several letters with one code, all or none."""
        confirmed = await factors.confirm(contest_id, account.contact_id, body.code)
        async with database.transaction() as session:
            approver = account.may(Role.APPROVER)
            signed = await signing.sign_letters(session, clock, body.letter_ids, confirmed, approver=approver)
        for letter in signed:
            await rendering.finish_letter(database, letter.letter_id)
        return [await view(letter.letter_id) for letter in signed]

    @api.post("/letters/{letter_id}/number")
    async def number_letter(letter_id: IdPath, body: Numbering, account: Registry) -> LetterView:
        """The registry gives a signed letter its number and date; the PDF follows."""
        given = signing.GivenNumber(body.number, body.dated, body.reason)
        async with database.transaction() as session:
            staff = of_staff(account)
            await signing.number_letter(session, clock, letter_id, account.contact_id, given, staff=staff)
        await rendering.finish_letter(database, letter_id)
        return await view(letter_id)

    @api.post("/letters/{letter_id}/dispatch")
    async def dispatch_letter(letter_id: IdPath, account: Registry) -> LetterView:
        """Send it: by e-mail where an address is known; the rest go to the print queue."""
        async with database.transaction() as session:
            staff = of_staff(account)
            await letters.dispatch_letter(session, clock, letter_id, account.contact_id, staff=staff)
        return await view(letter_id)

    @api.post("/letters/{letter_id}/void")
    async def void_letter(letter_id: IdPath, body: Reason, account: Approver) -> LetterView:
        """Void it; its number is never used again."""
        async with database.transaction() as session:
            await letters.void_letter(session, clock, letter_id, account.contact_id, body.reason)
        return await view(letter_id)

    return api
