// Azure OpenAI, which computes the vectors of searches and products.

@description('Required. Region of the private endpoint.')
param location string

@description('Required. Region of the resource.')
param accountLocation string

@description('Required. Tags of all resources.')
param tags object

@description('Required. Name of the resource, and its host name.')
@minLength(2)
@maxLength(64)
param name string

@description('Required. Name of the model and of its deployment.')
@maxLength(64)
param modelName string

@description('Required. Quota of the deployment, in thousands of tokens per minute.')
@minValue(1)
@maxValue(1000)
param capacity int

@description('Required. Whether the resource has a private endpoint instead of a public one.')
param isPrivate bool

@description('Optional. Subnet of private endpoints.')
param endpointSubnetId string?

@description('Optional. DNS zone of Azure OpenAI.')
param dnsZoneId string?

@description('Required. Log Analytics workspace of the diagnostics.')
param workspaceId string

resource account 'Microsoft.CognitiveServices/accounts@2025-06-01' = {
  name: name
  location: accountLocation
  tags: tags
  kind: 'OpenAI'
  sku: {
    name: 'S0'
  }
  properties: {
    // Tokens need a host name of the resource's own.
    customSubDomainName: name
    disableLocalAuth: true
    publicNetworkAccess: isPrivate ? 'Disabled' : 'Enabled'
    networkAcls: {
      defaultAction: isPrivate ? 'Deny' : 'Allow'
    }
    // The model needs no address of ours: it may call none.
    restrictOutboundNetworkAccess: true
    allowedFqdnList: []
  }
}

resource deployment 'Microsoft.CognitiveServices/accounts/deployments@2025-06-01' = {
  parent: account
  name: modelName
  sku: {
    name: 'GlobalStandard'
    capacity: capacity
  }
  properties: {
    model: {
      format: 'OpenAI'
      name: modelName
      version: '1'
    }
    // Vectors of another version cannot be compared with the stored ones.
    versionUpgradeOption: 'NoAutoUpgrade'
  }
}

module endpoint 'private-endpoint.bicep' = if (isPrivate) {
  name: 'endpoint-embeddings'
  params: {
    location: location
    tags: tags
    targetName: name
    targetId: account.id
    groupId: 'account'
    subnetId: endpointSubnetId ?? ''
    dnsZoneId: dnsZoneId ?? ''
  }
  dependsOn: [
    deployment
  ]
}

// Without `RequestResponse` of single calls, which `allLogs` would add.
resource accountDiagnostics 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  name: 'logs'
  scope: account
  properties: {
    workspaceId: workspaceId
    logs: [
      {
        category: 'Audit'
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

@description('Name of the resource.')
output name string = account.name

@description('Endpoint of the resource.')
output endpoint string = account.properties.endpoint

@description('Name of the deployment.')
output deploymentName string = deployment.name
