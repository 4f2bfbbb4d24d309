// The Container Apps environment: for the jobs in both hostings, and for the app in one.

@description('Required. Region.')
param location string

@description('Required. Tags of all resources.')
param tags object

@description('Required. Name of the environment.')
@minLength(2)
@maxLength(32)
param name string

@description('Optional. Subnet of the environment; fixed once created.')
param subnetId string?

@description('Required. Whether replicas are spread over zones; needs a subnet.')
param zoneRedundant bool

@description('Required. Log Analytics workspace of the logs.')
param workspaceId string

var vnetConfiguration = {
  infrastructureSubnetId: subnetId ?? ''
  internal: false
}

resource environment 'Microsoft.App/managedEnvironments@2025-01-01' = {
  name: name
  location: location
  tags: tags
  properties: {
    // By a diagnostic setting, which needs no key of the workspace.
    appLogsConfiguration: {
      destination: 'azure-monitor'
    }
    vnetConfiguration: subnetId == null ? null : vnetConfiguration
    workloadProfiles: [
      {
        name: 'Consumption'
        workloadProfileType: 'Consumption'
      }
    ]
    zoneRedundant: zoneRedundant && subnetId != null
    peerTrafficConfiguration: {
      encryption: {
        enabled: true
      }
    }
  }
}

resource environmentDiagnostics 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  name: 'logs'
  scope: environment
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

@description('Resource id of the environment.')
output id string = environment.id

@description('Domain of the apps of the environment.')
output defaultDomain string = environment.properties.defaultDomain
