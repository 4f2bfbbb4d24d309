// One environment of the server: database, embeddings, secrets, hosting, monitoring and the rights
// between them. docs/decisions/0048-azure-templates.md has the choices; docs/operations.md says
// what each alert means.
targetScope = 'subscription'

import { Hosting, PrincipalType, Profile, Setting } from 'types.bicep'

@description('Required. Name of the environment: lower-case letters and digits.')
@minLength(2)
@maxLength(10)
param environmentName string

@description('Required. Sizes, retention, redundancy and network defaults.')
param profile Profile

@description('Required. Region of all resources.')
@minLength(3)
@maxLength(30)
param location string

@description('Optional. Region of Azure OpenAI, if the other one does not have the model.')
@minLength(3)
@maxLength(30)
param embeddingsLocation string?

@description('Required. What runs the server.')
param hosting Hosting

@description('Required. Image of the server by digest, for both jobs and the container app.')
@minLength(10)
@maxLength(512)
param containerImage string

@description('Optional. Largest number of instances, if the connections of the database suffice.')
@minValue(1)
@maxValue(200)
param maxInstances int = 5

@description('Optional. Instances that always run; 0 is scale to zero.')
@minValue(0)
@maxValue(20)
param alwaysReadyInstances int = 0

@description('Optional. Private endpoints instead of public ones; prod always has them.')
param privateNetwork bool = false

@description('Optional. Read replicas of the database. The Burstable tier has none.')
@minValue(0)
@maxValue(5)
param readReplicas int = 0

@description('Optional. Connect through the PgBouncer of the database, where its tier has one.')
param usePgBouncer bool = false

@description('Optional. Origins whose pages may call the server from a browser.')
@maxLength(20)
param allowedOrigins string[] = []

@description('Optional. Further settings of the server, which this template does not set; no secrets.')
@maxLength(40)
param extraSettings Setting[] = []

@description('Optional. Recover the deleted Key Vault of this name; an error if there is none.')
param recoverVault bool = false

@description('Optional. Host of a restored database that replaces the one of this template.')
@minLength(4)
@maxLength(253)
param databaseHost string?

@description('Required. Client id of the app registration of the server.')
@minLength(36)
@maxLength(36)
param authClientId string

@description('Required. Entra tenant whose users and applications may call the server.')
@minLength(36)
@maxLength(36)
param authTenantId string

@description('Optional. Address that alerts are sent to.')
@minLength(6)
@maxLength(100)
param alertEmail string?

@description('Optional. The migration job may load the sample data: it may compute embeddings.')
param allowSampleData bool = profile != 'prod'

@description('Optional. API Management in front of the server. For hosting by Functions.')
param apiManagement bool = false

@description('Optional. Object id of the person or pipeline that deploys: it may push images.')
@minLength(36)
@maxLength(36)
param deployerPrincipalId string?

@description('Optional. What that principal is.')
param deployerPrincipalType PrincipalType = 'ServicePrincipal'

// `repo:OWNER/NAME`, or with ids `repo:OWNER@ID/NAME@ID` (docs/deploy.md).
@description('Optional. Subject of the GitHub tokens of the deploying repository, without environment.')
@minLength(8)
@maxLength(200)
param githubSubjectPrefix string?

@description('Optional. Object id of an administrator of the database for emergencies.')
@minLength(36)
@maxLength(36)
param databaseAdministratorObjectId string?

@description('Optional. Name of that administrator, as Entra ID has it.')
@minLength(1)
@maxLength(256)
param databaseAdministratorName string?

@description('Optional. What that administrator is.')
param databaseAdministratorType PrincipalType = 'Group'

// ---- Sizes ----

// Prices are in docs/deploy.md.
var sizings = {
  dev: {
    databaseSku: 'Standard_B1ms'
    databaseTier: 'Burstable'
    databaseStorageGb: 32
    databaseStandby: 'Disabled'
    backupRetentionDays: 7
    geoRedundantBackup: 'Disabled'
    pgBouncer: false
    poolSize: 5
    tenantConnections: 2
    functionMemoryMb: 512
    containerCpu: '0.25'
    containerMemoryMb: 512
    embeddingCapacity: 20
    registryTier: 'Basic'
    gatewayTier: 'BasicV2'
    storageTier: 'Standard_LRS'
    logRetentionDays: 30
    logDailyCapGb: 1
    zoneRedundant: false
    alertFrequency: 'PT15M'
    // A test from outside would keep the app from scaling to zero.
    availabilityTest: false
  }
  test: {
    databaseSku: 'Standard_D2ds_v5'
    databaseTier: 'GeneralPurpose'
    databaseStorageGb: 64
    databaseStandby: 'Disabled'
    backupRetentionDays: 14
    geoRedundantBackup: 'Disabled'
    pgBouncer: true
    poolSize: 10
    tenantConnections: 4
    functionMemoryMb: 2048
    containerCpu: '0.5'
    containerMemoryMb: 1024
    embeddingCapacity: 50
    registryTier: 'Standard'
    gatewayTier: 'BasicV2'
    storageTier: 'Standard_LRS'
    logRetentionDays: 30
    logDailyCapGb: 5
    zoneRedundant: false
    alertFrequency: 'PT5M'
    availabilityTest: true
  }
  prod: {
    databaseSku: 'Standard_D4ds_v5'
    databaseTier: 'GeneralPurpose'
    databaseStorageGb: 128
    databaseStandby: 'ZoneRedundant'
    backupRetentionDays: 35
    geoRedundantBackup: 'Enabled'
    pgBouncer: true
    poolSize: 10
    tenantConnections: 4
    functionMemoryMb: 2048
    containerCpu: '1'
    containerMemoryMb: 2048
    embeddingCapacity: 100
    registryTier: 'Standard'
    gatewayTier: 'StandardV2'
    storageTier: 'Standard_ZRS'
    logRetentionDays: 90
    logDailyCapGb: 20
    zoneRedundant: true
    alertFrequency: 'PT5M'
    availabilityTest: true
  }
}
var sizing = sizings[profile]

// Secrets and data have no public endpoint in production, whatever privateNetwork says.
var isPrivate = profile == 'prod' || privateNetwork

// ---- Connection budget: instances x pool fits into the connections of the database ----

// Defaults of Azure by size; 15 of them are the provider's.
var maxConnections = {
  Standard_B1ms: 50
  Standard_D2ds_v5: 859
  Standard_D4ds_v5: 1718
}
var reservedByAzure = 15
// The jobs, an administrator, monitoring, and instances that a roll-out replaces.
var reservedForOthers = 10
var connectionBudget = maxConnections[sizing.databaseSku] - reservedByAzure - reservedForOthers
var instanceBudget = connectionBudget / sizing.poolSize
var instances = max(1, min(maxInstances, instanceBudget))
var readyReplicas = min(alwaysReadyInstances, instances)
// Functions starts on-demand instances beside the ready ones, and at least one.
var readyInstances = min(alwaysReadyInstances, instances - 1)
var onDemandInstances = instances - readyInstances
var replicaCount = sizing.databaseTier == 'Burstable' ? 0 : readReplicas
var throughPgBouncer = usePgBouncer && sizing.pgBouncer

// ---- Names ----

var isValidName = environmentName == toLower(replace(environmentName, '-', ''))
var nameRule = 'environmentName must have lower-case letters and digits only.'
var suffix = isValidName ? environmentName : fail(nameRule)
// Makes names globally unique, and is the same in every deployment of the environment.
var token = take(uniqueString(subscription().id, environmentName, location), 8)
var names = {
  resourceGroup: 'rg-zava-${suffix}'
  workspace: 'log-zava-${suffix}'
  applicationInsights: 'appi-zava-${suffix}'
  actionGroup: 'ag-zava-${suffix}'
  actionGroupShort: take('zava${suffix}', 12)
  appIdentity: 'id-zava-app-${suffix}'
  migrationIdentity: 'id-zava-migration-${suffix}'
  indexerIdentity: 'id-zava-indexer-${suffix}'
  pipelineIdentity: 'id-zava-pipeline-${suffix}'
  virtualNetwork: 'vnet-zava-${suffix}'
  database: 'psql-zava-${suffix}-${token}'
  vault: 'kv-${suffix}-${token}'
  embeddings: 'oai-zava-${suffix}-${token}'
  registry: 'crzava${suffix}${token}'
  storage: 'stzava${suffix}${token}'
  plan: 'plan-zava-${suffix}'
  functionApp: 'func-zava-${suffix}-${token}'
  containerEnvironment: 'cae-zava-${suffix}'
  containerApp: 'ca-zava-${suffix}-${token}'
  migrationJob: 'caj-migrate-${suffix}'
  indexJob: 'caj-index-${suffix}'
  gateway: 'apim-zava-${suffix}-${token}'
  vaultEvents: 'evgt-zava-${suffix}'
  availabilityTest: 'webtest-zava-${suffix}'
}
var databaseName = 'zava'
var queryLogin = 'zava_query'
var indexerLogin = 'zava_indexer'
var embeddingModel = 'text-embedding-3-small'
var tags = {
  application: 'zava-mcp-server'
  environment: environmentName
  profile: profile
  'azd-env-name': environmentName
}

// The server answers under one host name, and Container Apps routes by the host name that the
// gateway would have to replace.
var canHaveGateway = !apiManagement || hosting == 'functions'
var withGateway = canHaveGateway ? apiManagement : fail('apiManagement needs hosting functions.')
var gatewayUrl = withGateway ? 'https://${names.gateway}.azure-api.net' : null

resource group 'Microsoft.Resources/resourceGroups@2025-04-01' = {
  name: names.resourceGroup
  location: location
  tags: tags
}

module monitoring 'modules/monitoring.bicep' = {
  name: 'monitoring'
  scope: group
  params: {
    location: location
    tags: tags
    workspaceName: names.workspace
    componentName: names.applicationInsights
    actionGroupName: names.actionGroup
    actionGroupShortName: names.actionGroupShort
    alertEmail: alertEmail
    retentionDays: sizing.logRetentionDays
    dailyCapGb: sizing.logDailyCapGb
  }
}

module identities 'modules/identities.bicep' = {
  name: 'identities'
  scope: group
  params: {
    location: location
    tags: tags
    appName: names.appIdentity
    migrationName: names.migrationIdentity
    indexerName: names.indexerIdentity
    pipelineName: names.pipelineIdentity
    githubSubjectPrefix: githubSubjectPrefix
    githubEnvironment: environmentName
  }
}

module network 'modules/network.bicep' = if (isPrivate) {
  name: 'network'
  scope: group
  params: {
    location: location
    tags: tags
    name: names.virtualNetwork
    workspaceId: monitoring.outputs.workspaceId
  }
}

module database 'modules/database.bicep' = {
  name: 'database'
  scope: group
  params: {
    location: location
    tags: tags
    name: names.database
    databaseName: databaseName
    skuName: sizing.databaseSku
    tier: sizing.databaseTier
    storageGb: sizing.databaseStorageGb
    standby: sizing.databaseStandby
    backupRetentionDays: sizing.backupRetentionDays
    geoRedundantBackup: sizing.geoRedundantBackup
    pgBouncer: sizing.pgBouncer
    replicaCount: replicaCount
    migrationIdentity: identities.outputs.migration
    administrators: databaseAdministratorObjectId == null ? [] : [breakGlassAdministrator]
    isPrivate: isPrivate
    endpointSubnetId: network.?outputs.endpointSubnetId
    dnsZoneId: network.?outputs.databaseZoneId
    workspaceId: monitoring.outputs.workspaceId
  }
}
var breakGlassAdministrator = {
  objectId: databaseAdministratorObjectId ?? ''
  name: databaseAdministratorName ?? ''
  type: databaseAdministratorType
}

module vault 'modules/vault.bicep' = {
  name: 'vault'
  scope: group
  params: {
    location: location
    tags: tags
    name: names.vault
    recover: recoverVault
    vaultEventsName: names.vaultEvents
    actionGroupId: monitoring.outputs.actionGroupId
    isPrivate: isPrivate
    endpointSubnetId: network.?outputs.endpointSubnetId
    dnsZoneId: network.?outputs.vaultZoneId
    workspaceId: monitoring.outputs.workspaceId
  }
}

module embeddings 'modules/embeddings.bicep' = {
  name: 'embeddings'
  scope: group
  params: {
    location: location
    accountLocation: embeddingsLocation ?? location
    tags: tags
    name: names.embeddings
    modelName: embeddingModel
    capacity: sizing.embeddingCapacity
    isPrivate: isPrivate
    endpointSubnetId: network.?outputs.endpointSubnetId
    dnsZoneId: network.?outputs.embeddingsZoneId
    workspaceId: monitoring.outputs.workspaceId
  }
}

module registry 'modules/registry.bicep' = {
  name: 'registry'
  scope: group
  params: {
    location: location
    tags: tags
    name: names.registry
    tier: sizing.registryTier
    workspaceId: monitoring.outputs.workspaceId
  }
}

module storage 'modules/storage.bicep' = if (hosting == 'functions') {
  name: 'storage'
  scope: group
  params: {
    location: location
    tags: tags
    name: names.storage
    skuName: sizing.storageTier
    isPrivate: isPrivate
    endpointSubnetId: network.?outputs.endpointSubnetId
    dnsZoneId: network.?outputs.blobZoneId
    workspaceId: monitoring.outputs.workspaceId
  }
}

module access 'modules/access.bicep' = {
  name: 'access'
  scope: group
  params: {
    vaultName: vault.outputs.name
    embeddingsName: embeddings.outputs.name
    registryName: registry.outputs.name
    componentName: monitoring.outputs.componentName
    storageName: storage.?outputs.name
    appPrincipalId: identities.outputs.app.principalId
    migrationPrincipalId: identities.outputs.migration.principalId
    indexerPrincipalId: identities.outputs.indexer.principalId
    pipelinePrincipalId: identities.outputs.?pipelinePrincipalId
    deployerPrincipalId: deployerPrincipalId
    deployerPrincipalType: deployerPrincipalType
    mayPullImage: hosting == 'containerapp'
    maySeed: allowSampleData
  }
}

// The pipeline starts deployments of this template at the subscription.
module deploymentRights 'modules/deployment-rights.bicep' = if (githubSubjectPrefix != null) {
  name: 'deployment-rights-${suffix}'
  params: {
    environmentName: suffix
    principalId: identities.outputs.?pipelinePrincipalId ?? ''
    mayTearDown: profile != 'prod'
  }
}

// ---- Settings of the processes; docs/settings.md explains each ----

var signingKey = '@Microsoft.KeyVault(SecretUri=${vault.outputs.uri}secrets/zava-signing-key)'
var databaseSettings = [
  { name: 'POSTGRES_DB_HOST', value: databaseHost ?? database.outputs.host }
  { name: 'POSTGRES_DB', value: databaseName }
  { name: 'POSTGRES_AUTH', value: 'entra' }
  { name: 'ZAVA_AZURE_CREDENTIAL', value: 'managed-identity' }
]
var embeddingSettings = [
  { name: 'AZURE_OPENAI_ENDPOINT', value: embeddings.outputs.endpoint }
  { name: 'EMBEDDING_MODEL_DEPLOYMENT_NAME', value: embeddings.outputs.deploymentName }
]
var replicaSettings = [
  { name: 'POSTGRES_READ_HOSTS', value: join(database.outputs.replicaHosts, ',') }
]
var poolerSettings = [
  { name: 'POSTGRES_DB_PORT', value: '6432' }
  { name: 'POSTGRES_POOL_MODE', value: 'transaction' }
]
var originSettings = [
  { name: 'ZAVA_ALLOWED_ORIGINS', value: join(allowedOrigins, ',') }
]
var serverOnlySettings = [
  { name: 'AZURE_CLIENT_ID', value: identities.outputs.app.clientId }
  { name: 'POSTGRES_USER', value: queryLogin }
  { name: 'ZAVA_SIGNING_KEY', value: signingKey }
  { name: 'ZAVA_AUTH', value: 'entra' }
  { name: 'ZAVA_ENTRA_TENANT_ID', value: authTenantId }
  { name: 'ZAVA_MAX_CONNECTIONS', value: string(sizing.poolSize) }
  { name: 'ZAVA_TENANT_CONNECTIONS', value: string(sizing.tenantConnections) }
]
// The replicas follow the primary of this template, not a restored database.
var hasUsableReplicas = replicaCount > 0 && databaseHost == null
var optionalSettings = concat(
  hasUsableReplicas ? replicaSettings : [],
  throughPgBouncer ? poolerSettings : [],
  empty(allowedOrigins) ? [] : originSettings
)
var serverSettings = concat(
  databaseSettings,
  embeddingSettings,
  serverOnlySettings,
  optionalSettings,
  extraSettings
)
var migrationOnlySettings = [
  { name: 'AZURE_CLIENT_ID', value: identities.outputs.migration.clientId }
  { name: 'POSTGRES_ADMIN_USER', value: identities.outputs.migration.name }
  { name: 'POSTGRES_USER', value: queryLogin }
  { name: 'POSTGRES_ENTRA_OBJECT_ID', value: identities.outputs.app.principalId }
  { name: 'POSTGRES_INDEXER_USER', value: indexerLogin }
  { name: 'POSTGRES_INDEXER_ENTRA_OBJECT_ID', value: identities.outputs.indexer.principalId }
  { name: 'ZAVA_SIGNING_KEY', value: signingKey }
]
var migrationSettings = concat(
  databaseSettings,
  migrationOnlySettings,
  allowSampleData ? embeddingSettings : []
)
var indexerOnlySettings = [
  { name: 'AZURE_CLIENT_ID', value: identities.outputs.indexer.clientId }
  { name: 'POSTGRES_INDEXER_USER', value: indexerLogin }
]
var indexerSettings = concat(databaseSettings, embeddingSettings, indexerOnlySettings)

// ---- Hosting ----

module containerEnvironment 'modules/container-environment.bicep' = {
  name: 'container-environment'
  scope: group
  params: {
    location: location
    tags: tags
    name: names.containerEnvironment
    subnetId: network.?outputs.environmentSubnetId
    zoneRedundant: sizing.zoneRedundant
    workspaceId: monitoring.outputs.workspaceId
  }
}

module jobs 'modules/jobs.bicep' = {
  name: 'jobs'
  scope: group
  params: {
    location: location
    tags: tags
    environmentId: containerEnvironment.outputs.id
    registryServer: registry.outputs.loginServer
    image: containerImage
    migrationName: names.migrationJob
    migrationIdentity: identities.outputs.migration
    migrationSettings: migrationSettings
    indexName: names.indexJob
    indexerIdentity: identities.outputs.indexer
    indexerSettings: indexerSettings
  }
  dependsOn: [
    access
  ]
}

module functions 'modules/functions.bicep' = if (hosting == 'functions') {
  name: 'functions'
  scope: group
  params: {
    location: location
    tags: tags
    planName: names.plan
    name: names.functionApp
    identity: identities.outputs.app
    packageContainerUrl: storage.?outputs.packageContainerUrl ?? ''
    blobEndpoint: storage.?outputs.blobEndpoint ?? ''
    settings: serverSettings
    componentName: monitoring.outputs.componentName
    authClientId: authClientId
    gatewayUrl: gatewayUrl
    allowedOrigins: allowedOrigins
    memoryMb: sizing.functionMemoryMb
    onDemandInstances: onDemandInstances
    readyInstances: readyInstances
    zoneRedundant: sizing.zoneRedundant
    subnetId: network.?outputs.functionsSubnetId
    workspaceId: monitoring.outputs.workspaceId
  }
  dependsOn: [
    access
  ]
}

module containerApp 'modules/container-app.bicep' = if (hosting == 'containerapp') {
  name: 'container-app'
  scope: group
  params: {
    location: location
    tags: tags
    name: names.containerApp
    environmentId: containerEnvironment.outputs.id
    environmentDomain: containerEnvironment.outputs.defaultDomain
    registryServer: registry.outputs.loginServer
    image: containerImage
    identity: identities.outputs.app
    settings: serverSettings
    componentName: monitoring.outputs.componentName
    authClientId: authClientId
    cpu: sizing.containerCpu
    memoryMb: sizing.containerMemoryMb
    minReplicas: readyReplicas
    maxReplicas: instances
  }
  dependsOn: [
    access
  ]
}

module gateway 'modules/gateway.bicep' = if (withGateway) {
  name: 'gateway'
  scope: group
  params: {
    location: location
    tags: tags
    name: names.gateway
    tier: sizing.gatewayTier
    publisherEmail: alertEmail ?? 'noreply@example.com'
    backendUrl: functions.?outputs.url ?? ''
    workspaceId: monitoring.outputs.workspaceId
  }
}

var serverUrl = gatewayUrl ?? functions.?outputs.url ?? containerApp.?outputs.url ?? ''

module alerts 'modules/alerts.bicep' = {
  name: 'alerts'
  scope: group
  params: {
    location: location
    tags: tags
    environmentName: suffix
    workspaceId: monitoring.outputs.workspaceId
    componentId: monitoring.outputs.componentId
    actionGroupId: monitoring.outputs.actionGroupId
    evaluationFrequency: sizing.alertFrequency
    databaseId: database.outputs.id
    hasReplicas: replicaCount > 0
    serverUrl: serverUrl
    availabilityTestName: names.availabilityTest
    availabilityTestEnabled: sizing.availabilityTest
    memoryLimitMb: hosting == 'functions' ? sizing.functionMemoryMb : sizing.containerMemoryMb
  }
}

// ---- Outputs: names, addresses and ids; no secret ----

@description('Resource group of the environment.')
output resourceGroupName string = group.name

@description('URL of the MCP endpoint.')
output mcpUrl string = '${serverUrl}/mcp'

@description('Name of the function app; empty if Container Apps host the server.')
output functionAppName string = functions.?outputs.name ?? ''

@description('Name of the container app; empty if Functions hosts the server.')
output containerAppName string = containerApp.?outputs.name ?? ''

@description('Name of the job that migrates the database.')
output migrationJobName string = jobs.outputs.migrationName

@description('Name of the job that brings the search index up to date.')
output indexJobName string = jobs.outputs.indexName

@description('Name of the container registry.')
output registryName string = registry.outputs.name

@description('Host name of the container registry.')
output registryLoginServer string = registry.outputs.loginServer

@description('Name of the Key Vault.')
output keyVaultName string = vault.outputs.name

@description('Host name of the database server that the server uses.')
output databaseHost string = databaseHost ?? database.outputs.host

@description('Name of the database.')
output databaseName string = databaseName

@description('Name of the Application Insights resource.')
output applicationInsightsName string = monitoring.outputs.componentName

@description('Storage account of the package; empty if Container Apps host the server.')
output deploymentStorageAccountName string = storage.?outputs.name ?? ''

@description('Client id of the identity of the pipeline; empty without githubSubjectPrefix.')
output pipelineClientId string = identities.outputs.?pipelineClientId ?? ''

@description('Largest number of instances that the connection budget admits.')
output instanceLimit int = instances
