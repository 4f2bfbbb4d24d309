// The vault of the signing key. The migration job writes it; no template and no person does.

@description('Required. Region.')
param location string

@description('Required. Tags of all resources.')
param tags object

@description('Required. Name of the vault.')
@minLength(3)
@maxLength(24)
param name string

@description('Required. Whether a deleted vault of this name is recovered instead.')
param recover bool

@description('Required. Name of the events of the vault.')
@minLength(3)
@maxLength(50)
param vaultEventsName string

@description('Required. Action group of the alert about expiring secrets.')
param actionGroupId string

@description('Required. Whether the vault has a private endpoint instead of a public one.')
param isPrivate bool

@description('Optional. Subnet of private endpoints.')
param endpointSubnetId string?

@description('Optional. DNS zone of key vaults.')
param dnsZoneId string?

@description('Required. Log Analytics workspace of the diagnostics.')
param workspaceId string

resource vault 'Microsoft.KeyVault/vaults@2024-11-01' = {
  name: name
  location: location
  tags: tags
  properties: {
    // Its name is taken for as long as a deleted vault is kept. The recovered one has the properties
    // that it had; the next deployment applies those below.
    createMode: recover ? 'recover' : 'default'
    sku: {
      family: 'A'
      name: 'standard'
    }
    tenantId: tenant().tenantId
    // Roles decide, not access policies.
    enableRbacAuthorization: true
    enableSoftDelete: true
    softDeleteRetentionInDays: 90
    // Whoever takes over a deployment cannot destroy the key for good.
    enablePurgeProtection: true
    enabledForDeployment: false
    enabledForDiskEncryption: false
    enabledForTemplateDeployment: false
    publicNetworkAccess: isPrivate ? 'Disabled' : 'Enabled'
    networkAcls: {
      // Without a network, the hosts have addresses of Azure that change. Roles still guard it.
      defaultAction: isPrivate ? 'Deny' : 'Allow'
      bypass: 'AzureServices'
    }
  }
}

module endpoint 'private-endpoint.bicep' = if (isPrivate) {
  name: 'endpoint-vault'
  params: {
    location: location
    tags: tags
    targetName: name
    targetId: vault.id
    groupId: 'vault'
    subnetId: endpointSubnetId ?? ''
    dnsZoneId: dnsZoneId ?? ''
  }
}

// Who has read or written which secret.
resource vaultDiagnostics 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  name: 'logs'
  scope: vault
  properties: {
    workspaceId: workspaceId
    logs: [
      {
        categoryGroup: 'audit'
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

resource secretEvents 'Microsoft.EventGrid/systemTopics@2025-02-15' = {
  name: vaultEventsName
  location: location
  tags: tags
  properties: {
    source: vault.id
    topicType: 'Microsoft.KeyVault.vaults'
  }
}

resource secretEventsDiagnostics 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  name: 'logs'
  scope: secretEvents
  properties: {
    workspaceId: workspaceId
    logs: [
      {
        categoryGroup: 'allLogs'
        enabled: true
      }
    ]
  }
}

// Alert "secret expiry": the vault reports a secret 30 days before its end, and at its end.
resource secretExpiry 'Microsoft.EventGrid/systemTopics/eventSubscriptions@2025-02-15' = {
  parent: secretEvents
  name: 'secret-expiry'
  properties: {
    // The only schema that alerts accept.
    eventDeliverySchema: 'CloudEventSchemaV1_0'
    filter: {
      includedEventTypes: [
        'Microsoft.KeyVault.SecretNearExpiry'
        'Microsoft.KeyVault.SecretExpired'
      ]
    }
    destination: {
      endpointType: 'MonitorAlert'
      properties: {
        severity: 'Sev2'
        description: 'secret expiry: a secret of the vault expires within 30 days.'
        actionGroups: [
          actionGroupId
        ]
      }
    }
  }
}

@description('Name of the vault.')
output name string = vault.name

@description('URL of the vault, with a slash at its end.')
output uri string = vault.properties.vaultUri
