// API Management in front of the server. An HTTP API, not one of the type MCP, which does not pass
// prompts on. The server authenticates callers as it does without a gateway.
import { GatewayTier } from '../types.bicep'

@description('Required. Region.')
param location string

@description('Required. Tags of all resources.')
param tags object

@description('Required. Name of the gateway, and its host name.')
@minLength(1)
@maxLength(50)
param name string

@description('Required. Tier of the gateway.')
param tier GatewayTier

@description('Required. Address that Azure writes to about the gateway.')
@maxLength(100)
param publisherEmail string

@description('Required. URL of the server.')
param backendUrl string

@description('Required. Log Analytics workspace of the diagnostics.')
param workspaceId string

resource service 'Microsoft.ApiManagement/service@2024-05-01' = {
  name: name
  location: location
  tags: tags
  sku: {
    name: tier
    capacity: 1
  }
  identity: {
    type: 'SystemAssigned'
  }
  properties: {
    publisherEmail: publisherEmail
    publisherName: 'Zava'
    publicNetworkAccess: 'Enabled'
    developerPortalStatus: 'Disabled'
  }
}

resource api 'Microsoft.ApiManagement/service/apis@2024-05-01' = {
  parent: service
  name: 'mcp'
  properties: {
    displayName: 'Zava MCP server'
    // At the root, because clients ask for /.well-known/oauth-protected-resource/mcp.
    path: ''
    protocols: [
      'https'
    ]
    serviceUrl: backendUrl
    // Callers have tokens of Entra ID; a key of the gateway would be a second secret.
    subscriptionRequired: false
    apiType: 'http'
  }
}

var methods = [
  'GET'
  'HEAD'
  'POST'
  'DELETE'
  'OPTIONS'
]

resource operations 'Microsoft.ApiManagement/service/apis/operations@2024-05-01' = [for method in methods: {
  parent: api
  name: toLower(method)
  properties: {
    displayName: method
    method: method
    urlTemplate: '/*'
  }
}]

resource policy 'Microsoft.ApiManagement/service/apis/policies@2024-05-01' = {
  parent: api
  name: 'policy'
  properties: {
    format: 'rawxml'
    // Responses are passed on as they come. Rates are counted by the address of the client.
    value: '''
<policies>
  <inbound>
    <base />
    <rate-limit-by-key calls="600" renewal-period="60" counter-key="@(context.Request.IpAddress)" />
  </inbound>
  <backend>
    <forward-request timeout="220" buffer-response="false" />
  </backend>
  <outbound>
    <base />
  </outbound>
  <on-error>
    <base />
  </on-error>
</policies>
'''
  }
}

// Addresses and outcomes of calls. No part of a body is logged, which would hold responses back.
resource serviceDiagnostics 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  name: 'logs'
  scope: service
  properties: {
    workspaceId: workspaceId
    logAnalyticsDestinationType: 'Dedicated'
    logs: [
      {
        category: 'GatewayLogs'
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

@description('URL of the gateway.')
output url string = service.properties.gatewayUrl
