use super::azure::AzureCredential;
use super::database::{DatabaseAddress, Login, LoginAuth, LoginVariables, NewLogin};
use super::environment::Environment;
use super::https::HttpsSettings;
use super::log_filter::LogFilter;
use super::reader::{Reader, SettingsError};
use super::search::SearchSettings;
use super::signing_key::SigningKeySetting;
use super::variables as var;

/// The settings of `migrate`, `seed` and the other commands of an administrator.
#[derive(Clone, Debug)]
pub struct AdminSettings {
    /// The database's address.
    pub database: DatabaseAddress,
    /// The login that may create roles and act as the schemas' owner.
    pub admin: Login,
    /// The login that `migrate` creates for `serve`.
    pub login: NewLogin,
    /// The login that `migrate` creates for `embed`; `None` if its credential is not set.
    pub indexer: Option<NewLogin>,
    /// The identity of the administrator in Azure; `None` if no other setting needs one.
    pub azure: Option<AzureCredential>,
    /// How HTTPS requests are sent.
    pub https: HttpsSettings,
    /// The signing key that `migrate` makes the database accept.
    pub signing_key: SigningKeySetting,
    /// With what `seed` computes the products' vectors.
    pub search: SearchSettings,
    /// Which log events are written.
    pub log: LogFilter,
}

impl AdminSettings {
    /// Reads the settings of `migrate` and `seed`.
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
        let database = DatabaseAddress::read(reader, |_| {
            Err(
                "must be `direct` for `migrate` and `seed`, which need a connection without a pooler",
            )
        });
        let auth = LoginAuth::read(reader, database.as_ref());
        let admin = Login::read(
            reader,
            auth.as_ref(),
            &var::POSTGRES_ADMIN_USER,
            &var::POSTGRES_ADMIN_PASSWORD,
        );
        let login = NewLogin::read(reader, auth.as_ref(), &LoginVariables::QUERY);
        let indexer = NewLogin::read_optional(reader, auth.as_ref(), &LoginVariables::INDEXER);
        let signing_key = SigningKeySetting::read(reader);
        let https = HttpsSettings::read(reader);
        let search = SearchSettings::read(reader);
        let log = LogFilter::read(reader);
        Some(Self {
            database: database?,
            admin: admin?,
            login: login?,
            indexer: indexer?,
            azure: AzureCredential::required(reader),
            https: https?,
            signing_key: signing_key?,
            search: search?,
            log: log?,
        })
    }
}
