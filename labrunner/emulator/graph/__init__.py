"""Microsoft Graph: the directory's user, applications and service principals."""

from labrunner.emulator.graph import applications, objects, service_principals
from labrunner.emulator.graph.problems import render
from labrunner.emulator.graph.rights import admit
from labrunner.emulator.routing import Handler, Operation, Service

__all__ = ["SERVICE"]

_LEARN = "Microsoft Graph v1.0 reference: "
_RECORDED = "; Azure/azure-cli, role recordings"
_QUERY = "$filter knows eq, ne, in, startswith, any, and, or, not; $select, $top, $count; other options are 501."
_KEEP = "No deletedItems: what is deleted is gone."


def _operation(method: str, path: str, handler: Handler, name: str, source: str, differs: str = "") -> Operation:
    return Operation(
        name=name, method=method, path=f"/v1.0{path}", handler=handler, source=_LEARN + source, differs=differs
    )


def _holders() -> tuple[Operation, ...]:
    """Applications and service principals, each by object id and by the alternate key."""
    found: list[Operation] = []
    for one in ("{id}", "({key})"):
        key = "" if one == "{id}" else "ByAppId"
        app, principal = "/applications", "/servicePrincipals"
        app_one = f"{app}/{one}" if one == "{id}" else f"{app}{one}"
        principal_one = f"{principal}/{one}" if one == "{id}" else f"{principal}{one}"
        of_app, of_principal = f"applications.application{key}", f"servicePrincipals.servicePrincipal{key}"
        found += [
            _operation("GET", app_one, applications.get, f"{of_app}.Get", "Get application" + _RECORDED),
            _operation(
                "PATCH",
                app_one,
                applications.update,
                f"{of_app}.Update",
                "Update application",
                "Certificates (keyCredentials) are 501.",
            ),
            _operation("DELETE", app_one, applications.delete, f"{of_app}.Delete", "Delete application", _KEEP),
            _operation(
                "GET",
                f"{app_one}/owners",
                applications.owners,
                f"{of_app}.ListOwners",
                "List owners of an application",
                "Whoever made it; owners cannot be added.",
            ),
            _operation(
                "POST",
                f"{app_one}/addPassword",
                applications.add_password,
                f"{of_app}.addPassword",
                "application: addPassword" + _RECORDED,
            ),
            _operation(
                "POST",
                f"{app_one}/removePassword",
                applications.remove_password,
                f"{of_app}.removePassword",
                "application: removePassword",
            ),
            _operation(
                "GET", principal_one, service_principals.get, f"{of_principal}.Get", "Get servicePrincipal" + _RECORDED
            ),
            _operation(
                "DELETE",
                principal_one,
                service_principals.delete,
                f"{of_principal}.Delete",
                "Delete servicePrincipal",
                _KEEP,
            ),
            _operation(
                "POST",
                f"{principal_one}/addPassword",
                service_principals.add_password,
                f"{of_principal}.addPassword",
                "servicePrincipal: addPassword" + _RECORDED,
            ),
            _operation(
                "POST",
                f"{principal_one}/removePassword",
                service_principals.remove_password,
                f"{of_principal}.removePassword",
                "servicePrincipal: removePassword",
            ),
        ]
    return tuple(found)


SERVICE = Service(
    name="graph",
    title="Microsoft Graph",
    hosts=("graph.microsoft.com",),
    ignore_case=True,
    admit=admit,
    render=render,
    operations=(
        _operation("GET", "/me", objects.me, "me.user.GetUser", "Get a user; az's error for a service principal"),
        _operation("GET", "/me/ownedObjects", objects.owned, "me.ListOwnedObjects", "List ownedObjects", _QUERY),
        _operation("GET", "/users", objects.users, "users.user.ListUser", "List users" + _RECORDED, _QUERY),
        _operation(
            "GET",
            "/users/{id}",
            objects.user_get,
            "users.user.GetUser",
            "Get a user" + _RECORDED,
            "There is one user, and users cannot be made.",
        ),
        _operation(
            "GET",
            "/applications",
            applications.index,
            "applications.application.ListApplication",
            "List applications" + _RECORDED,
            _QUERY,
        ),
        _operation(
            "POST",
            "/applications",
            applications.create,
            "applications.application.CreateApplication",
            "Create application" + _RECORDED,
            "Certificates (keyCredentials) and secrets in the body are 501.",
        ),
        _operation(
            "GET",
            "/servicePrincipals",
            service_principals.index,
            "servicePrincipals.servicePrincipal.ListServicePrincipal",
            "List servicePrincipals" + _RECORDED,
            _QUERY + " Microsoft's own service principals are not there.",
        ),
        _operation(
            "POST",
            "/servicePrincipals",
            service_principals.create,
            "servicePrincipals.servicePrincipal.CreateServicePrincipal",
            "Create servicePrincipal" + _RECORDED,
            "Of this tenant's applications only; always enabled.",
        ),
        *_holders(),
        _operation(
            "POST",
            "/directoryObjects/getByIds",
            objects.by_ids,
            "directoryObjects.getByIds",
            "directoryObject: getByIds" + _RECORDED,
        ),
        _operation(
            "GET",
            "/directoryObjects/{id}",
            objects.get,
            "directoryObjects.directoryObject.GetDirectoryObject",
            "Get directoryObject",
        ),
    ),
)
