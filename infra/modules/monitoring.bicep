// Where logs, metrics and traces go, and who is told.

@description('Required. Region.')
param location string

@description('Required. Tags of all resources.')
param tags object

@description('Required. Name of the Log Analytics workspace.')
@maxLength(63)
param workspaceName string

@description('Required. Name of the Application Insights resource.')
@maxLength(255)
param componentName string

@description('Required. Name of the action group.')
@maxLength(260)
param actionGroupName string

@description('Required. Name of the action group in messages.')
@maxLength(12)
param actionGroupShortName string

@description('Optional. Address that alerts are sent to.')
@maxLength(254)
param alertEmail string?

@description('Required. How long logs are kept, in days.')
@minValue(30)
@maxValue(730)
param retentionDays int

@description('Required. Logs of a day beyond this are not stored, in GB: a limit on the bill.')
@minValue(1)
@maxValue(500)
param dailyCapGb int

resource workspace 'Microsoft.OperationalInsights/workspaces@2025-02-01' = {
  name: workspaceName
  location: location
  tags: tags
  properties: {
    sku: {
      name: 'PerGB2018'
    }
    retentionInDays: retentionDays
    workspaceCapping: {
      dailyQuotaGb: dailyCapGb
    }
    features: {
      // Queries and agents authenticate by Entra ID, not by the workspace's keys.
      disableLocalAuth: true
      enableLogAccessUsingOnlyResourcePermissions: true
    }
    // The servers of the environment send over the public endpoint, with tokens.
    publicNetworkAccessForIngestion: 'Enabled'
    publicNetworkAccessForQuery: 'Enabled'
  }
}

// Who has queried the logs.
resource workspaceDiagnostics 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  name: 'audit'
  scope: workspace
  properties: {
    workspaceId: workspace.id
    logs: [
      {
        categoryGroup: 'audit'
        enabled: true
      }
    ]
  }
}

resource component 'Microsoft.Insights/components@2020-02-02' = {
  name: componentName
  location: location
  tags: tags
  kind: 'web'
  properties: {
    Application_Type: 'web'
    WorkspaceResourceId: workspace.id
    IngestionMode: 'LogAnalytics'
    // The connection string then is no credential: only tokens are accepted.
    DisableLocalAuth: true
    publicNetworkAccessForIngestion: 'Enabled'
    publicNetworkAccessForQuery: 'Enabled'
  }
}

var receivers = [
  {
    name: 'operator'
    emailAddress: alertEmail ?? ''
    useCommonAlertSchema: true
  }
]

resource actionGroup 'Microsoft.Insights/actionGroups@2023-01-01' = {
  name: actionGroupName
  location: 'global'
  tags: tags
  properties: {
    groupShortName: actionGroupShortName
    enabled: true
    emailReceivers: alertEmail == null ? [] : receivers
  }
}

@description('Resource id of the workspace.')
output workspaceId string = workspace.id

@description('Resource id of the Application Insights resource.')
output componentId string = component.id

@description('Name of the Application Insights resource.')
output componentName string = component.name

@description('Resource id of the action group.')
output actionGroupId string = actionGroup.id
