"""Voter identity: from what a person types, or another provider says of them, to one voter's ballot."""

from services.voting.identity.adapters import (
    Adapter,
    CameBack,
    CodeAdapter,
    GoThere,
    Identity,
    OidcAdapter,
)
from services.voting.identity.channels import Channel, EmailChannel, PhoneChannel
from services.voting.identity.codes import Desk, Queued, RedeemCode, RequestCode
from services.voting.identity.courier import Courier
from services.voting.identity.friction import Friction
from services.voting.identity.oidc import Detour, OidcProvider
from services.voting.identity.rehearsal import MAX_REHEARSAL_BALLOTS, rehearsal_ballots
from services.voting.identity.waiting_room import CodeStatus, WaitingRoom
from services.voting.window import LiveWindow
from shared.contracts.rulebook import VoterIdentity
from shared.service import Resources
from shared.sms import SmsGateway

__all__ = [
    "MAX_REHEARSAL_BALLOTS",
    "Adapter",
    "CameBack",
    "CodeStatus",
    "Courier",
    "Desk",
    "Detour",
    "GoThere",
    "Identity",
    "Queued",
    "RedeemCode",
    "RequestCode",
    "identity_of",
    "rehearsal_ballots",
]


def identity_of(resources: Resources, window: LiveWindow) -> tuple[Identity, Courier]:
    """Identity put together: for the api, and the courier for the worker."""
    settings, clock = resources.settings, resources.clock
    channels: dict[VoterIdentity, Channel] = {
        VoterIdentity.EMAIL: EmailChannel(resources.mailer),
        VoterIdentity.PHONE: PhoneChannel(SmsGateway.from_settings(settings)),
    }
    desk = Desk(clock, window, Friction(settings), WaitingRoom(settings), channels)
    codes = CodeAdapter(resources.database, desk)
    accounts = OidcAdapter(resources.database, desk, OidcProvider(settings), settings.public_url)
    adapters: dict[VoterIdentity, Adapter] = {
        VoterIdentity.EMAIL: codes,
        VoterIdentity.PHONE: codes,
        VoterIdentity.OIDC: accounts,
    }
    return Identity(desk, adapters), Courier(settings, clock, window, channels)
