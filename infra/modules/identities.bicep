// The identities of the processes. modules/access.bicep says what each may do.
import { Identity } from '../types.bicep'

@description('Required. Region.')
param location string

@description('Required. Tags of all resources.')
param tags object

@description('Required. Name of the identity of the server.')
@minLength(3)
@maxLength(128)
param appName string

@description('Required. Name of the identity of the migration job.')
@minLength(3)
@maxLength(128)
param migrationName string

@description('Required. Name of the identity of the index job.')
@minLength(3)
@maxLength(128)
param indexerName string

@description('Required. Name of the identity of the pipeline.')
@minLength(3)
@maxLength(128)
param pipelineName string

@description('Optional. Subject of the GitHub tokens of the deploying repository, without environment.')
@minLength(8)
@maxLength(200)
param githubSubjectPrefix string?

@description('Required. GitHub environment that deploys: its reviewers decide.')
@maxLength(255)
param githubEnvironment string

resource app 'Microsoft.ManagedIdentity/userAssignedIdentities@2024-11-30' = {
  name: appName
  location: location
  tags: tags
}

resource migration 'Microsoft.ManagedIdentity/userAssignedIdentities@2024-11-30' = {
  name: migrationName
  location: location
  tags: tags
}

resource indexer 'Microsoft.ManagedIdentity/userAssignedIdentities@2024-11-30' = {
  name: indexerName
  location: location
  tags: tags
}

resource pipeline 'Microsoft.ManagedIdentity/userAssignedIdentities@2024-11-30' = if (githubSubjectPrefix != null) {
  name: pipelineName
  location: location
  tags: tags
}

// GitHub's tokens for one environment of one repository; there is no secret to store.
resource githubCredential 'Microsoft.ManagedIdentity/userAssignedIdentities/federatedIdentityCredentials@2024-11-30' = if (githubSubjectPrefix != null) {
  parent: pipeline
  name: 'github'
  properties: {
    issuer: 'https://token.actions.githubusercontent.com'
    subject: '${githubSubjectPrefix ?? ''}:environment:${githubEnvironment}'
    audiences: [
      'api://AzureADTokenExchange'
    ]
  }
}

@description('Identity of the server.')
output app Identity = {
  name: app.name
  id: app.id
  clientId: app.properties.clientId
  principalId: app.properties.principalId
}

@description('Identity of the migration job: the administrator of the database.')
output migration Identity = {
  name: migration.name
  id: migration.id
  clientId: migration.properties.clientId
  principalId: migration.properties.principalId
}

@description('Identity of the index job.')
output indexer Identity = {
  name: indexer.name
  id: indexer.id
  clientId: indexer.properties.clientId
  principalId: indexer.properties.principalId
}

@description('Principal of the pipeline; absent without githubSubjectPrefix.')
output pipelinePrincipalId string? = pipeline.?properties.principalId

@description('Client id of the pipeline; absent without githubSubjectPrefix.')
output pipelineClientId string? = pipeline.?properties.clientId
