// The server on Container Apps.
import { Identity, Setting } from '../types.bicep'

@description('Required. Region.')
param location string

@description('Required. Tags of all resources.')
param tags object

@description('Required. Name of the app.')
@minLength(2)
@maxLength(32)
param name string

@description('Required. Container Apps environment of the app.')
param environmentId string

@description('Required. Domain of the apps of that environment.')
param environmentDomain string

@description('Required. Host name of the registry of the environment.')
param registryServer string

@description('Required. Image of the server, by digest.')
@maxLength(512)
param image string

@description('Required. Identity of the server.')
param identity Identity

@description('Required. Settings of the server.')
param settings Setting[]

@description('Required. Name of the Application Insights resource.')
param componentName string

@description('Required. Client id of the app registration of the server.')
@maxLength(36)
param authClientId string

@description('Required. Processors of a replica.')
@maxLength(4)
param cpu string

@description('Required. Memory of a replica, in MB: a multiple of 512.')
@minValue(512)
@maxValue(8192)
param memoryMb int

@description('Required. Replicas that always run; 0 is scale to zero.')
@minValue(0)
@maxValue(20)
param minReplicas int

@description('Required. Largest number of replicas.')
@minValue(1)
@maxValue(300)
param maxReplicas int

resource component 'Microsoft.Insights/components@2020-02-02' existing = {
  name: componentName
}

var port = 8000
var url = 'https://${name}.${environmentDomain}'
var telemetryIdentity = 'Authorization=AAD;ClientId=${identity.clientId}'
var hostSettings = [
  { name: 'ZAVA_LISTEN', value: '0.0.0.0:${port}' }
  { name: 'ZAVA_PUBLIC_URL', value: url }
  { name: 'ZAVA_ENTRA_AUDIENCE', value: '${authClientId},api://${authClientId},${url}/mcp' }
  { name: 'APPLICATIONINSIGHTS_CONNECTION_STRING', value: component.properties.ConnectionString }
  { name: 'APPLICATIONINSIGHTS_AUTHENTICATION_STRING', value: telemetryIdentity }
]

resource app 'Microsoft.App/containerApps@2025-01-01' = {
  name: name
  location: location
  tags: union(tags, { 'azd-service-name': 'mcp-containerapp' })
  identity: {
    type: 'UserAssigned'
    userAssignedIdentities: {
      '${identity.id}': {}
    }
  }
  properties: {
    environmentId: environmentId
    workloadProfileName: 'Consumption'
    configuration: {
      activeRevisionsMode: 'Single'
      maxInactiveRevisions: 5
      // The server answers preflight requests itself, from ZAVA_ALLOWED_ORIGINS.
      ingress: {
        external: true
        targetPort: port
        transport: 'http'
        allowInsecure: false
        traffic: [
          {
            latestRevision: true
            weight: 100
          }
        ]
      }
      registries: [
        {
          server: registryServer
          identity: identity.id
        }
      ]
    }
    template: {
      // The server needs ten seconds at most for the requests in flight.
      terminationGracePeriodSeconds: 15
      containers: [
        {
          name: 'server'
          image: image
          args: [
            'serve'
          ]
          env: concat(settings, hostSettings)
          resources: {
            cpu: json(cpu)
            memory: '${memoryMb / 1024}.${memoryMb % 1024 == 512 ? 5 : 0}Gi'
          }
          probes: [
            {
              type: 'Startup'
              httpGet: {
                path: '/health/live'
                port: port
              }
              periodSeconds: 1
              failureThreshold: 10
            }
            {
              type: 'Liveness'
              httpGet: {
                path: '/health/live'
                port: port
              }
              periodSeconds: 10
              timeoutSeconds: 5
              failureThreshold: 3
            }
            {
              // Without a database the replica gets no requests, and is not restarted.
              type: 'Readiness'
              httpGet: {
                path: '/health/ready'
                port: port
              }
              periodSeconds: 5
              timeoutSeconds: 3
              failureThreshold: 3
            }
          ]
        }
      ]
      scale: {
        minReplicas: minReplicas
        maxReplicas: maxReplicas
        rules: [
          {
            name: 'requests'
            http: {
              metadata: {
                concurrentRequests: '50'
              }
            }
          }
        ]
      }
    }
  }
}

@description('Name of the app.')
output name string = app.name

@description('URL of the app.')
output url string = url
