"""Microsoft Entra ID: signing in, and the tokens that come of it."""

from labrunner.emulator.entra import documents, grants, pages
from labrunner.emulator.entra.problems import render
from labrunner.emulator.routing import Call, Operation, Service

__all__ = ["SERVICE"]

_LEARN = "Microsoft Learn, identity platform: "


async def _admit(call: Call) -> None:
    """Nobody asks: every operation is open, for this is where credentials come from."""


SERVICE = Service(
    name="entra",
    title="Microsoft Entra ID",
    hosts=("login.microsoftonline.com",),
    ignore_case=True,
    admit=_admit,
    render=render,
    operations=(
        Operation(
            name="InstanceDiscovery",
            method="GET",
            path="/{tenant}/discovery/instance",
            handler=documents.instance,
            source="MSAL for Python 1.35, authority.py and application.py (what it asks and reads)",
            differs="One cloud: other clouds' hosts are unknown instances.",
            open=True,
        ),
        Operation(
            name="OpenIdConfiguration",
            method="GET",
            path="/{tenant}/v2.0/.well-known/openid-configuration",
            handler=documents.configuration,
            source="OpenID Connect Discovery 1.0, 3; " + _LEARN + "OpenID Connect on the identity platform",
            differs="Names only what is here: response type `code`, HS256, client secrets.",
            open=True,
        ),
        Operation(
            name="OpenIdConfigurationV1",
            method="GET",
            path="/{tenant}/.well-known/openid-configuration",
            handler=documents.configuration_v1,
            source="OpenID Connect Discovery 1.0, 4",
            differs="Names the endpoints of version 2.0; those of version 1.0 are not here.",
            open=True,
        ),
        Operation(
            name="SigningKeys",
            method="GET",
            path="/{tenant}/discovery/v2.0/keys",
            handler=documents.keys,
            source="RFC 7517, 5",
            differs="Always empty: tokens are signed with HS256, and that key is no one else's.",
            open=True,
        ),
        Operation(
            name="UserRealm",
            method="GET",
            path="/common/userrealm/{user}",
            handler=documents.user_realm,
            source="MSAL for Python 1.35, authority.py (user_realm_discovery)",
            differs="Tells the tenant's own domain from all others; no federation.",
            open=True,
        ),
        Operation(
            name="Token",
            method="POST",
            path="/{tenant}/oauth2/v2.0/token",
            handler=grants.token,
            source="RFC 6749, 3.2; RFC 8628, 3.4; " + _LEARN + "client credentials, device code, authorization code",
            differs="Grants: client_credentials with a secret, device_code, authorization_code, refresh_token. "
            "Passwords are refused, as are certificates. Resources: Azure Resource Manager, Microsoft Graph and "
            "Azure Container Registry. Refresh tokens live 90 days. No conditional access, no consent.",
            open=True,
        ),
        Operation(
            name="DeviceCode",
            method="POST",
            path="/{tenant}/oauth2/v2.0/devicecode",
            handler=grants.device_code,
            source="RFC 8628, 3.1 and 3.2; " + _LEARN + "device authorization grant",
            differs="`interval` is 1 second, not 5; `verification_uri` is the local stand-in's own page.",
            open=True,
        ),
        Operation(
            name="Authorize",
            method="GET",
            path="/{tenant}/oauth2/v2.0/authorize",
            handler=pages.authorize,
            source="RFC 6749, 4.1.1; RFC 7636; " + _LEARN + "authorization code flow",
            differs="A page with one button and no password; redirects to this machine (loopback) only.",
            open=True,
        ),
        Operation(
            name="ContinueSignIn",
            method="POST",
            path=pages.CONTINUE,
            handler=pages.sign_in,
            source="labrunner's own: what the button of the page above does",
            differs="Entra has no such address.",
            open=True,
        ),
        Operation(
            name="DeviceAuthPage",
            method="GET",
            path="/common/oauth2/deviceauth",
            handler=pages.device_page,
            source=_LEARN + "device authorization grant (`verification_uri`)",
            differs="A form for the code, with one button and no password.",
            open=True,
        ),
        Operation(
            name="DeviceAuth",
            method="POST",
            path="/common/oauth2/deviceauth",
            handler=pages.device_page_done,
            source="labrunner's own: what that form does",
            differs="Whoever enters the code signs in as the sandbox's user.",
            open=True,
        ),
    ),
)
