// The right to run this template at the subscription, and nothing else there. Rights on resources
// are in access.bicep, on the resource group.
targetScope = 'subscription'

@description('Required. Name of the environment.')
@maxLength(10)
param environmentName string

@description('Required. Principal of the pipeline.')
param principalId string

var subscriptionId = subscription().id

resource deployer 'Microsoft.Authorization/roleDefinitions@2022-04-01' = {
  name: guid(subscriptionId, 'zava-deployer', environmentName)
  properties: {
    // Unique in the directory, also if another subscription has an environment of this name.
    roleName: 'Zava deployer ${environmentName} ${uniqueString(subscriptionId)}'
    description: 'Starts deployments at the subscription, and creates resource groups.'
    type: 'CustomRole'
    assignableScopes: [
      subscriptionId
    ]
    permissions: [
      {
        actions: [
          'Microsoft.Resources/deployments/*'
          'Microsoft.Resources/subscriptions/resourceGroups/read'
          'Microsoft.Resources/subscriptions/resourceGroups/write'
          'Microsoft.Authorization/roleDefinitions/read'
          'Microsoft.Authorization/roleAssignments/read'
        ]
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
