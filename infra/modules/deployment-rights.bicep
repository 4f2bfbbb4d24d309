// The right to run this template at the subscription, and nothing else there. Rights on resources
// are in access.bicep, on the resource group.
targetScope = 'subscription'

@description('Required. Name of the environment.')
@maxLength(10)
param environmentName string

@description('Required. Principal of the pipeline.')
param principalId string

resource deployer 'Microsoft.Authorization/roleDefinitions@2022-04-01' = {
  name: guid(subscription().id, 'zava-deployer', environmentName)
  properties: {
    roleName: 'Zava deployer (${environmentName})'
    description: 'Starts deployments at the subscription, and creates resource groups.'
    type: 'CustomRole'
    assignableScopes: [
      subscription().id
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
  name: guid(subscription().id, principalId, deployer.id)
  properties: {
    principalId: principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: deployer.id
    description: 'The template is deployed at the subscription.'
  }
}
