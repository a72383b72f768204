"""What Entra answers when it says no, in its words.

Sources: Microsoft Learn, "Microsoft Entra authentication and authorization error codes" (numbers and meanings) and
"OAuth 2.0 error responses" (the body); the sentences as bodies of real answers quote them in public repositories'
tests and troubleshooting pages (Azure SDK recordings, MicrosoftDocs). Where none was found, the line says "guess".
"""

import re
import uuid
from datetime import UTC, datetime

from aiohttp import web

from labrunner.emulator.refusal import Refusal
from labrunner.emulator.routing import Call, json_response

__all__ = ["TITLE", "correlation_id", "problem", "render", "sentence"]

TITLE = "labrunner"
"""The tenant's display name."""

_NUMBER = re.compile(r"AADSTS(\d+)")

_SENTENCES = {
    50011: "The redirect URI '{redirect}' specified in the request does not match the redirect URIs configured for the "
    "application '{client}'. Make sure the redirect URI sent in the request matches one added to your application in "
    "the Azure portal. Navigate to https://aka.ms/redirectUriMismatchError to learn more about how to fix this.",
    50049: "Unknown or invalid instance.",
    50058: "A silent sign-in request was sent but no user is signed in.",
    50059: "No tenant-identifying information found in either the request or implied by any provided credentials.",
    54005: "OAuth2 Authorization code was already redeemed, please retry with a new valid code or use an existing "
    "refresh token.",
    70000: "Provided grant is invalid or malformed.",
    70003: "The app requested an unsupported grant type '{grant}'.",
    70008: "The provided authorization code or refresh token has expired due to inactivity. Send a new interactive "
    "authorization request for this user and resource.",
    70011: "The provided request must include a 'scope' input parameter. The provided value for the input parameter "
    "'scope' is not valid. The scope {scope} is not valid.",
    70016: "OAuth 2.0 device flow error. Authorization is pending. Continue polling.",
    70018: "Invalid verification code due to User typing in wrong user code for device code flow.",
    70020: "The provided value for the input parameter 'device_code' is not valid. This device code has expired.",
    90002: "Tenant '{tenant}' not found. Check to make sure you have the correct tenant ID and are signing into the "
    "correct cloud. Check with your subscription administrator, this may happen if there are no active subscriptions "
    "for the tenant.",
    90014: "The required field '{name}' is missing from the credential. Ensure that you have all the necessary "
    "parameters for the login request.",
    500011: "The resource principal named {resource} was not found in the tenant named {tenant}. This can happen if "
    "the application has not been installed by the administrator of the tenant or consented to by any user in the "
    "tenant. You might have sent your authentication request to the wrong tenant.",
    28000: "Provided value for the input parameter scope is not valid because it contains more than one resource. "
    "Scope {scope} is not valid.",
    501481: "The Code_Verifier does not match the code_challenge supplied in the authorization request.",
    700016: "Application with identifier '{client}' was not found in the directory '{tenant}'. This can happen if the "
    "application has not been installed by the administrator of the tenant or consented to by any user in the tenant. "
    "You may have sent your authentication request to the wrong tenant.",
    700054: "response_type '{kind}' is not enabled for the application.",
    900144: "The request body must contain the following parameter: '{name}'.",
    1002012: "The provided value for scope {scope} is not valid. Client credential flows must have a scope value with "
    "/.default suffixed to the resource identifier (application ID URI).",
    7000215: "Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, "
    "not the client secret ID, for a secret added to app '{client}'.",
    7000218: "The request body must contain the following parameter: 'client_assertion' or 'client_secret'.",
    7000222: "The provided client secret keys for app '{client}' are expired. Visit the Azure portal to create new "
    "keys for your app: https://aka.ms/NewClientSecret, or consider using certificate credentials for added security: "
    "https://aka.ms/certCreds.",
    7000229: "The client application {client} is missing service principal in the tenant {tenant}. See instructions "
    "here: https://go.microsoft.com/fwlink/?linkid=2225119",
    9002313: "Invalid request. Request is malformed or invalid.",
}


def sentence(number: int, **words: str) -> str:
    """`AADSTS<number>: ...` with its words filled in."""
    return f"AADSTS{number}: {_SENTENCES[number].format(**words)}"


def problem(error: str, number: int, *, status: int = 400, more: str = "", **words: str) -> Refusal:
    """error: the OAuth 2.0 code (RFC 6749, 5.2). more: what the local stand-in adds of its own."""
    return Refusal(status, error, sentence(number, **words) + (f" {more}" if more else ""))


def correlation_id(call: Call) -> str:
    """What the client calls its request, or a new name for it."""
    asked = call.header("client-request-id")
    try:
        return str(uuid.UUID(asked))
    except ValueError:
        return str(uuid.uuid4())


def render(refusal: Refusal, call: Call) -> web.Response:
    """An error in Entra's shape."""
    moment = datetime.fromtimestamp(call.world.clock.now(), UTC).strftime("%Y-%m-%d %H:%M:%SZ")
    trace, correlation = str(uuid.uuid4()), correlation_id(call)
    numbers = [int(number) for number in _NUMBER.findall(refusal.message)[:1]]
    body = {
        "error": refusal.code,
        "error_description": (f"{refusal.message} Trace ID: {trace} Correlation ID: {correlation} Timestamp: {moment}"),
        "error_codes": numbers,
        "timestamp": moment,
        "trace_id": trace,
        "correlation_id": correlation,
    }
    if numbers:
        body["error_uri"] = f"https://login.microsoftonline.com/error?code={numbers[0]}"
    headers = {"x-ms-request-id": trace, "Cache-Control": "no-store, no-cache", "Pragma": "no-cache"}
    return json_response(body, status=refusal.status, headers={**headers, **refusal.headers})
