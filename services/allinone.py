"""All four services on one machine; the only place that knows every one of them."""

import contextlib
from collections.abc import AsyncIterator, Mapping
from types import MappingProxyType

import services.intake.app
import services.notify.app
import services.scoring.app
import services.voting.app
from shared.embedded.running import Running
from shared.embedded.running import running as running_with
from shared.embedded.system import Say
from shared.service import Build
from shared.settings import ServiceName, Settings

BUILDS: dict[ServiceName, Build] = {
    "intake": services.intake.app.build,
    "scoring": services.scoring.app.build,
    "voting": services.voting.app.build,
    "notify": services.notify.app.build,
}


@contextlib.asynccontextmanager
async def running(
    settings: Settings,
    *,
    port: int | None = None,
    processes: bool = False,
    workers: Mapping[ServiceName, int] = MappingProxyType({}),
    say: Say = print,
) -> AsyncIterator[Running]:
    """The embedded mode as a block; see :func:`shared.embedded.running.running`."""
    async with running_with(
        BUILDS, settings, port=port, processes=processes, workers=workers, say=say
    ) as system:
        yield system
