"""Every route of an application and who may use it, read from the dependencies it declares."""

from collections.abc import Iterator
from dataclasses import dataclass

from fastapi import FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.routing import iter_route_contexts

from shared.contracts.intake import Role
from shared.web.sessions import Guard, current_account


@dataclass(frozen=True, slots=True)
class GuardedRoute:
    """One method of one path. ``guards`` are the sets of roles it asks for, one after the other."""

    method: str
    path: str
    guards: tuple[frozenset[Role], ...]
    signed_in: bool
    """Whether it asks for anybody at all."""

    @property
    def name(self) -> str:
        """``POST /api/intake/v1/contests``"""
        return f"{self.method} {self.path}"

    def lets_in(self, role: Role) -> bool:
        """Whether someone with this one role passes the guards."""
        held = {role, Role.STAFF} if role is Role.ADMIN else {role}
        return all(not held.isdisjoint(guard) for guard in self.guards)


def guarded_routes(app: FastAPI) -> list[GuardedRoute]:
    """The routes of ``app``, those of its included routers too."""
    found = []
    for context in iter_route_contexts(app.routes):
        dependant = getattr(context, "dependant", None)
        calls = list(_calls(dependant)) if dependant is not None else []
        for method in sorted((context.methods or set()) - {"HEAD", "OPTIONS"}):
            found.append(
                GuardedRoute(
                    method=method,
                    path=context.path or "",
                    guards=tuple(call.roles for call in calls if isinstance(call, Guard)),
                    signed_in=current_account in calls,
                )
            )
    return found


def _calls(dependant: Dependant) -> Iterator[object]:
    yield dependant.call
    for each in dependant.dependencies:
        yield from _calls(each)
