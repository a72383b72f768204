"""Azure's built-in roles, as far as registries and their resource groups need them.

Source: Microsoft's reference of built-in roles (privileged, general, containers), with the true ids. Azure has some
hundred more: of other services.
"""

from dataclasses import dataclass

__all__ = ["BUILT_IN", "Role"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Role:
    """A role definition. Actions may hold `*` for any text."""

    id: str
    name: str
    description: str
    actions: tuple[str, ...] = ()
    not_actions: tuple[str, ...] = ()
    data_actions: tuple[str, ...] = ()
    not_data_actions: tuple[str, ...] = ()


_REGISTRIES = "Microsoft.ContainerRegistry/registries"


def _of(prefix: str, *actions: str) -> tuple[str, ...]:
    return tuple(f"{prefix}/{action}" for action in actions)


def _registry(*actions: str) -> tuple[str, ...]:
    return _of(_REGISTRIES, *actions)


_ALERT_RULES = _of(
    "Microsoft.Insights/AlertRules",
    *("Write", "Delete", "Read", "Activated/Action", "Resolved/Action", "Throttled/Action", "Incidents/Read"),
)
_INSIGHTS = _registry(
    "providers/Microsoft.Insights/diagnosticSettings/read",
    "providers/Microsoft.Insights/diagnosticSettings/write",
    "providers/Microsoft.Insights/logDefinitions/read",
    "providers/Microsoft.Insights/metricDefinitions/read",
)
_REPOSITORY_READ = _registry("repositories/metadata/read", "repositories/content/read")
_REPOSITORY_WRITE = _registry("repositories/metadata/write", "repositories/content/write")
_REPOSITORY_DELETE = _registry("repositories/metadata/delete", "repositories/content/delete")

_CONFIGURATION_READER = (
    "Provides permissions to list container registries and registry configuration properties. Provides permissions to "
    "list data access configuration such as admin user credentials, scope maps, and tokens, which can be used to read, "
    "write or delete repositories and images. Does not provide direct permissions to read, list, or write registry "
    "contents including repositories and images. Does not provide permissions to modify data plane content such as "
    "imports, Artifact Cache or Sync, and Transfer Pipelines. Does not provide permissions for managing Tasks."
)
_CONFIGURATION_ADMINISTRATOR = (
    "Provides permissions to create, list, and update container registries and registry configuration properties. "
    "Provides permissions to configure data access such as admin user credentials, scope maps, and tokens, which can "
    "be used to read, write or delete repositories and images. Does not provide direct permissions to read, list, or "
    "write registry contents including repositories and images. Does not provide permissions to modify data plane "
    "content such as imports, Artifact Cache or Sync, and Transfer Pipelines. Does not provide permissions for "
    "managing Tasks."
)
_IMPORTER = (
    "Provides the ability to import images into a registry through the registry import operation. Provides the ability "
    "to list repositories, view images and tags, get manifests, and pull images. Does not provide permissions for "
    "importing images through configuring registry transfer pipelines such as import and export pipelines. Does not "
    "provide permissions for importing through configuring Artifact Cache or Sync rules."
)
_TASKS = (
    "Provides permissions to configure, read, list, trigger, or cancel Container Registry Tasks, Task Runs, Task Logs, "
    "Quick Runs, Quick Builds, and Task Agent Pools. Permissions granted for Tasks management can be used for full "
    "registry data plane permissions including reading/writing/deleting container images in registries. Permissions "
    "granted for Tasks management can also be used to run customer authored build directives and run scripts to build "
    "software artifacts."
)
_PIPELINES = (
    "Provides the ability to transfer, import, and export artifacts through configuring registry transfer pipelines "
    "that involve intermediary storage accounts and key vaults. Does not provide permissions to push or pull images. "
    "Does not provide permissions to create, manage, or list storage accounts or key vaults. Does not provide "
    "permissions to perform role assignments."
)
_PREVIEW = "This role is in preview and subject to change."

BUILT_IN = (
    Role(
        id="8e3af657-a8ff-443c-a75c-2fe8c4bcb635",
        name="Owner",
        description="Grants full access to manage all resources, including the ability to assign roles in Azure RBAC.",
        actions=("*",),
    ),
    Role(
        id="b24988ac-6180-42a0-ab88-20f7382dd24c",
        name="Contributor",
        description="Grants full access to manage all resources, but does not allow you to assign roles in Azure RBAC, "
        "manage assignments in Azure Blueprints, or share image galleries.",
        actions=("*",),
        not_actions=(
            "Microsoft.Authorization/*/Delete",
            "Microsoft.Authorization/*/Write",
            "Microsoft.Authorization/elevateAccess/Action",
            "Microsoft.Blueprint/blueprintAssignments/write",
            "Microsoft.Blueprint/blueprintAssignments/delete",
            "Microsoft.Compute/galleries/share/action",
            "Microsoft.Purview/consents/write",
            "Microsoft.Purview/consents/delete",
            "Microsoft.Resources/deploymentStacks/manageDenySetting/action",
            "Microsoft.Subscription/cancel/action",
            "Microsoft.Subscription/enable/action",
        ),
    ),
    Role(
        id="acdd72a7-3385-48ef-bd42-f606fba81ae7",
        name="Reader",
        description="View all resources, but does not allow you to make any changes.",
        actions=("*/read",),
    ),
    Role(
        id="18d7d88d-d35e-4fb5-a5c3-7773c20a72d9",
        name="User Access Administrator",
        description="Lets you manage user access to Azure resources.",
        actions=("*/read", "Microsoft.Authorization/*", "Microsoft.Support/*"),
    ),
    Role(
        id="f58310d9-a9f6-439a-9e8d-f62e7b41a168",
        name="Role Based Access Control Administrator",
        description="Manage access to Azure resources by assigning roles using Azure RBAC. This role does not allow "
        "you to manage access using other ways, such as Azure Policy.",
        actions=(
            "Microsoft.Authorization/roleAssignments/write",
            "Microsoft.Authorization/roleAssignments/delete",
            "*/read",
            "Microsoft.Support/*",
        ),
    ),
    Role(
        id="c2f4ef07-c644-48eb-af81-4b1b4947fb11",
        name="AcrDelete",
        description="acr delete",
        actions=_registry("artifacts/delete"),
    ),
    Role(
        id="6cef56e8-d556-48e5-a04f-b8e64114680f",
        name="AcrImageSigner",
        description="acr image signer",
        actions=_registry("sign/write"),
        data_actions=_registry("trustedCollections/write"),
    ),
    Role(
        id="7f951dda-4ed3-4680-a7ca-43fe172d538d",
        name="AcrPull",
        description="acr pull",
        actions=_registry("pull/read"),
    ),
    Role(
        id="8311e382-0749-4cb8-b61a-304f252e45ec",
        name="AcrPush",
        description="acr push",
        actions=_registry("pull/read", "push/write"),
    ),
    Role(
        id="cdda3590-29a3-44f6-95f2-9f980659eb04",
        name="AcrQuarantineReader",
        description="acr quarantine data reader",
        actions=_registry("quarantine/read"),
        data_actions=_registry("quarantinedArtifacts/read"),
    ),
    Role(
        id="c8d4ff99-41c3-41a8-9f60-21dfdad59608",
        name="AcrQuarantineWriter",
        description="acr quarantine data writer",
        actions=_registry("quarantine/read", "quarantine/write"),
        data_actions=_registry("quarantinedArtifacts/read", "quarantinedArtifacts/write"),
    ),
    Role(
        id="df87f177-bb12-4db1-9793-a413691eff94",
        name="Container Registry Cache Rule Administrator",
        description="Create, Read, Update, and Delete Cache Rules in Container Registry. This role doesn't grant "
        "permissions to manage Credential Sets.",
        actions=_registry(
            *("cacheRules/read", "cacheRules/write", "cacheRules/delete", "cacheRules/operationStatuses/read"),
        ),
    ),
    Role(
        id="c357b964-0002-4b64-a50d-7a28f02edc52",
        name="Container Registry Cache Rule Reader",
        description="Read the configuration of Cache Rules in Container Registry. This permission doesn't grant "
        "permission to read Credential Sets.",
        actions=_registry("cacheRules/read"),
    ),
    Role(
        id="69b07be0-09bf-439a-b9a6-e73de851bd59",
        name="Container Registry Configuration Reader and Data Access Configuration Reader",
        description=_CONFIGURATION_READER,
        actions=(
            *_registry(
                "operationStatuses/read",
                "read",
                "privateEndpointConnections/read",
                "privateEndpointConnections/operationStatuses/read",
                "listCredentials/action",
                "tokens/read",
                "tokens/operationStatuses/read",
                "scopeMaps/read",
                "scopeMaps/operationStatuses/read",
                "webhooks/read",
                "webhooks/getCallbackConfig/action",
                "webhooks/listEvents/action",
                "webhooks/operationStatuses/read",
                "replications/read",
                "replications/operationStatuses/read",
                "connectedRegistries/read",
            ),
            *_INSIGHTS,
            *_ALERT_RULES,
        ),
    ),
    Role(
        id="3bc748fc-213d-45c1-8d91-9da5725539b9",
        name="Container Registry Contributor and Data Access Configuration Administrator",
        description=_CONFIGURATION_ADMINISTRATOR,
        actions=(
            "Microsoft.Resources/subscriptions/resourceGroups/read",
            *_registry(
                "operationStatuses/read",
                "read",
                "write",
                "delete",
                "listCredentials/action",
                "regenerateCredential/action",
                "generateCredentials/action",
                "replications/read",
                "replications/write",
                "replications/delete",
                "replications/operationStatuses/read",
                "privateEndpointConnectionsApproval/action",
                "privateEndpointConnections/read",
                "privateEndpointConnections/write",
                "privateEndpointConnections/delete",
                "privateEndpointConnections/operationStatuses/read",
                "tokens/read",
                "tokens/write",
                "tokens/delete",
                "tokens/operationStatuses/read",
                "scopeMaps/read",
                "scopeMaps/write",
                "scopeMaps/delete",
                "scopeMaps/operationStatuses/read",
            ),
            *_INSIGHTS,
            "Microsoft.Resources/deployments/*",
            "Microsoft.Authorization/*/read",
            *_registry(
                "connectedRegistries/read",
                "connectedRegistries/write",
                "connectedRegistries/delete",
                "connectedRegistries/deactivate/action",
                "webhooks/read",
                "webhooks/write",
                "webhooks/delete",
                "webhooks/getCallbackConfig/action",
                "webhooks/ping/action",
                "webhooks/listEvents/action",
                "webhooks/operationStatuses/read",
            ),
            *_ALERT_RULES,
            "Microsoft.ContainerRegistry/locations/operationResults/read",
            "Microsoft.Network/virtualNetworks/subnets/joinViaServiceEndpoint/action",
            "Microsoft.Network/virtualNetworks/subnets/read",
            "Microsoft.Network/virtualNetworks/subnets/write",
            "Microsoft.Network/virtualNetworks/read",
            "Microsoft.Network/privateEndpoints/privateLinkServiceProxies/write",
        ),
    ),
    Role(
        id="577a9874-89fd-4f24-9dbd-b5034d0ad23a",
        name="Container Registry Data Importer and Data Reader",
        description=_IMPORTER,
        actions=_registry("importImage/action", "read", "pull/read"),
        data_actions=_registry("repositories/content/read", "repositories/metadata/read", "catalog/read"),
    ),
    Role(
        id="bfdb9389-c9a5-478a-bb2f-ba9ca092c3c7",
        name="Container Registry Repository Catalog Lister",
        description=f"Allows for listing all repositories in an Azure Container Registry. {_PREVIEW}",
        data_actions=_registry("catalog/read"),
    ),
    Role(
        id="2efddaa5-3f1f-4df3-97df-af3f13818f4c",
        name="Container Registry Repository Contributor",
        description="Allows for read, write, and delete access to Azure Container Registry repositories, but excluding "
        f"catalog listing. {_PREVIEW}",
        data_actions=(*_REPOSITORY_READ, *_REPOSITORY_WRITE, *_REPOSITORY_DELETE),
    ),
    Role(
        id="b93aa761-3e63-49ed-ac28-beffa264f7ac",
        name="Container Registry Repository Reader",
        description="Allows for read access to Azure Container Registry repositories, but excluding catalog listing. "
        f"{_PREVIEW}",
        data_actions=_REPOSITORY_READ,
    ),
    Role(
        id="2a1e307c-b015-4ebd-883e-5b7698a07328",
        name="Container Registry Repository Writer",
        description="Allows for read and write access to Azure Container Registry repositories, but excluding catalog "
        f"listing. {_PREVIEW}",
        data_actions=(*_REPOSITORY_READ, *_REPOSITORY_WRITE),
    ),
    Role(
        id="fb382eab-e894-4461-af04-94435c366c3f",
        name="Container Registry Tasks Contributor",
        description=_TASKS,
        actions=(
            *_registry(
                "agentpools/read",
                "agentpools/write",
                "agentpools/delete",
                "agentpools/listQueueStatus/action",
                "agentpools/operationResults/status/read",
                "agentpools/operationStatuses/read",
                "tasks/read",
                "tasks/write",
                "tasks/delete",
                "tasks/listDetails/action",
                "scheduleRun/action",
                "listBuildSourceUploadUrl/action",
                "runs/read",
                "runs/write",
                "runs/listLogSasUrl/action",
                "runs/cancel/action",
                "taskruns/read",
                "taskruns/write",
                "taskruns/delete",
                "taskruns/listDetails/action",
                "taskruns/operationStatuses/read",
            ),
            "Microsoft.Resources/deployments/*",
            "Microsoft.Resources/subscriptions/resourceGroups/read",
            *_registry("read"),
        ),
    ),
    Role(
        id="bf94e731-3a51-4a7c-8c54-a1ab9971dfc1",
        name="Container Registry Transfer Pipeline Contributor",
        description=_PIPELINES,
        actions=_registry(
            "exportPipelines/read",
            "exportPipelines/write",
            "exportPipelines/delete",
            "importPipelines/read",
            "importPipelines/write",
            "importPipelines/delete",
            "pipelineRuns/read",
            "pipelineRuns/write",
            "pipelineRuns/delete",
            "pipelineRuns/operationStatuses/read",
        ),
    ),
)
