"""The sealed contest, served to a real browser: the fixtures of the component tests."""

from tests.component.intake import conftest as component

clock = component.clock
mailer = component.mailer
resources = component.resources
sealed = component.sealed
service = component.service
signed_in = component.signed_in
