"""Role definitions and assignments."""

import re

from aiohttp import web

from labrunner.emulator.arm.filters import Condition, conditions, invalid
from labrunner.emulator.arm.requests import answer, asker, object_in, require, text_in
from labrunner.emulator.arm.shapes import assignment_json, role_json
from labrunner.emulator.refusal import Refusal
from labrunner.emulator.routing import Call, Operation
from labrunner.emulator.state.built_in_roles import Role
from labrunner.emulator.state.roles import Assignment, is_within

__all__ = ["OPERATIONS"]

_GUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_TYPES = {"user": "User", "service-principal": "ServicePrincipal"}
_ASSIGNMENTS = "Microsoft.Authorization/roleAssignments"


def _scope(call: Call) -> str:
    """The scope that the path names, "/" for the root."""
    return f"/{call.params.get('scope', '')}"


def _role(call: Call, guid: str) -> Role:
    role = call.world.roles.role(guid)
    if role is None:
        raise Refusal(
            404, "RoleDefinitionDoesNotExist", f"The specified role definition with ID '{guid}' does not exist."
        )
    return role


async def list_definitions(call: Call) -> web.StreamResponse:
    """The role definitions that can be assigned at a scope."""
    require(call, "Microsoft.Authorization/roleDefinitions/read", _scope(call))
    text = call.query.get("$filter", "")
    found = list(call.world.roles.definitions())
    for condition in conditions(text):
        match condition:
            case Condition(operator="eq", name="rolename", value=name):
                found = [role for role in found if role.name.lower() == name.lower()]
            case Condition(operator="eq", name="type", value=kind):
                found = found if kind.lower() == "builtinrole" else []
            case Condition(operator="atscopeandbelow" | "atscope", name="", value=""):
                pass
            case _:
                raise invalid(text)
    return answer(call, {"value": [role_json(call, role) for role in found]})


async def get_definition(call: Call) -> web.StreamResponse:
    """One role definition. By its id alone (without a scope) everybody may read it; that is a guess."""
    if "scope" in call.params:
        require(call, "Microsoft.Authorization/roleDefinitions/read", _scope(call))
    return answer(call, role_json(call, _role(call, call.params["role"])))


async def list_assignments(call: Call) -> web.StreamResponse:
    """The assignments at a scope, those above it that it inherits, and those below it but for `atScope()`."""
    scope = _scope(call)
    require(call, f"{_ASSIGNMENTS}/read", scope)
    text = call.query.get("$filter", "")
    found = [
        held for held in call.world.roles.assignments() if is_within(scope, held.scope) or is_within(held.scope, scope)
    ]
    for condition in conditions(text):
        match condition:
            case Condition(operator="atscope", name="", value=""):
                found = [held for held in found if is_within(scope, held.scope)]
            case Condition(operator="eq", name="principalid", value=principal):
                found = [held for held in found if held.principal.lower() == principal.lower()]
            case Condition(operator="assignedto", name="", value=principal):
                found = [held for held in found if held.principal.lower() == principal.lower()]
            case _:
                raise invalid(text)
    return answer(call, {"value": [assignment_json(call, held) for held in found]})


def _assignment(call: Call) -> Assignment | None:
    """The assignment that the path names, if it is at that scope."""
    found = call.world.roles.assignment(call.params["assignment"])
    return found if found is not None and found.scope.lower() == _scope(call).lower() else None


async def get_assignment(call: Call) -> web.StreamResponse:
    """One assignment."""
    require(call, f"{_ASSIGNMENTS}/read", _scope(call))
    found = _assignment(call)
    if found is None:
        raise Refusal(404, "RoleAssignmentNotFound", f"The role assignment '{call.params['assignment']}' is not found.")
    return answer(call, assignment_json(call, found))


async def put_assignment(call: Call) -> web.StreamResponse:
    """Give a role."""
    scope, name = _scope(call), call.params["assignment"]
    require(call, f"{_ASSIGNMENTS}/write", scope)
    if not _GUID.fullmatch(name):
        raise Refusal(
            400,
            "InvalidRoleAssignmentId",
            f"The role assignment ID '{name}' is not valid. The role assignment ID must be a GUID.",
        )
    scope = _known_scope(call, scope)
    properties = object_in(await call.json(), "properties")
    role_id = text_in(properties, "roleDefinitionId").rpartition("/")[2]
    if call.world.roles.role(role_id) is None:
        raise Refusal(
            400, "RoleDefinitionDoesNotExist", f"The specified role definition with ID '{role_id}' does not exist."
        )
    if properties.get("condition"):
        raise Refusal(501, "NotImplemented", "labrunner's local Azure has no role assignments with conditions.")
    principal, kind = _principal(call, text_in(properties, "principalId"), text_in(properties, "principalType"))
    made = call.world.roles.assign(
        principal,
        role_id.lower(),
        scope,
        name=name,
        principal_type=kind,
        description=text_in(properties, "description") or None,
        by=asker(call).object_id,
    )
    return answer(call, assignment_json(call, made, put=True), status=201)  # recorded: 201 for a change as well


def _principal(call: Call, object_id: str, given_type: str) -> tuple[str, str]:
    """A principal's id and type. Raises Refusal."""
    directory = call.world.directory
    found = directory.principal(object_id)
    if found is None or found.kind not in _TYPES:
        raise Refusal(
            400,
            "PrincipalNotFound",
            f"Principal {object_id.replace('-', '')} does not exist in the directory {directory.tenant}. Check that "
            "you have the correct principal ID. If you are creating this principal and then immediately assigning a "
            "role, this error might be related to a replication delay. In this case, set the role assignment "
            "principalType property to a value, such as ServicePrincipal, User, or Group.  See https://aka.ms/docs-principaltype",
        )
    kind = _TYPES[found.kind]
    if given_type and given_type.lower() != kind.lower():
        raise Refusal(
            400,
            "UnmatchedPrincipalType",
            f"The PrincipalId '{object_id.replace('-', '')}' has type '{kind}' , which is different from specified "
            f"PrinciaplType '{given_type}'.",  # Azure's spelling
        )
    return found.object_id, kind


def _known_scope(call: Call, scope: str) -> str:
    """The scope as the thing at it is called. Raises Refusal for one where nothing is."""
    resources = call.world.resources
    if scope.lower() == resources.subscription_scope.lower():
        return resources.subscription_scope
    registry = call.world.registries.by_id(scope)
    if registry is not None:
        return registry.id
    prefix = f"{resources.subscription_scope}/resourcegroups/".lower()
    if scope.lower().startswith(prefix):
        name, _, below = scope[len(prefix) :].partition("/")
        group = resources.group(name)
        if group is None:
            raise Refusal(404, "ResourceGroupNotFound", f"Resource group '{name}' could not be found.")
        if not below:
            return resources.group_scope(group.name)
        kind = below.removeprefix("providers/")
        raise Refusal(
            404,
            "ResourceNotFound",
            f"The Resource '{kind}' under resource group '{group.name}' was not found. For more details please go to "
            "https://aka.ms/ARMResourceNotFoundFix",
        )
    raise Refusal(404, "MissingSubscription", f"The scope '{scope}' is not in a subscription that there is.")


async def delete_assignment(call: Call) -> web.StreamResponse:
    """Take a role away; 204 if there is no such assignment."""
    require(call, f"{_ASSIGNMENTS}/delete", _scope(call))
    found = _assignment(call)
    if found is None:
        return answer(call, status=204)
    call.world.roles.remove(found)
    return answer(call, assignment_json(call, found))


_SCOPE = "/{scope:path}"
_DEFINITIONS = "/providers/Microsoft.Authorization/roleDefinitions"
_ASSIGNMENT = f"{_SCOPE}/providers/Microsoft.Authorization/roleAssignments/{{assignment}}"
_SOURCE = "azure-cli recordings (test_built_in_role_definition_scenario, test_role_assignment_create_update)"
_FILTER = "$filter: conditions joined by `and`; words of its refusal are a guess"
OPERATIONS = (
    Operation(
        name="RoleDefinitions_List",
        method="GET",
        path=f"{_SCOPE}{_DEFINITIONS}",
        handler=list_definitions,
        source=f"{_SOURCE}; Microsoft's list of built-in roles",
        differs=f"the roles that concern registries; their times are not true; {_FILTER}",
    ),
    Operation(
        name="RoleDefinitions_Get",
        method="GET",
        path=f"{_SCOPE}{_DEFINITIONS}/{{role}}",
        handler=get_definition,
        source=f"{_SOURCE}; Microsoft's list of built-in roles",
        differs="as RoleDefinitions_List",
    ),
    Operation(
        name="RoleDefinitions_GetById",
        method="GET",
        path=f"{_DEFINITIONS}/{{role}}",
        handler=get_definition,
        source=f"{_SOURCE}; Microsoft's list of built-in roles",
        differs="as RoleDefinitions_List; that everybody may read it is a guess",
    ),
    Operation(
        name="RoleAssignments_ListForScope",
        method="GET",
        path=f"{_SCOPE}/providers/Microsoft.Authorization/roleAssignments",
        handler=list_assignments,
        source=f"{_SOURCE}; Microsoft's REST reference ($filter)",
        differs=f"{_FILTER}; there are no groups, so assignedTo is principalId eq",
    ),
    Operation(
        name="RoleAssignments_Get",
        method="GET",
        path=_ASSIGNMENT,
        handler=get_assignment,
        source=f"{_SOURCE}; code and words for an unknown one are a guess",
    ),
    Operation(
        name="RoleAssignments_Create",
        method="PUT",
        path=_ASSIGNMENT,
        handler=put_assignment,
        source=f"{_SOURCE}; azure-cli issues for the refusals; words for a scope outside the subscription: guess",
        differs="takes effect at once; a principal must exist even if principalType is given; no conditions (501)",
    ),
    Operation(
        name="RoleAssignments_Delete",
        method="DELETE",
        path=_ASSIGNMENT,
        handler=delete_assignment,
        source=f"{_SOURCE}; Microsoft's REST reference (204)",
    ),
)
