"""Who may do what: role assignments, and what follows from them (Azure RBAC)."""

import re
import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from sqlite3 import Row

from labrunner.emulator.clock import Clock
from labrunner.emulator.faults import Faults
from labrunner.emulator.refusal import Refusal
from labrunner.emulator.state.built_in_roles import BUILT_IN, Role
from labrunner.emulator.state.principals import Principal
from labrunner.emulator.store import Store

__all__ = ["Assignment", "Roles", "is_within"]

_ADMIN_ACTIONS = (
    "Microsoft.ContainerRegistry/registries/pull/read",
    "Microsoft.ContainerRegistry/registries/push/write",
    "Microsoft.ContainerRegistry/registries/artifacts/delete",
    "Microsoft.ContainerRegistry/registries/metadata/*",
    "Microsoft.ContainerRegistry/registries/quarantine/*",
    "Microsoft.ContainerRegistry/registries/catalog/read",
    "Microsoft.ContainerRegistry/registries/repositories/*",
)
"""What a registry's admin user may do in its registry: everything with images but to sign them (Microsoft's page on
content trust), nothing with the registry itself."""

_SUBSCRIPTION_SLASHES = 2  # /subscriptions/ID


@dataclass(frozen=True, slots=True, kw_only=True)
class Assignment:
    """A role given to a principal at a scope and all that is below it. created, updated: seconds since 1970."""

    name: str
    scope: str
    role: str
    principal: str
    principal_type: str
    description: str | None
    created: float
    created_by: str
    updated: float
    updated_by: str

    @property
    def id(self) -> str:
        """Its resource id."""
        scope = "" if self.scope == "/" else self.scope
        return f"{scope}/providers/Microsoft.Authorization/roleAssignments/{self.name}"


class Roles:
    """Role definitions and assignments. Scopes are resource ids; they ignore case and inherit downwards."""

    def __init__(self, store: Store, clock: Clock, faults: Faults | None = None) -> None:
        self._store = store
        self._clock = clock
        self._faults = faults
        store.define(
            """CREATE TABLE IF NOT EXISTS role_assignments (
                   name TEXT PRIMARY KEY COLLATE NOCASE, scope TEXT NOT NULL COLLATE NOCASE, role TEXT NOT NULL,
                   principal TEXT NOT NULL, principal_type TEXT NOT NULL, description TEXT, created REAL NOT NULL,
                   created_by TEXT NOT NULL, updated REAL NOT NULL, updated_by TEXT NOT NULL) WITHOUT ROWID""",
            "CREATE INDEX IF NOT EXISTS role_assignments_of ON role_assignments (principal)",
        )

    def found(self, *, owner: str, scope: str) -> None:
        """Have the owner own the scope."""
        role = self.role_named("Owner")
        assert role is not None
        if not any(held.scope.lower() == scope.lower() and held.role == role.id for held in self.kept_by(owner)):
            self.assign(owner, role.id, scope, by=owner)

    def definitions(self) -> tuple[Role, ...]:
        """All role definitions."""
        return BUILT_IN

    def role(self, role_id: str) -> Role | None:
        """The role definition of that GUID."""
        return next((role for role in BUILT_IN if role.id == role_id.lower()), None)

    def role_named(self, name: str) -> Role | None:
        """The role definition of that name; the name ignores case."""
        return next((role for role in BUILT_IN if role.name.lower() == name.lower()), None)

    def allowed(self, principal: Principal, action: str, scope: str, *, data: bool = False) -> bool:
        """Whether a principal may do that there.

        An action is allowed if one of the principal's roles, held at the scope or above it, lists it under actions and
        not under notActions (Microsoft: "How Azure RBAC determines if a user has access"). data: a data action.
        """
        if principal.kind == "operator":
            return True
        if principal.kind == "admin":
            return is_within(scope, principal.registry) and _matches(action, _ADMIN_ACTIONS)
        return any(
            self._allows(held, action, scope, data=data) and self._has_effect(held)
            for held in self.held_by(principal.object_id)
        )

    def any_at(self, principal: Principal, scope: str) -> bool:
        """Whether a principal has some role there or above, whatever it allows."""
        held = self.held_by(principal.object_id)
        return any(is_within(scope, one.scope) and self._has_effect(one) for one in held)

    def awaited(self, principal: Principal, action: str, scope: str, *, data: bool = False) -> Assignment | None:
        """An assignment of a principal that will allow that, but has no effect yet."""
        held = self.waiting(principal.object_id)
        return next((one for one in held if self._allows(one, action, scope, data=data)), None)

    def waiting(self, principal: str = "") -> list[Assignment]:
        """The assignments (of one principal) that have no effect yet."""
        if not self._faults:
            return []
        held = self.held_by(principal) if principal else self.assignments()
        return [one for one in held if not self._has_effect(one)]

    def effective(self, assignment: Assignment) -> float:
        """When an assignment has its effect: at once, but for a `role-delay`. Seconds since 1970."""
        return self._faults.due("role-delay", assignment.created) if self._faults else assignment.created

    def _has_effect(self, assignment: Assignment) -> bool:
        return not self._faults or self.effective(assignment) <= self._clock.now()

    def _allows(self, assignment: Assignment, action: str, scope: str, *, data: bool) -> bool:
        role = self.role(assignment.role) if is_within(scope, assignment.scope) else None
        if role is None:
            return False
        given, taken = (role.data_actions, role.not_data_actions) if data else (role.actions, role.not_actions)
        return _matches(action, given) and not _matches(action, taken)

    def assign(
        self,
        principal: str,
        role: str,
        scope: str,
        *,
        name: str = "",
        principal_type: str = "User",
        description: str | None = None,
        by: str = "",
    ) -> Assignment:
        """Give a role (by its GUID). name: the assignment's GUID, a new one if "". Raises Refusal as Azure does.

        In place of the same one that does not count as long as `fewer-roles` is set.
        """
        name = name or str(uuid.uuid4())
        scope = scope.rstrip("/") or "/"
        there = self.assignment(name)
        if there is not None and (there.principal, there.scope.lower()) != (principal, scope.lower()):
            raise Refusal(
                400,
                "RoleAssignmentUpdateNotPermitted",
                "Tenant ID, application ID, principal ID, and scope are not allowed to be updated.",
            )
        counting = {held.name for held in self.held_by(principal)}
        hidden = []
        for held in self.kept_by(principal):
            if held.scope.lower() == scope.lower() and held.role == role and held.name.lower() != name.lower():
                if held.name not in counting:
                    hidden.append(held.name)
                    continue
                conflict = held.name.replace("-", "")
                raise Refusal(
                    409,
                    "RoleAssignmentExists",
                    f"The role assignment already exists. The ID of the conflicting role assignment is {conflict}.",
                )
        now = self._clock.now()
        created, author = (now, by) if there is None else (there.created, there.created_by)
        with self._store.write() as db:
            db.executemany("DELETE FROM role_assignments WHERE name = ?", [(one,) for one in hidden])
            db.execute(
                "INSERT OR REPLACE INTO role_assignments VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (name, scope, role, principal, principal_type, description, created, author, now, by),
            )
        made = self.assignment(name)
        assert made is not None
        return made

    def renew(self, assignment: Assignment) -> None:
        """Have it given now."""
        with self._store.write() as db:
            db.execute("UPDATE role_assignments SET created = ? WHERE name = ?", (self._clock.now(), assignment.name))

    def assignment(self, name: str) -> Assignment | None:
        """The assignment of that GUID."""
        row = self._store.row("SELECT * FROM role_assignments WHERE name = ?", name)
        return None if row is None else _assignment(row)

    def assignments(self) -> list[Assignment]:
        """All that count now, the oldest first."""
        return self._counting(self._all())

    def held_by(self, principal: str) -> list[Assignment]:
        """Those of one principal that count now."""
        return self._counting(self.kept_by(principal))

    def kept_by(self, principal: str) -> list[Assignment]:
        """Those of one principal, also where they do not count as long as `fewer-roles` is set."""
        rows = self._store.rows("SELECT * FROM role_assignments WHERE principal = ? ORDER BY created, name", principal)
        return [_assignment(row) for row in rows]

    def _all(self) -> list[Assignment]:
        return [_assignment(row) for row in self._store.rows("SELECT * FROM role_assignments ORDER BY created, name")]

    def _counting(self, kept: list[Assignment]) -> list[Assignment]:
        """With `fewer-roles`, users have its roles where they have one in the subscription, instead of what they were
        given before. Nothing of what is kept changes."""
        fault = self._faults.active("fewer-roles") if self._faults else None
        if fault is None:
            return kept
        found = []
        for held in kept:
            if held.principal_type != "User" or held.created >= fault.since:
                found.append(held)
            elif held.scope.count("/") <= _SUBSCRIPTION_SLASHES:
                known = (self.role_named(name) for name in fault.roles)
                found += [replace(held, name=_instead(held, role), role=role.id) for role in known if role is not None]
        return found

    def remove(self, assignment: Assignment) -> None:
        """Take a role away."""
        with self._store.write() as db:
            db.execute("DELETE FROM role_assignments WHERE name = ?", (assignment.name,))

    def forget(self, scope: str) -> None:
        """Take away what was given at a scope that is no more, and below it."""
        for assignment in self._all():
            if is_within(assignment.scope, scope):
                self.remove(assignment)

    def inventory(self) -> Iterator[tuple[str, str, str]]:
        """("role-assignment", "ROLE of PRINCIPAL at SCOPE", GUID)."""
        for assignment in self._all():
            role = self.role(assignment.role)
            label = role.name if role is not None else assignment.role
            yield "role-assignment", f"{label} of {assignment.principal} at {assignment.scope}", assignment.name


def is_within(scope: str, above: str) -> bool:
    """Whether a scope is `above`, or below it. Scopes end at the slashes of a resource id and ignore case."""
    inner, outer = f"{scope.rstrip('/').lower()}/", f"{above.rstrip('/').lower()}/"
    return inner.startswith(outer)


def _matches(action: str, patterns: Iterable[str]) -> bool:
    return any(_expression(pattern).fullmatch(action) for pattern in patterns)


@lru_cache(maxsize=1024)
def _expression(pattern: str) -> re.Pattern[str]:
    return re.compile(".*".join(re.escape(part) for part in pattern.split("*")), re.IGNORECASE)


def _instead(held: Assignment, role: Role) -> str:
    return str(uuid.uuid5(uuid.UUID(held.name), role.id))


def _assignment(row: Row) -> Assignment:
    return Assignment(
        name=row["name"],
        scope=row["scope"],
        role=row["role"],
        principal=row["principal"],
        principal_type=row["principal_type"],
        description=row["description"],
        created=row["created"],
        created_by=row["created_by"],
        updated=row["updated"],
        updated_by=row["updated_by"],
    )
