use super::azure::AzureCredential;
use super::database::{DatabaseAddress, Login, LoginAuth, LoginVariables};
use super::environment::Environment;
use super::https::HttpsSettings;
use super::log_filter::LogFilter;
use super::reader::{Reader, SettingsError};
use super::search::SearchSettings;
use super::variables as var;

/// The settings of `embed`.
#[derive(Clone, Debug)]
pub struct EmbedSettings {
    /// The database's address.
    pub database: DatabaseAddress,
    /// The login that writes the search index.
    pub indexer: Login,
    /// The identity in Azure; `None` if no other setting needs one.
    pub azure: Option<AzureCredential>,
    /// How HTTPS requests are sent.
    pub https: HttpsSettings,
    /// With what the products' vectors are computed.
    pub search: SearchSettings,
    /// Which log events are written.
    pub log: LogFilter,
}

impl EmbedSettings {
    /// Reads the settings of `embed`.
    ///
    /// # Errors
    /// All problems at once. Each names the variable, says what is wrong and gives an example;
    /// none contains the value.
    pub fn from_environment(environment: &Environment) -> Result<Self, SettingsError> {
        let mut reader = Reader::new(environment);
        let settings = Self::read(&mut reader);
        reader.finish(settings)
    }

    /// Reads the settings of `embed` for another model of the embedding service.
    ///
    /// # Errors
    /// As [`EmbedSettings::from_environment`], and if the source of embeddings is no service.
    pub fn for_model(environment: &Environment, model: &str) -> Result<Self, SettingsError> {
        let environment = environment.with(var::EMBEDDING_MODEL_DEPLOYMENT_NAME.name, model);
        let mut reader = Reader::new(&environment);
        let settings = Self::read(&mut reader);
        if settings
            .as_ref()
            .is_some_and(|settings| !settings.search.is_service())
        {
            reader.add_problem(
                &var::AZURE_OPENAI_ENDPOINT,
                "is not set, nor is ZAVA_EMBEDDING_URL; `--model` names a model of an embedding service",
            );
        }
        reader.finish(settings)
    }

    /// Reads each subject, valid or not, before it returns: every problem is reported.
    fn read(reader: &mut Reader<'_>) -> Option<Self> {
        let database = DatabaseAddress::read(reader, |_| {
            Err("must be `direct` for `embed`, which needs a connection without a pooler")
        });
        let auth = LoginAuth::read(reader, database.as_ref());
        let indexer = Login::read_created(reader, auth.as_ref(), &LoginVariables::INDEXER);
        let https = HttpsSettings::read(reader);
        let search = SearchSettings::read(reader);
        let log = LogFilter::read(reader);
        Some(Self {
            database: database?,
            indexer: indexer?,
            azure: AzureCredential::required(reader),
            https: https?,
            search: search?,
            log: log?,
        })
    }
}
