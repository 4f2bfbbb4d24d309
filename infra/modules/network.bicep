// The virtual network: subnets of the hosts, private endpoints, and the names of what they lead to.

@description('Required. Region.')
param location string

@description('Required. Tags of all resources.')
param tags object

@description('Required. Name of the virtual network.')
@minLength(2)
@maxLength(64)
param name string

@description('Required. Log Analytics workspace of the diagnostics.')
param workspaceId string

var hostDelegation = 'Microsoft.App/environments'

// Only the two hosts may use the private endpoints.
var endpointRules = [
  {
    name: 'hosts'
    properties: {
      access: 'Allow'
      direction: 'Inbound'
      priority: 100
      protocol: 'Tcp'
      sourceAddressPrefixes: [
        '10.40.0.0/24'
        '10.40.2.0/23'
      ]
      sourcePortRange: '*'
      destinationAddressPrefix: '*'
      destinationPortRanges: [
        '443'
        '5432'
        '6432'
      ]
    }
  }
  {
    name: 'nothing-else'
    properties: {
      access: 'Deny'
      direction: 'Inbound'
      priority: 4000
      protocol: '*'
      sourceAddressPrefix: '*'
      sourcePortRange: '*'
      destinationAddressPrefix: '*'
      destinationPortRange: '*'
    }
  }
]

resource functionsGuard 'Microsoft.Network/networkSecurityGroups@2024-07-01' = {
  name: '${name}-functions'
  location: location
  tags: tags
  properties: {
    securityRules: []
  }
}

resource environmentGuard 'Microsoft.Network/networkSecurityGroups@2024-07-01' = {
  name: '${name}-environment'
  location: location
  tags: tags
  properties: {
    // Clients come through the public address of Container Apps, not through the subnet, where a
    // rule would neither let them in nor keep them out.
    securityRules: []
  }
}

resource endpointGuard 'Microsoft.Network/networkSecurityGroups@2024-07-01' = {
  name: '${name}-endpoints'
  location: location
  tags: tags
  properties: {
    securityRules: endpointRules
  }
}

resource virtualNetwork 'Microsoft.Network/virtualNetworks@2024-07-01' = {
  name: name
  location: location
  tags: tags
  properties: {
    addressSpace: {
      addressPrefixes: [
        '10.40.0.0/20'
      ]
    }
    // In here, because a subnet of its own would be removed and created again by each deployment.
    subnets: [
      {
        name: 'functions'
        properties: {
          addressPrefix: '10.40.0.0/24'
          networkSecurityGroup: {
            id: functionsGuard.id
          }
          delegations: [
            {
              name: 'functions'
              properties: {
                serviceName: hostDelegation
              }
            }
          ]
        }
      }
      {
        name: 'environment'
        properties: {
          addressPrefix: '10.40.2.0/23'
          networkSecurityGroup: {
            id: environmentGuard.id
          }
          delegations: [
            {
              name: 'environment'
              properties: {
                serviceName: hostDelegation
              }
            }
          ]
        }
      }
      {
        name: 'endpoints'
        properties: {
          addressPrefix: '10.40.4.0/24'
          networkSecurityGroup: {
            id: endpointGuard.id
          }
          // The rules apply to private endpoints only with this.
          privateEndpointNetworkPolicies: 'Enabled'
        }
      }
    ]
  }
}

resource functionsSubnet 'Microsoft.Network/virtualNetworks/subnets@2024-07-01' existing = {
  parent: virtualNetwork
  name: 'functions'
}

resource environmentSubnet 'Microsoft.Network/virtualNetworks/subnets@2024-07-01' existing = {
  parent: virtualNetwork
  name: 'environment'
}

resource endpointSubnet 'Microsoft.Network/virtualNetworks/subnets@2024-07-01' existing = {
  parent: virtualNetwork
  name: 'endpoints'
}

var zoneNames = [
  'privatelink.postgres.database.azure.com'
  'privatelink.vaultcore.azure.net'
  'privatelink.openai.azure.com'
  'privatelink.blob.${environment().suffixes.storage}'
]

resource zones 'Microsoft.Network/privateDnsZones@2024-06-01' = [for zoneName in zoneNames: {
  name: zoneName
  location: 'global'
  tags: tags
}]

resource zoneLinks 'Microsoft.Network/privateDnsZones/virtualNetworkLinks@2024-06-01' = [for (zoneName, index) in zoneNames: {
  parent: zones[index]
  name: name
  location: 'global'
  tags: tags
  properties: {
    registrationEnabled: false
    virtualNetwork: {
      id: virtualNetwork.id
    }
  }
}]

resource networkDiagnostics 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  name: 'logs'
  scope: virtualNetwork
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

resource functionsGuardDiagnostics 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  name: 'logs'
  scope: functionsGuard
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

resource environmentGuardDiagnostics 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  name: 'logs'
  scope: environmentGuard
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

resource endpointGuardDiagnostics 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  name: 'logs'
  scope: endpointGuard
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

@description('Subnet of the function app.')
output functionsSubnetId string = functionsSubnet.id

@description('Subnet of the Container Apps environment.')
output environmentSubnetId string = environmentSubnet.id

@description('Subnet of private endpoints.')
output endpointSubnetId string = endpointSubnet.id

@description('DNS zone of database servers.')
output databaseZoneId string = zones[0].id

@description('DNS zone of key vaults.')
output vaultZoneId string = zones[1].id

@description('DNS zone of Azure OpenAI.')
output embeddingsZoneId string = zones[2].id

@description('DNS zone of blob storage.')
output blobZoneId string = zones[3].id
