// The server on Azure Functions, Flex Consumption: a custom handler (docs/azure-functions.md).
import { Identity, Setting } from '../types.bicep'

@description('Required. Region.')
param location string

@description('Required. Tags of all resources.')
param tags object

@description('Required. Name of the plan.')
@maxLength(40)
param planName string

@description('Required. Name of the function app.')
@minLength(2)
@maxLength(60)
param name string

@description('Required. Identity of the server.')
param identity Identity

@description('Required. URL of the container of packages.')
param packageContainerUrl string

@description('Required. URL of blob storage.')
param blobEndpoint string

@description('Required. Settings of the server.')
param settings Setting[]

@description('Required. Name of the Application Insights resource.')
param componentName string

@description('Required. Client id of the app registration of the server.')
@maxLength(36)
param authClientId string

@description('Optional. URL of the gateway in front of the server.')
param gatewayUrl string?

@description('Required. Origins whose pages may call the server.')
param allowedOrigins string[]

@description('Required. Memory of an instance, in MB.')
@allowed([
  512
  2048
  4096
])
param memoryMb int

@description('Required. Largest number of on-demand instances, beside those that are always ready.')
@minValue(1)
@maxValue(1000)
param onDemandInstances int

@description('Required. Instances that are always ready.')
@minValue(0)
@maxValue(20)
param readyInstances int

@description('Required. Whether instances are spread over zones.')
param zoneRedundant bool

@description('Optional. Subnet through which the server calls other services.')
param subnetId string?

@description('Required. Log Analytics workspace of the diagnostics.')
param workspaceId string

resource component 'Microsoft.Insights/components@2020-02-02' existing = {
  name: componentName
}

resource plan 'Microsoft.Web/serverfarms@2024-11-01' = {
  name: planName
  location: location
  tags: tags
  kind: 'functionapp'
  sku: {
    name: 'FC1'
    tier: 'FlexConsumption'
  }
  properties: {
    reserved: true
    zoneRedundant: zoneRedundant
  }
}

var alwaysReady = [
  {
    name: 'http'
    instanceCount: readyInstances
  }
]

resource site 'Microsoft.Web/sites@2024-11-01' = {
  name: name
  location: location
  tags: union(tags, { 'azd-service-name': 'mcp-functions' })
  kind: 'functionapp,linux'
  identity: {
    type: 'UserAssigned'
    userAssignedIdentities: {
      '${identity.id}': {}
    }
  }
  properties: {
    serverFarmId: plan.id
    httpsOnly: true
    // Clients come from everywhere; the server authenticates each of them.
    publicNetworkAccess: 'Enabled'
    clientAffinityEnabled: false
    virtualNetworkSubnetId: subnetId
    // The app has no system-assigned identity, which would be the default.
    keyVaultReferenceIdentity: identity.id
    siteConfig: {
      http20Enabled: true
      minTlsVersion: '1.2'
      scmMinTlsVersion: '1.2'
      ftpsState: 'Disabled'
      remoteDebuggingEnabled: false
      cors: {
        // The same list as ZAVA_ALLOWED_ORIGINS: Azure's front end answers preflight requests.
        allowedOrigins: allowedOrigins
        supportCredentials: false
      }
    }
    functionAppConfig: {
      runtime: {
        name: 'custom'
        version: '1.0'
      }
      deployment: {
        storage: {
          type: 'blobContainer'
          value: packageContainerUrl
          authentication: {
            type: 'UserAssignedIdentity'
            userAssignedIdentityResourceId: identity.id
          }
        }
      }
      scaleAndConcurrency: {
        instanceMemoryMB: memoryMb
        maximumInstanceCount: onDemandInstances
        alwaysReady: readyInstances > 0 ? alwaysReady : []
        triggers: {
          http: {
            // One instance serves many calls at once: they wait for the database.
            perInstanceConcurrency: 50
          }
        }
      }
    }
  }
}

// Deployment by tokens of Entra ID only.
resource scmPassword 'Microsoft.Web/sites/basicPublishingCredentialsPolicies@2024-11-01' = {
  parent: site
  name: 'scm'
  properties: {
    allow: false
  }
}

resource ftpPassword 'Microsoft.Web/sites/basicPublishingCredentialsPolicies@2024-11-01' = {
  parent: site
  name: 'ftp'
  properties: {
    allow: false
  }
}

var url = 'https://${site.properties.defaultHostName}'
var publicUrl = gatewayUrl ?? url
var telemetryIdentity = 'Authorization=AAD;ClientId=${identity.clientId}'
var hostSettings = [
  { name: 'ZAVA_PUBLIC_URL', value: publicUrl }
  { name: 'ZAVA_ENTRA_AUDIENCE', value: '${authClientId},api://${authClientId},${publicUrl}/mcp' }
  { name: 'APPLICATIONINSIGHTS_CONNECTION_STRING', value: component.properties.ConnectionString }
  { name: 'APPLICATIONINSIGHTS_AUTHENTICATION_STRING', value: telemetryIdentity }
  { name: 'AzureWebJobsStorage__credential', value: 'managedidentity' }
  { name: 'AzureWebJobsStorage__clientId', value: identity.clientId }
  { name: 'AzureWebJobsStorage__blobServiceUri', value: blobEndpoint }
]

resource appSettings 'Microsoft.Web/sites/config@2024-11-01' = {
  parent: site
  name: 'appsettings'
  properties: toObject(concat(settings, hostSettings), item => item.name, item => item.value)
}

resource siteDiagnostics 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  name: 'logs'
  scope: site
  properties: {
    workspaceId: workspaceId
    logs: [
      {
        category: 'FunctionAppLogs'
        enabled: true
      }
    ]
    metrics: [
      {
        category: 'AllMetrics'
        enabled: true
      }
    ]
  }
}

@description('Name of the function app.')
output name string = site.name

@description('URL of the function app.')
output url string = url
