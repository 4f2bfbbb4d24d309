use zava_mcp_server::query::guard::Refusal;
use zava_mcp_server::settings::{DotEnvError, SettingsError};

/// Why a command failed.
pub(super) enum CommandError {
    /// The settings are invalid, so the command was not started.
    Settings(anyhow::Error),
    /// The guard refused the statement.
    Refused(Refusal),
    /// The command was started and failed.
    Other(anyhow::Error),
}

impl From<DotEnvError> for CommandError {
    fn from(error: DotEnvError) -> Self {
        Self::Settings(error.into())
    }
}

impl From<SettingsError> for CommandError {
    fn from(error: SettingsError) -> Self {
        Self::Settings(error.into())
    }
}

impl From<anyhow::Error> for CommandError {
    fn from(error: anyhow::Error) -> Self {
        Self::Other(error)
    }
}
