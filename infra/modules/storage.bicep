// The storage account of Functions: the package, and the host's leases.
import { StorageTier } from '../types.bicep'

@description('Required. Region.')
param location string

@description('Required. Tags of all resources.')
param tags object

@description('Required. Name of the storage account.')
@minLength(3)
@maxLength(24)
param name string

@description('Required. How often the account keeps a copy.')
param skuName StorageTier

@description('Required. Whether the account has a private endpoint instead of a public one.')
param isPrivate bool

@description('Optional. Subnet of private endpoints.')
param endpointSubnetId string?

@description('Optional. DNS zone of blob storage.')
param dnsZoneId string?

@description('Required. Log Analytics workspace of the diagnostics.')
param workspaceId string

resource account 'Microsoft.Storage/storageAccounts@2025-01-01' = {
  name: name
  location: location
  tags: tags
  kind: 'StorageV2'
  sku: {
    name: skuName
  }
  properties: {
    allowSharedKeyAccess: false
    defaultToOAuthAuthentication: true
    allowBlobPublicAccess: false
    allowCrossTenantReplication: false
    isLocalUserEnabled: false
    supportsHttpsTrafficOnly: true
    minimumTlsVersion: 'TLS1_2'
    publicNetworkAccess: isPrivate ? 'Disabled' : 'Enabled'
    networkAcls: {
      // Without a network, the host has addresses of Azure that change. Roles still guard it.
      defaultAction: isPrivate ? 'Deny' : 'Allow'
      bypass: 'AzureServices'
    }
  }
}

resource blobs 'Microsoft.Storage/storageAccounts/blobServices@2025-01-01' = {
  parent: account
  name: 'default'
  properties: {
    // An overwritten package can be restored for a week.
    deleteRetentionPolicy: {
      enabled: true
      days: 7
    }
    containerDeleteRetentionPolicy: {
      enabled: true
      days: 7
    }
  }
}

resource packages 'Microsoft.Storage/storageAccounts/blobServices/containers@2025-01-01' = {
  parent: blobs
  name: 'packages'
  properties: {
    publicAccess: 'None'
  }
}

module endpoint 'private-endpoint.bicep' = if (isPrivate) {
  name: 'endpoint-storage'
  params: {
    location: location
    tags: tags
    targetName: name
    targetId: account.id
    groupId: 'blob'
    subnetId: endpointSubnetId ?? ''
    dnsZoneId: dnsZoneId ?? ''
  }
}

resource accountDiagnostics 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  name: 'metrics'
  scope: account
  properties: {
    workspaceId: workspaceId
    metrics: [
      {
        category: 'Transaction'
        enabled: true
      }
    ]
  }
}

// Who has read and written blobs.
resource blobsDiagnostics 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  name: 'logs'
  scope: blobs
  properties: {
    workspaceId: workspaceId
    logs: [
      {
        categoryGroup: 'audit'
        enabled: true
      }
    ]
  }
}

@description('Name of the storage account.')
output name string = account.name

@description('URL of blob storage, with a slash at its end.')
output blobEndpoint string = account.properties.primaryEndpoints.blob

@description('URL of the container of packages.')
output packageContainerUrl string = '${account.properties.primaryEndpoints.blob}${packages.name}'
