"""A tenant on a file, and short words for what tests do with it."""

from pathlib import Path

import pytest

from labrunner.emulator.clock import Clock
from labrunner.emulator.issued import Issued
from labrunner.emulator.state.directory import Directory
from labrunner.emulator.state.principals import Application, CredentialProblem, ServicePrincipal
from labrunner.emulator.store import Store

DAY = 24 * 3600.0


class Tenant:
    """Opening the same path again is a restart."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.clock = Clock()
        self.store = Store(path)
        self.issued = Issued(self.store, now=self.clock.now)
        self.directory = Directory(self.store, self.issued, self.clock)
        self.directory.found()

    def application(self, name: str = "builder") -> tuple[Application, ServicePrincipal, str]:
        """One that signs in with a secret for a day."""
        made = self.directory.add_application(name, owner=self.directory.user().object_id, properties={})
        principal = self.directory.add_service_principal(made, properties={})
        now = self.clock.now()
        return made, principal, self.directory.add_secret(made, name="rbac", starts=now, ends=now + DAY)[1]

    def problem(self, app_id: str, secret: str) -> str:
        """Why that does not sign in."""
        with pytest.raises(CredentialProblem) as raised:
            self.directory.sign_in(app_id, secret)
        return raised.value.kind
