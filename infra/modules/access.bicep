// Who may do what. Each assignment says why in its description, which the portal shows. The app's
// and the indexer's logins in the database need no role of Azure: `migrate` creates them.
import { PrincipalType } from '../types.bicep'

@description('Required. Name of the Key Vault.')
param vaultName string

@description('Required. Name of the Azure OpenAI resource.')
param embeddingsName string

@description('Required. Name of the container registry.')
param registryName string

@description('Required. Name of the Application Insights resource.')
param componentName string

@description('Optional. Name of the storage account of Functions.')
param storageName string?

@description('Required. Principal of the server.')
param appPrincipalId string

@description('Required. Principal of the migration job.')
param migrationPrincipalId string

@description('Required. Principal of the index job.')
param indexerPrincipalId string

@description('Optional. Principal of the pipeline.')
param pipelinePrincipalId string?

@description('Optional. Principal of the person or pipeline that deploys.')
param deployerPrincipalId string?

@description('Required. What that principal is.')
param deployerPrincipalType PrincipalType

@description('Required. Whether the server runs as a container.')
param mayPullImage bool

@description('Required. Whether the migration job may load the sample data.')
param maySeed bool

// Built-in roles, by the ids that are the same in every tenant.
var roles = {
  storageBlobDataOwner: 'b7e6dc6d-f1e8-4753-8033-0f276bb0955b'
  keyVaultSecretsUser: '4633458b-17de-408a-b874-0445c86b69e6'
  keyVaultSecretsOfficer: 'b86a8fe4-44ce-4948-aee5-eccb2c155cd7'
  openAiUser: '5e0bd9bd-7b93-4f28-af87-19fc36ad61bd'
  monitoringMetricsPublisher: '3913510d-42f4-4e42-8a64-420c390055eb'
  acrPull: '7f951dda-4ed3-4680-a7ca-43fe172d538d'
  acrPush: '8311e382-0749-4cb8-b61a-304f252e45ec'
  contributor: 'b24988ac-6180-42a0-ab88-20f7382dd24c'
  roleAdministrator: 'f58310d9-a9f6-439a-9e8d-f62e7b41a168'
}
var roleDefinitions = 'Microsoft.Authorization/roleDefinitions'

resource vault 'Microsoft.KeyVault/vaults@2024-11-01' existing = {
  name: vaultName
}

resource embeddings 'Microsoft.CognitiveServices/accounts@2025-06-01' existing = {
  name: embeddingsName
}

resource registry 'Microsoft.ContainerRegistry/registries@2025-04-01' existing = {
  name: registryName
}

resource component 'Microsoft.Insights/components@2020-02-02' existing = {
  name: componentName
}

resource storage 'Microsoft.Storage/storageAccounts@2025-01-01' existing = if (storageName != null) {
  name: storageName ?? 'absent'
}

// ---- The server ----

resource appReadsKey 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(vault.id, appPrincipalId, roles.keyVaultSecretsUser)
  scope: vault
  properties: {
    principalId: appPrincipalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId(roleDefinitions, roles.keyVaultSecretsUser)
    description: 'The server reads the signing key.'
  }
}

resource appEmbedsSearches 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(embeddings.id, appPrincipalId, roles.openAiUser)
  scope: embeddings
  properties: {
    principalId: appPrincipalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId(roleDefinitions, roles.openAiUser)
    description: 'The server computes the vectors of searches.'
  }
}

resource appSendsTelemetry 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(component.id, appPrincipalId, roles.monitoringMetricsPublisher)
  scope: component
  properties: {
    principalId: appPrincipalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId(roleDefinitions, roles.monitoringMetricsPublisher)
    description: 'The server and the Functions host send telemetry; keys are not accepted.'
  }
}

resource appReadsPackage 'Microsoft.Authorization/roleAssignments@2022-04-01' = if (storageName != null) {
  name: guid(storage.id, appPrincipalId, roles.storageBlobDataOwner)
  scope: storage
  properties: {
    principalId: appPrincipalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId(roleDefinitions, roles.storageBlobDataOwner)
    description: 'The Functions host reads the package, and keeps leases and its own keys.'
  }
}

resource appPullsImage 'Microsoft.Authorization/roleAssignments@2022-04-01' = if (mayPullImage) {
  name: guid(registry.id, appPrincipalId, roles.acrPull)
  scope: registry
  properties: {
    principalId: appPrincipalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId(roleDefinitions, roles.acrPull)
    description: 'Container Apps pulls the image of the server.'
  }
}

// ---- The migration job ----

resource migrationWritesKey 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(vault.id, migrationPrincipalId, roles.keyVaultSecretsOfficer)
  scope: vault
  properties: {
    principalId: migrationPrincipalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId(roleDefinitions, roles.keyVaultSecretsOfficer)
    description: 'The migration job generates the signing key, and rotates it.'
  }
}

resource migrationPullsImage 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(registry.id, migrationPrincipalId, roles.acrPull)
  scope: registry
  properties: {
    principalId: migrationPrincipalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId(roleDefinitions, roles.acrPull)
    description: 'Container Apps pulls the image of the migration job.'
  }
}

resource migrationEmbedsProducts 'Microsoft.Authorization/roleAssignments@2022-04-01' = if (maySeed) {
  name: guid(embeddings.id, migrationPrincipalId, roles.openAiUser)
  scope: embeddings
  properties: {
    principalId: migrationPrincipalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId(roleDefinitions, roles.openAiUser)
    description: 'The command seed computes the vectors of the sample products.'
  }
}

// ---- The index job ----

resource indexerEmbedsProducts 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(embeddings.id, indexerPrincipalId, roles.openAiUser)
  scope: embeddings
  properties: {
    principalId: indexerPrincipalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId(roleDefinitions, roles.openAiUser)
    description: 'The index job computes the vectors of products.'
  }
}

resource indexerPullsImage 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(registry.id, indexerPrincipalId, roles.acrPull)
  scope: registry
  properties: {
    principalId: indexerPrincipalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId(roleDefinitions, roles.acrPull)
    description: 'Container Apps pulls the image of the index job.'
  }
}

// ---- Deployment ----

// The assignments of the pipeline's own rights are made by a person, who names the repository on
// the first deployment. The pipeline leaves the name out: it may not assign these roles, and an
// incremental deployment keeps what it does not name.

resource deployerPushesImage 'Microsoft.Authorization/roleAssignments@2022-04-01' = if (deployerPrincipalId != null) {
  name: guid(registry.id, deployerPrincipalId ?? '', roles.acrPush)
  scope: registry
  properties: {
    principalId: deployerPrincipalId ?? ''
    principalType: deployerPrincipalType
    roleDefinitionId: subscriptionResourceId(roleDefinitions, roles.acrPush)
    description: 'Whoever deploys pushes the image.'
  }
}

var pipelineIsSeparate = pipelinePrincipalId != null && pipelinePrincipalId != deployerPrincipalId

resource pipelinePushesImage 'Microsoft.Authorization/roleAssignments@2022-04-01' = if (pipelineIsSeparate) {
  name: guid(registry.id, pipelinePrincipalId ?? '', roles.acrPush)
  scope: registry
  properties: {
    principalId: pipelinePrincipalId ?? ''
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId(roleDefinitions, roles.acrPush)
    description: 'The pipeline pushes the image.'
  }
}

resource pipelineDeploys 'Microsoft.Authorization/roleAssignments@2022-04-01' = if (pipelinePrincipalId != null) {
  name: guid(resourceGroup().id, pipelinePrincipalId ?? '', roles.contributor)
  properties: {
    principalId: pipelinePrincipalId ?? ''
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId(roleDefinitions, roles.contributor)
    description: 'The pipeline creates and updates the resources of this environment.'
  }
}

// What the pipeline may assign, and to whom: the roles of the three processes, to their identities.
// Not to itself, which is an application too. As Contributor it controls the processes anyway, and
// so can use what their identities may (docs/decisions/0048).
var assignableRoles = join(
  [
    roles.storageBlobDataOwner
    roles.keyVaultSecretsUser
    roles.keyVaultSecretsOfficer
    roles.openAiUser
    roles.monitoringMetricsPublisher
    roles.acrPull
  ],
  ', '
)
var processes = join([appPrincipalId, migrationPrincipalId, indexerPrincipalId], ', ')
var writesRole = 'Microsoft.Authorization/roleAssignments/write'
var deletesRole = 'Microsoft.Authorization/roleAssignments/delete'
var roleId = 'Microsoft.Authorization/roleAssignments:RoleDefinitionId'
var principalId = 'Microsoft.Authorization/roleAssignments:PrincipalId'
var isAssignable = 'ForAnyOfAnyValues:GuidEquals {${assignableRoles}}'
var isProcess = 'ForAnyOfAnyValues:GuidEquals {${processes}}'
var mayWrite = '@Request[${roleId}] ${isAssignable} AND @Request[${principalId}] ${isProcess}'
var mayDelete = '@Resource[${roleId}] ${isAssignable} AND @Resource[${principalId}] ${isProcess}'
var writeCondition = '((!(ActionMatches{\'${writesRole}\'})) OR (${mayWrite}))'
var deleteCondition = '((!(ActionMatches{\'${deletesRole}\'})) OR (${mayDelete}))'

resource pipelineAssignsRoles 'Microsoft.Authorization/roleAssignments@2022-04-01' = if (pipelinePrincipalId != null) {
  name: guid(resourceGroup().id, pipelinePrincipalId ?? '', roles.roleAdministrator)
  properties: {
    principalId: pipelinePrincipalId ?? ''
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId(roleDefinitions, roles.roleAdministrator)
    description: 'The pipeline makes the assignments of this template, and no other.'
    conditionVersion: '2.0'
    condition: '${writeCondition} AND ${deleteCondition}'
  }
}
