// The shapes that main.bicep and its modules share.

@export()
@description('Sizes, retention, redundancy and network defaults of an environment.')
type Profile = 'dev' | 'test' | 'prod'

@export()
@description('What runs the server: Azure Functions (Flex Consumption) or Azure Container Apps.')
type Hosting = 'functions' | 'containerapp'

@export()
@description('What a principal of Microsoft Entra ID is.')
type PrincipalType = 'User' | 'Group' | 'ServicePrincipal'

@export()
@description('A switch of Azure Database for PostgreSQL.')
type Switch = 'Enabled' | 'Disabled'

@export()
@description('The tier of a server of Azure Database for PostgreSQL.')
type DatabaseTier = 'Burstable' | 'GeneralPurpose' | 'MemoryOptimized'

@export()
@description('Where the standby of a database server runs.')
type StandbyMode = 'Disabled' | 'SameZone' | 'ZoneRedundant'

@export()
@description('The tier of a container registry.')
type RegistryTier = 'Basic' | 'Standard' | 'Premium'

@export()
@description('The tier of API Management.')
type GatewayTier = 'BasicV2' | 'StandardV2'

@export()
@description('How often the storage account keeps a copy of the package.')
type StorageTier = 'Standard_LRS' | 'Standard_ZRS'

@export()
@description('How often logs are queried for alerts.')
type AlertFrequency = 'PT5M' | 'PT15M'

@export()
@description('A user-assigned managed identity. No part of it is a secret.')
type Identity = {
  name: string
  id: string
  clientId: string
  principalId: string
}

@export()
@description('An environment variable of a process. Secrets are references to Key Vault.')
type Setting = {
  name: string
  value: string
}

@export()
@description('An administrator of the database beside the migration job.')
type Administrator = {
  objectId: string
  name: string
  type: PrincipalType
}
