// Alerts, the availability test and the workbook. docs/operations.md has a run-book: what each
// alert means, and what to do. The alert about expiring
// secrets is beside its vault (vault.bicep).
import { AlertFrequency } from '../types.bicep'

@description('Required. Region.')
param location string

@description('Required. Tags of all resources.')
param tags object

@description('Required. Name of the environment.')
@maxLength(10)
param environmentName string

@description('Required. Log Analytics workspace that the alerts query.')
param workspaceId string

@description('Required. Application Insights resource of the availability test and the workbook.')
param componentId string

@description('Required. Action group that is told.')
param actionGroupId string

@description('Required. How often logs are queried.')
param evaluationFrequency AlertFrequency

@description('Required. Resource id of the database server.')
param databaseId string

@description('Required. Whether the database has read replicas.')
param hasReplicas bool

@description('Required. URL of the server.')
param serverUrl string

@description('Required. Name of the availability test.')
@maxLength(260)
param availabilityTestName string

@description('Required. Whether the availability test runs.')
param availabilityTestEnabled bool

@description('Required. Memory of an instance of the server, in MB.')
@minValue(512)
@maxValue(8192)
param memoryLimitMb int

var alertPrefix = 'alert-zava-${environmentName}'
var alertActions = {
  actionGroups: [
    actionGroupId
  ]
}

// ---- Queries of what the servers send; each returns a row if something is wrong ----

var memoryQuery = '''
AppMetrics
| where Name == "process.memory.usage"
| summarize bytes = max(Max) by AppRoleInstance
| where bytes > 0.9 * 1048576 * LIMIT_MB
'''
var logAlerts = [
  {
    name: 'database-down'
    severity: 1
    description: 'The servers cannot use the database.'
    query: '''
AppTraces
| where Message in (
    "database does not answer",
    "database unavailable",
    "database rejected this server",
    "primary does not answer; replicas answer until their data is too old")
'''
  }
  {
    name: 'error-rate'
    severity: 2
    description: 'More than 5 % of the tool calls fail.'
    query: '''
AppMetrics
| where Name == "zava.decisions" and tostring(Properties["zava.decision.kind"]) == "call"
| summarize calls = sum(Sum), failed = sumif(Sum, tostring(Properties["zava.decision"]) == "failed")
| where calls >= 20 and failed > 0.05 * calls
'''
  }
  {
    name: 'slow-queries'
    severity: 3
    description: 'A query takes more than two seconds on average.'
    query: '''
AppMetrics
| where Name == "db.client.operation.duration"
| summarize seconds = sum(Sum), queries = sum(ItemCount)
| where queries >= 10 and seconds > 2.0 * queries
'''
  }
  {
    name: 'server-memory'
    severity: 2
    description: 'A server uses more than 90 % of the memory of its instance.'
    query: replace(memoryQuery, 'LIMIT_MB', string(memoryLimitMb))
  }
  {
    name: 'authentication-failures'
    severity: 2
    description: 'More than 10 % of the requests have no valid credential.'
    query: '''
AppMetrics
| where Name == "zava.decisions"
| extend kind = tostring(Properties["zava.decision.kind"])
| extend decision = tostring(Properties["zava.decision"])
| summarize
    refused = sumif(Sum, kind == "authentication" and decision == "refused"),
    calls = sumif(Sum, kind == "call")
| where refused >= 20 and refused > 0.1 * (refused + calls)
'''
  }
  {
    name: 'posture-refused'
    severity: 0
    description: 'The database fails the posture check: no data is served.'
    query: '''
union
  (AppTraces
  | where Message == "posture rule violated; no data is served until it is fixed"
  | project TimeGenerated),
  (AppMetrics
  | where Name == "zava.posture.findings" and Max > 0
  | project TimeGenerated)
'''
  }
  {
    name: 'audit-append-failing'
    severity: 1
    description: 'Audit records cannot be appended to the database.'
    query: '''
AppMetrics
| where Name == "zava.audit.append.failures"
| summarize failures = sum(Sum)
| where failures >= 3
'''
  }
  {
    name: 'replica-lag'
    severity: 2
    description: 'A read replica is too far behind the primary to be used.'
    query: '''
AppTraces
| where Message == "replica excluded"
| extend reason = tostring(Properties["reason"])
| where reason == "lags more than POSTGRES_MAX_REPLICA_LAG behind the primary"
'''
  }
  {
    name: 'embedding-outage'
    severity: 2
    description: 'The embedding service is unavailable: products are found by words only.'
    query: '''
AppTraces
| where Message in ("embedding service unavailable", "embedding service available again")
| summarize arg_max(TimeGenerated, Message) by AppRoleInstance
| where Message == "embedding service unavailable"
'''
  }
  {
    name: 'clock-skew'
    severity: 1
    description: 'The clocks of a server and the database differ by more than five seconds.'
    query: '''
AppTraces
| where Message == "clock skew between this server and the database; synchronize both"
'''
  }
]

// These query messages that are logged once, when the fault begins: Azure would close the alerts
// while it lasts. A person closes them (docs/operations.md).
var loggedOnChange = [
  'replica-lag'
  'embedding-outage'
]

resource logAlertRules 'Microsoft.Insights/scheduledQueryRules@2023-12-01' = [for item in logAlerts: {
  name: '${alertPrefix}-${item.name}'
  location: location
  tags: tags
  kind: 'LogAlert'
  properties: {
    displayName: '${environmentName}: ${item.name}'
    description: item.description
    severity: item.severity
    enabled: true
    scopes: [
      workspaceId
    ]
    evaluationFrequency: evaluationFrequency
    windowSize: 'PT15M'
    criteria: {
      allOf: [
        {
          query: item.query
          timeAggregation: 'Count'
          operator: 'GreaterThan'
          threshold: 0
          failingPeriods: {
            numberOfEvaluationPeriods: 1
            minFailingPeriodsToAlert: 1
          }
        }
      ]
    }
    autoMitigate: !contains(loggedOnChange, item.name)
    // At most one mail while the message is in the window.
    muteActionsDuration: contains(loggedOnChange, item.name) ? 'PT15M' : null
    // The tables of a new workspace do not exist before the first event.
    skipQueryValidation: true
    actions: alertActions
  }
}]

// ---- Metrics of Azure ----

var databaseMetrics = [
  {
    name: 'database-cpu'
    metric: 'cpu_percent'
    threshold: 85
    severity: 2
    description: 'The processors of the database are busy for more than 85 %.'
  }
  {
    name: 'database-memory'
    metric: 'memory_percent'
    threshold: 90
    severity: 2
    description: 'The database uses more than 90 % of its memory.'
  }
  {
    name: 'database-storage'
    metric: 'storage_percent'
    threshold: 85
    severity: 2
    description: 'The storage of the database is filled to more than 85 %.'
  }
]

resource databaseAlerts 'Microsoft.Insights/metricAlerts@2018-03-01' = [for item in databaseMetrics: {
  name: '${alertPrefix}-${item.name}'
  location: 'global'
  tags: tags
  properties: {
    description: item.description
    severity: item.severity
    enabled: true
    scopes: [
      databaseId
    ]
    evaluationFrequency: 'PT5M'
    windowSize: 'PT15M'
    criteria: {
      'odata.type': 'Microsoft.Azure.Monitor.SingleResourceMultipleMetricCriteria'
      allOf: [
        {
          criterionType: 'StaticThresholdCriterion'
          name: item.metric
          metricName: item.metric
          operator: 'GreaterThan'
          threshold: item.threshold
          timeAggregation: 'Average'
        }
      ]
    }
    autoMitigate: true
    actions: [
      {
        actionGroupId: actionGroupId
      }
    ]
  }
}]

// Seen by Azure itself, also while no server runs. In bytes, at the primary: the lag in seconds is
// the age of the last transaction, which grows while nothing is written.
resource replicaLagAlert 'Microsoft.Insights/metricAlerts@2018-03-01' = if (hasReplicas) {
  name: '${alertPrefix}-replica-lag-bytes'
  location: 'global'
  tags: tags
  properties: {
    description: 'A read replica is more than 256 MiB of transactions behind the primary.'
    severity: 2
    enabled: true
    scopes: [
      databaseId
    ]
    evaluationFrequency: 'PT5M'
    windowSize: 'PT5M'
    criteria: {
      'odata.type': 'Microsoft.Azure.Monitor.SingleResourceMultipleMetricCriteria'
      allOf: [
        {
          criterionType: 'StaticThresholdCriterion'
          name: 'lag'
          metricName: 'physical_replication_delay_in_bytes'
          operator: 'GreaterThan'
          threshold: 268435456
          timeAggregation: 'Maximum'
        }
      ]
    }
    autoMitigate: true
    actions: [
      {
        actionGroupId: actionGroupId
      }
    ]
  }
}

// ---- From outside ----

var testLocations = [
  'emea-nl-ams-azr'
  'us-va-ash-azr'
  'apac-sg-sin-azr'
]

resource availabilityTest 'Microsoft.Insights/webtests@2022-06-15' = {
  name: availabilityTestName
  location: location
  // The portal finds the test by this tag.
  tags: union(tags, { 'hidden-link:${componentId}': 'Resource' })
  kind: 'standard'
  properties: {
    Kind: 'standard'
    Name: availabilityTestName
    SyntheticMonitorId: availabilityTestName
    Description: 'The server answers, and its database is ready.'
    Enabled: availabilityTestEnabled
    Frequency: 300
    Timeout: 30
    RetryEnabled: true
    Locations: [for testLocation in testLocations: {
      Id: testLocation
    }]
    Request: {
      HttpVerb: 'GET'
      RequestUrl: '${serverUrl}/health/ready'
      FollowRedirects: false
      ParseDependentRequests: false
    }
    ValidationRules: {
      ExpectedHttpStatusCode: 200
      SSLCheck: true
      SSLCertRemainingLifetimeCheck: 14
    }
  }
}

resource availabilityAlert 'Microsoft.Insights/metricAlerts@2018-03-01' = {
  name: '${alertPrefix}-availability'
  location: 'global'
  tags: tags
  properties: {
    description: 'The server is not ready, seen from two of three places.'
    severity: 1
    enabled: availabilityTestEnabled
    scopes: [
      availabilityTest.id
      componentId
    ]
    evaluationFrequency: 'PT5M'
    windowSize: 'PT15M'
    criteria: {
      'odata.type': 'Microsoft.Azure.Monitor.WebtestLocationAvailabilityCriteria'
      webTestId: availabilityTest.id
      componentId: componentId
      failedLocationCount: 2
    }
    autoMitigate: true
    actions: [
      {
        actionGroupId: actionGroupId
      }
    ]
  }
}

// ---- The workbook ----

resource workbook 'Microsoft.Insights/workbooks@2023-06-01' = {
  name: guid(resourceGroup().id, 'workbook')
  location: location
  tags: tags
  kind: 'shared'
  properties: {
    displayName: 'Zava MCP server (${environmentName})'
    category: 'workbook'
    version: 'Notebook/1.0'
    sourceId: componentId
    serializedData: loadTextContent('../workbook.json')
  }
}
