// The database server, its replicas and its administrators. Roles and schema are the migration
// job's work (`zava-mcp-server migrate`), not this template's.
import { Administrator, DatabaseTier, Identity, StandbyMode, Switch } from '../types.bicep'

@description('Required. Region.')
param location string

@description('Required. Tags of all resources.')
param tags object

@description('Required. Name of the server; replicas add `-r1`, `-r2` and so on.')
@minLength(3)
@maxLength(60)
param name string

@description('Required. Name of the database.')
@maxLength(63)
param databaseName string

@description('Required. Size of the servers.')
@maxLength(64)
param skuName string

@description('Required. Tier of the servers.')
param tier DatabaseTier

@description('Required. Storage, in GB.')
@minValue(32)
@maxValue(32767)
param storageGb int

@description('Required. Where the standby runs.')
param standby StandbyMode

@description('Required. How long backups are kept, in days.')
@minValue(7)
@maxValue(35)
param backupRetentionDays int

@description('Required. Whether backups are copied to the paired region. Fixed once created.')
param geoRedundantBackup Switch

@description('Required. Whether the tier has PgBouncer.')
param pgBouncer bool

@description('Required. Number of read replicas.')
@minValue(0)
@maxValue(5)
param replicaCount int

@description('Required. Identity of the migration job, which administers the server.')
param migrationIdentity Identity

@description('Required. Further administrators.')
@maxLength(4)
param administrators Administrator[]

@description('Required. Whether the server has a private endpoint instead of a public one.')
param isPrivate bool

@description('Optional. Subnet of private endpoints.')
param endpointSubnetId string?

@description('Optional. DNS zone of database servers.')
param dnsZoneId string?

@description('Required. Log Analytics workspace of the diagnostics.')
param workspaceId string

var publicNetworkAccess = isPrivate ? 'Disabled' : 'Enabled'
var postgresVersion = '18'
var replicaNames = map(range(0, replicaCount), index => '${name}-r${index + 1}')

resource primary 'Microsoft.DBforPostgreSQL/flexibleServers@2025-08-01' = {
  name: name
  location: location
  tags: tags
  sku: {
    name: skuName
    tier: tier
  }
  properties: {
    version: postgresVersion
    createMode: 'Default'
    storage: {
      storageSizeGB: storageGb
      // Storage never shrinks: after it has grown by itself, each deployment would fail.
      autoGrow: 'Disabled'
    }
    // Logins by tokens of Entra ID only: there is no password, and so no administratorLogin.
    authConfig: {
      activeDirectoryAuth: 'Enabled'
      passwordAuth: 'Disabled'
      tenantId: tenant().tenantId
    }
    backup: {
      backupRetentionDays: backupRetentionDays
      geoRedundantBackup: geoRedundantBackup
    }
    highAvailability: {
      mode: standby
    }
    network: {
      publicNetworkAccess: publicNetworkAccess
    }
  }
}

// The firewall rule or the private endpoint comes first: right after its creation, the server accepts this and still
// rejects parameters as `ServerIsBusy` (https://github.com/Azure/azure-postgresql/issues/134).

// Without a network, the hosts have addresses of Azure that change. Tokens still guard the login.
resource azureOnly 'Microsoft.DBforPostgreSQL/flexibleServers/firewallRules@2025-08-01' = if (!isPrivate) {
  parent: primary
  name: 'azure'
  properties: {
    startIpAddress: '0.0.0.0'
    endIpAddress: '0.0.0.0'
  }
}

module endpoint 'private-endpoint.bicep' = if (isPrivate) {
  name: 'endpoint-database'
  params: {
    location: location
    tags: tags
    targetName: name
    targetId: primary.id
    groupId: 'postgresqlServer'
    subnetId: endpointSubnetId ?? ''
    dnsZoneId: dnsZoneId ?? ''
  }
}

// ---- Server parameters ----

var commonConfigurations = [
  // `migrate` creates these two extensions; nobody can create another one.
  { name: 'azure.extensions', value: 'VECTOR,PG_TRGM' }
  { name: 'require_secure_transport', value: 'on' }
  { name: 'ssl_min_protocol_version', value: 'TLSv1.3' }
  // No value of a bound parameter is logged, whatever else logs statements.
  { name: 'log_parameter_max_length', value: '0' }
  { name: 'log_parameter_max_length_on_error', value: '0' }
  // No text of a failed statement: it has the literals of a tenant's question.
  { name: 'log_min_error_statement', value: 'panic' }
]
var pgBouncerConfigurations = [
  { name: 'pgbouncer.enabled', value: 'true' }
]
var configurationList = concat(commonConfigurations, pgBouncer ? pgBouncerConfigurations : [])

// One at a time: the server rejects a change while another is under way.
@batchSize(1)
resource configurations 'Microsoft.DBforPostgreSQL/flexibleServers/configurations@2025-08-01' = [for item in configurationList: {
  parent: primary
  name: item.name
  properties: {
    value: item.value
    source: 'user-override'
  }
  dependsOn: [
    azureOnly
    endpoint
  ]
}]

// ---- Administrators and the database ----

resource migrationAdministrator 'Microsoft.DBforPostgreSQL/flexibleServers/administrators@2025-08-01' = {
  parent: primary
  name: migrationIdentity.principalId
  properties: {
    principalName: migrationIdentity.name
    principalType: 'ServicePrincipal'
    tenantId: tenant().tenantId
  }
  dependsOn: [
    configurations
  ]
}

@batchSize(1)
resource otherAdministrators 'Microsoft.DBforPostgreSQL/flexibleServers/administrators@2025-08-01' = [for item in administrators: {
  parent: primary
  name: item.objectId
  properties: {
    principalName: item.name
    principalType: item.type
    tenantId: tenant().tenantId
  }
  dependsOn: [
    migrationAdministrator
  ]
}]

// After the administrator, who then owns the database. Otherwise `azuresu` would own it, and nobody
// could grant anything on it.
resource database 'Microsoft.DBforPostgreSQL/flexibleServers/databases@2025-08-01' = {
  parent: primary
  name: databaseName
  properties: {
    charset: 'UTF8'
    collation: 'en_US.utf8'
  }
  // The other administrators may be none, and then nothing is waited for.
  dependsOn: [
    configurations
    migrationAdministrator
    otherAdministrators
  ]
}

// ---- Replicas ----

// Same size as the primary: a replica needs as many connections. Azure rejects a change of the
// primary while a replica is created.
@batchSize(1)
resource replicas 'Microsoft.DBforPostgreSQL/flexibleServers@2025-08-01' = [for replicaName in replicaNames: {
  name: replicaName
  location: location
  tags: tags
  sku: {
    name: skuName
    tier: tier
  }
  properties: {
    createMode: 'Replica'
    sourceServerResourceId: primary.id
    version: postgresVersion
    storage: {
      storageSizeGB: storageGb
      autoGrow: 'Disabled'
    }
    authConfig: {
      activeDirectoryAuth: 'Enabled'
      passwordAuth: 'Disabled'
      tenantId: tenant().tenantId
    }
    network: {
      publicNetworkAccess: publicNetworkAccess
    }
  }
  dependsOn: [
    database
    azureOnly
    endpoint
  ]
}]

resource replicasAzureOnly 'Microsoft.DBforPostgreSQL/flexibleServers/firewallRules@2025-08-01' = [for index in range(0, isPrivate ? 0 : replicaCount): {
  parent: replicas[index]
  name: 'azure'
  properties: {
    startIpAddress: '0.0.0.0'
    endIpAddress: '0.0.0.0'
  }
}]

module replicaEndpoints 'private-endpoint.bicep' = [for index in range(0, isPrivate ? replicaCount : 0): {
  name: 'endpoint-replica-${index + 1}'
  params: {
    location: location
    tags: tags
    targetName: replicaNames[index]
    targetId: replicas[index].id
    groupId: 'postgresqlServer'
    subnetId: endpointSubnetId ?? ''
    dnsZoneId: dnsZoneId ?? ''
  }
}]

// A replica gets the parameters of the primary at its creation only, and those of PgBouncer never.
var configurationCount = length(configurationList)

@batchSize(1)
resource replicaConfigurations 'Microsoft.DBforPostgreSQL/flexibleServers/configurations@2025-08-01' = [for index in range(0, replicaCount * configurationCount): {
  parent: replicas[index / configurationCount]
  name: configurationList[index % configurationCount].name
  properties: {
    value: configurationList[index % configurationCount].value
    source: 'user-override'
  }
  dependsOn: [
    replicasAzureOnly
    replicaEndpoints
  ]
}]

// ---- Diagnostics ----

var logCategories = pgBouncer ? ['PostgreSQLLogs', 'PostgreSQLFlexPGBouncer'] : ['PostgreSQLLogs']
var diagnosticLogs = map(logCategories, category => { category: category, enabled: true })

resource primaryDiagnostics 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  name: 'logs'
  scope: primary
  properties: {
    workspaceId: workspaceId
    logAnalyticsDestinationType: 'Dedicated'
    logs: diagnosticLogs
    metrics: [
      {
        category: 'AllMetrics'
        enabled: true
      }
    ]
  }
}

resource replicaDiagnostics 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = [for index in range(0, replicaCount): {
  name: 'logs'
  scope: replicas[index]
  properties: {
    workspaceId: workspaceId
    logAnalyticsDestinationType: 'Dedicated'
    logs: diagnosticLogs
    metrics: [
      {
        category: 'AllMetrics'
        enabled: true
      }
    ]
  }
}]

@description('Resource id of the primary.')
output id string = primary.id

// By name: the answer of Azure lacks `fullyQualifiedDomainName` for a replica.
var domain = 'postgres.database.azure.com'

@description('Host name of the primary.')
output host string = '${primary.name}.${domain}'

@description('Host names of the replicas.')
output replicaHosts string[] = [for index in range(0, replicaCount): '${replicas[index].name}.${domain}']
