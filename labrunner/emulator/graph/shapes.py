"""What Graph's v1.0 things look like.

Source: Azure/azure-cli, role recordings (test_create_for_rbac_service_management_reference of az 2.71,
test_sp_credential, test_user_scenario): every property, in that order, with its value when nobody set it.
"""

from typing import Any

from labrunner.emulator.clock import iso
from labrunner.emulator.state.directory import Application, Credential, Directory, ServicePrincipal, User

__all__ = [
    "APPLICATION_DEFAULTS",
    "APPLICATION_PROPERTIES",
    "SERVICE_PRINCIPAL_PROPERTIES",
    "USER_PROPERTIES",
    "application",
    "credential",
    "service_principal",
    "user",
]

_NO_INFO = {
    "logoUrl": None,
    "marketingUrl": None,
    "privacyStatementUrl": None,
    "supportUrl": None,
    "termsOfServiceUrl": None,
}
_NOT_VERIFIED = {"displayName": None, "verifiedPublisherId": None, "addedDateTime": None}

APPLICATION_DEFAULTS: dict[str, Any] = {
    "description": None,
    "groupMembershipClaims": None,
    "identifierUris": [],
    "isDeviceOnlyAuthSupported": None,
    "isFallbackPublicClient": None,
    "nativeAuthenticationApisEnabled": None,
    "notes": None,
    "serviceManagementReference": None,
    "signInAudience": "AzureADMyOrg",
    "tags": [],
    "optionalClaims": None,
    "api": {
        "acceptMappedClaims": None,
        "knownClientApplications": [],
        "requestedAccessTokenVersion": None,
        "oauth2PermissionScopes": [],
        "preAuthorizedApplications": [],
    },
    "appRoles": [],
    "info": _NO_INFO,
    "publicClient": {"redirectUris": []},
    "requiredResourceAccess": [],
    "web": {
        "homePageUrl": None,
        "logoutUrl": None,
        "redirectUris": [],
        "implicitGrantSettings": {"enableAccessTokenIssuance": False, "enableIdTokenIssuance": False},
        "redirectUriSettings": [],
    },
    "spa": {"redirectUris": []},
}
"""What a client may say of an application, with what is so when it does not."""

APPLICATION_PROPERTIES = {
    **dict.fromkeys(("id", "appId", "displayName", "createdDateTime", "publisherDomain", "signInAudience"), False),
    **dict.fromkeys(("description", "notes", "serviceManagementReference", "isFallbackPublicClient"), False),
    **dict.fromkeys(("identifierUris", "tags"), True),
}
SERVICE_PRINCIPAL_PROPERTIES = {
    **dict.fromkeys(("id", "appId", "displayName", "appDisplayName", "createdDateTime", "accountEnabled"), False),
    **dict.fromkeys(("appOwnerOrganizationId", "servicePrincipalType", "signInAudience", "description"), False),
    **dict.fromkeys(("servicePrincipalNames", "tags", "alternativeNames"), True),
}
USER_PROPERTIES = dict.fromkeys(("id", "userPrincipalName", "displayName", "givenName", "surname", "mail"), False)


def application(directory: Directory, found: Application) -> dict[str, Any]:
    """As microsoft.graph.application."""
    said = {**APPLICATION_DEFAULTS, **found.properties}
    return {
        "id": found.object_id,
        "deletedDateTime": None,
        "appId": found.app_id,
        "applicationTemplateId": None,
        "disabledByMicrosoftStatus": None,
        "createdDateTime": iso(found.created, digits=0),
        "displayName": found.name,
        **{name: said[name] for name in ("description", "groupMembershipClaims", "identifierUris")},
        **{name: said[name] for name in ("isDeviceOnlyAuthSupported", "isFallbackPublicClient")},
        **{name: said[name] for name in ("nativeAuthenticationApisEnabled", "notes")},
        "publisherDomain": directory.domain,
        **{name: said[name] for name in ("serviceManagementReference", "signInAudience", "tags")},
        "tokenEncryptionKeyId": None,
        "uniqueName": None,
        "samlMetadataUrl": None,
        "defaultRedirectUri": None,
        "certification": None,
        "optionalClaims": said["optionalClaims"],
        "servicePrincipalLockConfiguration": None,
        "requestSignatureVerification": None,
        "addIns": [],
        "api": said["api"],
        "appRoles": said["appRoles"],
        "info": said["info"],
        "keyCredentials": [],
        "parentalControlSettings": {"countriesBlockedForMinors": [], "legalAgeGroupRule": "Allow"},
        "passwordCredentials": [credential(secret) for secret in directory.secrets(found)],
        "publicClient": said["publicClient"],
        "requiredResourceAccess": said["requiredResourceAccess"],
        "verifiedPublisher": _NOT_VERIFIED,
        "web": said["web"],
        "spa": said["spa"],
    }


def service_principal(directory: Directory, found: ServicePrincipal) -> dict[str, Any]:
    """As microsoft.graph.servicePrincipal."""
    behind = directory.application_by_app_id(found.app_id)
    said = {**APPLICATION_DEFAULTS, **(behind.properties if behind else {})}
    return {
        "id": found.object_id,
        "deletedDateTime": None,
        "accountEnabled": found.properties.get("accountEnabled", True),
        "alternativeNames": [],
        "appDisplayName": found.name,
        "appDescription": said["description"],
        "appId": found.app_id,
        "applicationTemplateId": None,
        "appOwnerOrganizationId": directory.tenant,
        "appRoleAssignmentRequired": False,
        "createdDateTime": iso(found.created, digits=0),
        "description": None,
        "disabledByMicrosoftStatus": None,
        "displayName": found.name,
        "homepage": said["web"]["homePageUrl"],
        "loginUrl": None,
        "logoutUrl": said["web"]["logoutUrl"],
        "notes": None,
        "notificationEmailAddresses": [],
        "preferredSingleSignOnMode": None,
        "preferredTokenSigningKeyThumbprint": None,
        "replyUrls": said["web"]["redirectUris"],
        "servicePrincipalNames": [found.app_id, *said["identifierUris"]],
        "servicePrincipalType": "Application",
        "signInAudience": said["signInAudience"],
        "tags": found.properties.get("tags", []),
        "tokenEncryptionKeyId": None,
        "samlSingleSignOnSettings": None,
        "addIns": [],
        "appRoles": said["appRoles"],
        "info": said["info"],
        "keyCredentials": [],
        "oauth2PermissionScopes": said["api"]["oauth2PermissionScopes"],
        "passwordCredentials": [credential(secret) for secret in directory.secrets(found)],
        "resourceSpecificApplicationPermissions": [],
        "verifiedPublisher": _NOT_VERIFIED,
    }


def credential(found: Credential, *, text: str | None = None) -> dict[str, Any]:
    """As microsoft.graph.passwordCredential; text: the secret, the one time it is shown."""
    return {
        "customKeyIdentifier": None,
        "displayName": found.name,
        "endDateTime": iso(found.ends, digits=0),
        "hint": found.hint,
        "keyId": found.key_id,
        "secretText": text,
        "startDateTime": iso(found.starts, digits=0),
    }


def user(found: User) -> dict[str, Any]:
    """As microsoft.graph.user, with the properties that v1.0 gives when none are selected."""
    return {
        "businessPhones": [],
        "displayName": found.display_name,
        "givenName": found.given_name,
        "jobTitle": None,
        "mail": None,
        "mobilePhone": None,
        "officeLocation": None,
        "preferredLanguage": None,
        "surname": found.surname,
        "userPrincipalName": found.name,
        "id": found.object_id,
    }
