use super::audit::AuditSettings;
use super::auth::AuthSettings;
use super::azure::AzureCredential;
use super::database::{DatabaseAddress, Login, LoginAuth, LoginVariables};
use super::environment::Environment;
use super::http::HttpSettings;
use super::https::HttpsSettings;
use super::limits::Limits;
use super::log_filter::LogFilter;
use super::network::{Network, NetworkSettings};
use super::posture::AcceptedFinding;
use super::rate_limits::RateLimits;
use super::reader::{Reader, SettingsError};
use super::replicas::ReplicaSettings;
use super::search::SearchSettings;
use super::signing_key::SigningKeySetting;
use super::stdio::StdioSettings;
use super::telemetry::TelemetrySettings;
use super::timer::TimerSettings;

/// The settings of `serve` and `check`.
#[derive(Clone, Debug)]
pub struct ServeSettings {
    /// Where the HTTP server listens, and what stands in front of it.
    pub network: NetworkSettings,
    /// How callers authenticate.
    pub auth: AuthSettings,
    /// The URL of the HTTP server, and the pages that may call it.
    pub http: HttpSettings,
    /// The database's address.
    pub database: DatabaseAddress,
    /// The database's read replicas.
    pub replicas: ReplicaSettings,
    /// The login that runs queries; it cannot write.
    pub login: Login,
    /// What the timer of Azure Functions may do.
    pub timer: TimerSettings,
    /// The server's identity in Azure; `None` if no other setting needs one.
    pub azure: Option<AzureCredential>,
    /// How HTTPS requests are sent.
    pub https: HttpsSettings,
    /// The key that signs the tenant of each transaction.
    pub signing_key: SigningKeySetting,
    /// Findings of the posture check in spite of which data is served.
    pub accepted_findings: Vec<AcceptedFinding>,
    /// Limits on one request.
    pub limits: Limits,
    /// Rate limits.
    pub rates: RateLimits,
    /// Semantic search.
    pub search: SearchSettings,
    /// Standard input and output.
    pub stdio: StdioSettings,
    /// The audit log.
    pub audit: AuditSettings,
    /// Which log events are written.
    pub log: LogFilter,
    /// Where traces, metrics and logs are sent.
    pub telemetry: TelemetrySettings,
}

impl ServeSettings {
    /// Reads the settings of `serve`.
    ///
    /// # Errors
    /// All problems at once. Each names the variable, says what is wrong and gives an example;
    /// none contains the value.
    pub fn from_environment(environment: &Environment) -> Result<Self, SettingsError> {
        let mut reader = Reader::new(environment);
        let settings = Self::read(&mut reader);
        reader.finish(settings)
    }

    /// Reads each subject, valid or not, before it returns: every problem is reported.
    fn read(reader: &mut Reader<'_>) -> Option<Self> {
        let network = Network::read(reader);
        let auth = AuthSettings::read(reader, &network);
        let http = HttpSettings::read(reader, &network);
        let database = DatabaseAddress::read(reader, Ok);
        let database_auth = LoginAuth::read(reader, database.as_ref());
        let replicas = ReplicaSettings::read(reader, database.as_ref(), database_auth.as_ref());
        let login = Login::read_created(reader, database_auth.as_ref(), &LoginVariables::QUERY);
        let timer = TimerSettings::read(reader, database.as_ref(), database_auth.as_ref());
        let signing_key = SigningKeySetting::read(reader);
        let https = HttpsSettings::read(reader);
        let database_name = database.as_ref().map(|address| address.database.as_str());
        let accepted_findings = AcceptedFinding::read(reader, database_name);
        let limits = Limits::read(reader);
        let rates = RateLimits::read(reader);
        let search = SearchSettings::read(reader);
        let stdio = StdioSettings::read(reader);
        let audit = AuditSettings::read(reader);
        let log = LogFilter::read(reader);
        let telemetry = TelemetrySettings::read(reader);
        Some(Self {
            network: network.into_settings()?,
            auth: auth?,
            http: http?,
            database: database?,
            replicas: replicas?,
            login: login?,
            timer: timer?,
            azure: AzureCredential::required(reader),
            https: https?,
            signing_key: signing_key?,
            accepted_findings: accepted_findings?,
            limits: limits?,
            rates: rates?,
            search: search?,
            stdio,
            audit: audit?,
            log: log?,
            telemetry: telemetry?,
        })
    }
}
