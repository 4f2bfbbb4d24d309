// The jobs that change the database: the migration, started by a deployment, and the upkeep of the
// search index, by the clock. Each has an identity of its own; the server has the right to neither.
import { Identity, Setting } from '../types.bicep'

@description('Required. Region.')
param location string

@description('Required. Tags of all resources.')
param tags object

@description('Required. Container Apps environment of the jobs.')
param environmentId string

@description('Required. Host name of the registry of the environment.')
param registryServer string

@description('Required. Image of the server, by digest.')
@maxLength(512)
param image string

@description('Required. Name of the migration job.')
@minLength(2)
@maxLength(32)
param migrationName string

@description('Required. Identity of the migration job.')
param migrationIdentity Identity

@description('Required. Environment variables of the migration job.')
param migrationSettings Setting[]

@description('Required. Name of the index job.')
@minLength(2)
@maxLength(32)
param indexName string

@description('Required. Identity of the index job.')
param indexerIdentity Identity

@description('Required. Environment variables of the index job.')
param indexerSettings Setting[]

// A deployment starts it. `--new-signing-key`, and `seed`, are other arguments of the same job.
resource migration 'Microsoft.App/jobs@2025-01-01' = {
  name: migrationName
  location: location
  tags: tags
  identity: {
    type: 'UserAssigned'
    userAssignedIdentities: {
      '${migrationIdentity.id}': {}
    }
  }
  properties: {
    environmentId: environmentId
    workloadProfileName: 'Consumption'
    configuration: {
      triggerType: 'Manual'
      manualTriggerConfig: {
        parallelism: 1
        replicaCompletionCount: 1
      }
      replicaTimeout: 1800
      // A failed migration is looked at before it is run again.
      replicaRetryLimit: 0
      registries: [
        {
          server: registryServer
          identity: migrationIdentity.id
        }
      ]
    }
    template: {
      containers: [
        {
          name: 'migrate'
          image: image
          args: [
            'migrate'
          ]
          env: migrationSettings
          resources: {
            cpu: json('0.5')
            memory: '1Gi'
          }
        }
      ]
    }
  }
}

resource index 'Microsoft.App/jobs@2025-01-01' = {
  name: indexName
  location: location
  tags: tags
  identity: {
    type: 'UserAssigned'
    userAssignedIdentities: {
      '${indexerIdentity.id}': {}
    }
  }
  properties: {
    environmentId: environmentId
    workloadProfileName: 'Consumption'
    configuration: {
      triggerType: 'Schedule'
      scheduleTriggerConfig: {
        cronExpression: '*/15 * * * *'
        parallelism: 1
        replicaCompletionCount: 1
      }
      // Longer than the deadline below, so that the command ends its run itself.
      replicaTimeout: 840
      // The next run continues.
      replicaRetryLimit: 0
      registries: [
        {
          server: registryServer
          identity: indexerIdentity.id
        }
      ]
    }
    template: {
      containers: [
        {
          name: 'embed'
          image: image
          args: [
            'embed'
            '--deadline'
            '12'
          ]
          env: indexerSettings
          resources: {
            cpu: json('0.25')
            memory: '0.5Gi'
          }
        }
      ]
    }
  }
}

@description('Name of the migration job.')
output migrationName string = migration.name

@description('Name of the index job.')
output indexName string = index.name
