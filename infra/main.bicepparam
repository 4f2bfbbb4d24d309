// For azd: one environment of a person. `azd env set NAME VALUE` sets a variable.
using 'main.bicep'

param environmentName = readEnvironmentVariable('AZURE_ENV_NAME')
param profile = readEnvironmentVariable('ZAVA_PROFILE', 'dev')
param location = readEnvironmentVariable('AZURE_LOCATION', 'westeurope')
param recoverVault = readEnvironmentVariable('ZAVA_RECOVER_VAULT', 'false') == 'true'
param hosting = readEnvironmentVariable('ZAVA_HOSTING', 'functions')
param containerImage = readEnvironmentVariable('ZAVA_CONTAINER_IMAGE')
param authClientId = readEnvironmentVariable('ZAVA_AUTH_CLIENT_ID')
param authTenantId = readEnvironmentVariable('AZURE_TENANT_ID')
param maxInstances = 3
param alwaysReadyInstances = 0
param privateNetwork = false
// For example 'psql-zava-restored.postgres.database.azure.com' (docs/deploy.md, disaster recovery).
param databaseHost = null
param readReplicas = 0
param allowedOrigins = []
// For example { name: 'ZAVA_POSTURE_ACCEPT', value: '…' } (docs/azure.md).
param extraSettings = []

// Another region for Azure OpenAI, if this one does not have the model.
var embeddings = readEnvironmentVariable('ZAVA_EMBEDDINGS_LOCATION', '')
param embeddingsLocation = empty(embeddings) ? null : embeddings

var deployer = readEnvironmentVariable('ZAVA_DEPLOYER_PRINCIPAL_ID', '')
param deployerPrincipalId = empty(deployer) ? null : deployer
param deployerPrincipalType = readEnvironmentVariable('ZAVA_DEPLOYER_PRINCIPAL_TYPE', 'User')

var email = readEnvironmentVariable('ZAVA_ALERT_EMAIL', '')
param alertEmail = empty(email) ? null : email

// Only for the first deployment, by a person: gives the pipeline its identity and its rights.
var subject = readEnvironmentVariable('ZAVA_GITHUB_SUBJECT_PREFIX', '')
param githubSubjectPrefix = empty(subject) ? null : subject
