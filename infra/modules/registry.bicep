// The registry of the image. Its endpoint is public, because pipelines that push to it run outside
// of the network; every access needs a token.
import { RegistryTier } from '../types.bicep'

@description('Required. Region.')
param location string

@description('Required. Tags of all resources.')
param tags object

@description('Required. Name of the registry.')
@minLength(5)
@maxLength(50)
param name string

@description('Required. Tier of the registry.')
param tier RegistryTier

@description('Required. Log Analytics workspace of the diagnostics.')
param workspaceId string

resource registry 'Microsoft.ContainerRegistry/registries@2025-04-01' = {
  name: name
  location: location
  tags: tags
  sku: {
    name: tier
  }
  properties: {
    adminUserEnabled: false
    anonymousPullEnabled: false
    publicNetworkAccess: 'Enabled'
  }
}

// Who has pushed and pulled what.
resource registryDiagnostics 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  name: 'logs'
  scope: registry
  properties: {
    workspaceId: workspaceId
    logs: [
      {
        categoryGroup: 'allLogs'
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

@description('Name of the registry.')
output name string = registry.name

@description('Host name of the registry.')
output loginServer string = registry.properties.loginServer
