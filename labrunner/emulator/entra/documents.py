"""What a client reads of Entra before it asks for anything: where things are, and who may be asked."""

from urllib.parse import urlsplit

from aiohttp import web

from labrunner.emulator.entra.problems import problem
from labrunner.emulator.routing import Call, json_response

__all__ = ["HOST", "configuration", "configuration_v1", "instance", "keys", "tenant_of", "user_realm"]

HOST = "https://login.microsoftonline.com"
_ALIASES = ("login.microsoftonline.com", "login.windows.net", "login.microsoft.com", "sts.windows.net")
_ANY = ("common", "organizations")


def tenant_of(call: Call, *, error: str = "invalid_request") -> str:
    """The tenant that the path names: its id, "common" or "organizations". Raises Refusal."""
    named = call.params.get("tenant", "").lower()
    directory = call.world.directory
    if named in _ANY:
        return named
    if named in {directory.tenant, directory.domain}:
        return directory.tenant
    raise problem(error, 90002, tenant=call.params.get("tenant", ""))


async def instance(call: Call) -> web.StreamResponse:
    """Which hosts are one and the same cloud."""
    asked = call.query.get("authorization_endpoint", "")
    try:
        parts = urlsplit(asked)
    except ValueError as error:
        raise problem("invalid_instance", 50049) from error
    if asked and parts.netloc.lower() not in _ALIASES:
        raise problem("invalid_instance", 50049)
    tenant = parts.path.strip("/").split("/")[0] or "common"
    return json_response(
        {
            "tenant_discovery_endpoint": f"{HOST}/{tenant}/v2.0/.well-known/openid-configuration",
            "api-version": "1.1",
            "metadata": [
                {
                    "preferred_network": "login.microsoftonline.com",
                    "preferred_cache": "login.windows.net",
                    "aliases": list(_ALIASES),
                }
            ],
        }
    )


async def configuration(call: Call) -> web.StreamResponse:
    """OpenID Connect Discovery 1.0, version 2.0 of the endpoints."""
    tenant = tenant_of(call, error="invalid_tenant")
    base, issuer = f"{HOST}/{tenant}", "{tenantid}" if tenant in _ANY else tenant
    return json_response(
        {
            "token_endpoint": f"{base}/oauth2/v2.0/token",
            "token_endpoint_auth_methods_supported": ["client_secret_post", "client_secret_basic"],
            "jwks_uri": f"{base}/discovery/v2.0/keys",
            "response_modes_supported": ["query", "fragment", "form_post"],
            "subject_types_supported": ["pairwise"],
            "id_token_signing_alg_values_supported": ["HS256"],
            "response_types_supported": ["code"],
            "scopes_supported": ["openid", "profile", "email", "offline_access"],
            "issuer": f"{HOST}/{issuer}/v2.0",
            "request_uri_parameter_supported": False,
            "authorization_endpoint": f"{base}/oauth2/v2.0/authorize",
            "device_authorization_endpoint": f"{base}/oauth2/v2.0/devicecode",
            "http_logout_supported": False,
            "claims_supported": [
                "sub",
                "iss",
                "aud",
                "exp",
                "iat",
                "nonce",
                "preferred_username",
                "name",
                "tid",
                "oid",
            ],
            "tenant_region_scope": None,
            "cloud_instance_name": "microsoftonline.com",
            "cloud_graph_host_name": "graph.windows.net",
            "msgraph_host": "graph.microsoft.com",
        }
    )


async def configuration_v1(call: Call) -> web.StreamResponse:
    """The same for those who look at the old place; the endpoints are those of version 2.0."""
    return await configuration(call)


async def keys(call: Call) -> web.StreamResponse:
    """No keys: tokens are signed with one that never leaves the local Azure."""
    tenant_of(call, error="invalid_tenant")
    return json_response({"keys": []})


async def user_realm(call: Call) -> web.StreamResponse:
    """How a user signs in; MSAL asks before it would send a password."""
    name = call.params["user"]
    domain = name.rpartition("@")[2]
    if domain.lower() != call.world.directory.domain:
        return json_response({"ver": "1.0", "account_type": "Unknown", "cloud_instance_name": "microsoftonline.com"})
    return json_response(
        {
            "ver": "1.0",
            "account_type": "Managed",
            "domain_name": domain,
            "cloud_instance_name": "microsoftonline.com",
            "cloud_audience_urn": "urn:federation:MicrosoftOnline",
        }
    )
