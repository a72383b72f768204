"""From the scopes that a client asks for to the one resource that its token is for."""

from dataclasses import dataclass

from labrunner.emulator.entra.problems import TITLE, problem

__all__ = ["GRAPH", "OPENID", "Wanted", "wanted"]

OPENID = frozenset({"openid", "profile", "email", "offline_access"})
GRAPH = "00000003-0000-0000-c000-000000000000"
_DELEGATED = {
    "arm": "user_impersonation",
    "graph": "Application.ReadWrite.All Directory.AccessAsUser.All User.Read",
    "acr": "user_impersonation",
}
"""What a user's token says that the client may do. For Graph a guess; nothing here depends on it."""

_RESOURCES = {
    "https://management.azure.com": "arm",
    "https://management.core.windows.net": "arm",
    "797f4846-ba00-4fd7-ba43-dac1f8f63013": "arm",
    "https://graph.microsoft.com": "graph",
    GRAPH: "graph",
    "https://containerregistry.azure.net": "acr",
    "6a0ec4d3-30cb-4a83-91c0-ae56bc0e3d26": "acr",
}


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a token is to be for. audience: its `aud`. granted: the answer's `scope`. delegated: a user's `scp`."""

    audience: str
    granted: str
    delegated: str
    openid: bool = False
    offline: bool = False


def wanted(text: str, *, app_only: bool = False) -> Wanted:
    """Of the `scope` parameter. Raises Refusal.

    The resource is what comes before the last slash, kept as it is: `https://management.core.windows.net//.default` is
    for `https://management.core.windows.net/` (Microsoft Learn, "Scopes and permissions", trailing slash). A scope
    without a resource is Graph's. app_only: client credentials, which take `/.default` alone.
    """
    words = text.split()
    if not words:
        raise problem("invalid_request", 90014 if app_only else 900144, name="scope")
    scopes = [word for word in words if word.lower() not in OPENID]
    for scope in scopes:
        if app_only and not scope.lower().endswith("/.default"):
            raise problem("invalid_scope", 1002012, scope=scope)
    if app_only and not scopes:
        raise problem("invalid_scope", 1002012, scope=text)
    audiences = {_resource(scope) for scope in scopes} or {GRAPH}
    if len(audiences) > 1:
        raise problem("invalid_scope", 28000, scope=text)
    (audience,) = audiences
    kind = _RESOURCES.get(audience.rstrip("/").lower())
    if kind is None:
        raise problem("invalid_resource", 500011, resource=audience, tenant=TITLE)
    delegated = _DELEGATED[kind]
    named = [f"{audience}/{name}" for name in delegated.split()]
    granted = [*named, *(scope for scope in scopes if scope not in named), *(w for w in words if w.lower() in OPENID)]
    return Wanted(
        audience=audience,
        granted=" ".join(granted),
        delegated=delegated,
        openid="openid" in words,
        offline="offline_access" in words,
    )


def _resource(scope: str) -> str:
    resource, slash, _ = scope.rpartition("/")
    return resource if slash else GRAPH
