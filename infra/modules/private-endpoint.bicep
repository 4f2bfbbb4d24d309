// The private address of one resource, and its name in the network.

@description('Required. Region.')
param location string

@description('Required. Tags of all resources.')
param tags object

@description('Required. Name of the resource that the endpoint leads to.')
@maxLength(64)
param targetName string

@description('Required. Resource id of that resource.')
param targetId string

@description('Required. The part of the resource that the endpoint leads to.')
@maxLength(40)
param groupId string

@description('Required. Subnet of the endpoint.')
param subnetId string

@description('Required. DNS zone in which the resource is found.')
param dnsZoneId string

resource endpoint 'Microsoft.Network/privateEndpoints@2024-07-01' = {
  name: 'pe-${targetName}'
  location: location
  tags: tags
  properties: {
    subnet: {
      id: subnetId
    }
    privateLinkServiceConnections: [
      {
        name: groupId
        properties: {
          privateLinkServiceId: targetId
          groupIds: [
            groupId
          ]
        }
      }
    ]
  }
}

resource zoneGroup 'Microsoft.Network/privateEndpoints/privateDnsZoneGroups@2024-07-01' = {
  parent: endpoint
  name: 'default'
  properties: {
    privateDnsZoneConfigs: [
      {
        name: groupId
        properties: {
          privateDnsZoneId: dnsZoneId
        }
      }
    ]
  }
}
