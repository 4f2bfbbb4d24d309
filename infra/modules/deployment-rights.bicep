// The rights to run this template at the subscription and, outside of production, to purge what was
// deleted; nothing else there. Rights on resources are in access.bicep, on the resource group.
targetScope = 'subscription'

@description('Required. Name of the environment.')
@maxLength(10)
param environmentName string

@description('Required. Principal of the pipeline.')
param principalId string

@description('Required. Whether the pipeline may delete the environment, and free its names.')
param mayTearDown bool

var subscriptionId = subscription().id
var deployActions = [
  'Microsoft.Resources/deployments/*'
  'Microsoft.Resources/subscriptions/resourceGroups/read'
  'Microsoft.Resources/subscriptions/resourceGroups/write'
  'Microsoft.Authorization/roleDefinitions/read'
  'Microsoft.Authorization/roleAssignments/read'
  // Whether the vault of the environment was deleted.
  'Microsoft.KeyVault/deletedVaults/read'
]
// What is deleted keeps its name until it is purged, which is an action on the subscription.
var tearDownActions = [
  'Microsoft.Resources/subscriptions/operationresults/read'
  'Microsoft.CognitiveServices/deletedAccounts/read'
  'Microsoft.CognitiveServices/locations/operationResults/read'
  'Microsoft.CognitiveServices/locations/resourceGroups/deletedAccounts/read'
  'Microsoft.CognitiveServices/locations/resourceGroups/deletedAccounts/delete'
  'Microsoft.ApiManagement/deletedservices/read'
  'Microsoft.ApiManagement/locations/deletedservices/read'
  'Microsoft.ApiManagement/locations/deletedservices/delete'
]

resource deployer 'Microsoft.Authorization/roleDefinitions@2022-04-01' = {
  name: guid(subscriptionId, 'zava-deployer', environmentName)
  properties: {
    // Unique in the directory, also if another subscription has an environment of this name.
    roleName: 'Zava deployer ${environmentName} ${uniqueString(subscriptionId)}'
    description: 'Starts deployments, creates resource groups and, outside of production, purges what was deleted.'
    type: 'CustomRole'
    assignableScopes: [
      subscriptionId
    ]
    permissions: [
      {
        actions: concat(deployActions, mayTearDown ? tearDownActions : [])
        notActions: []
      }
    ]
  }
}

resource pipelineStartsDeployments 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(subscriptionId, principalId, deployer.id)
  properties: {
    principalId: principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: deployer.id
    description: 'The template is deployed at the subscription.'
  }
}
