//! Semantic search: where the embeddings come from.

use std::path::PathBuf;

use secrecy::ExposeSecret as _;
use url::Url;

use super::azure::{AzureCredential, parse_token_scope};
use super::base_url::base_url;
use super::reader::Reader;
use super::secret::Secret;
use super::variables::{self as var, Variable};

/// The settings of semantic search.
#[derive(Clone, Debug)]
pub struct SearchSettings {
    /// What computes embeddings; `None` disables semantic search, and `seed` needs it.
    pub embedder: Option<EmbedderSettings>,
}

/// What computes embeddings. It is named by a setting: vectors of different models do not compare,
/// so there is no falling back from one to the other.
#[derive(Clone, Debug)]
pub enum EmbedderSettings {
    /// The static model, whose files are in this folder.
    StaticModel(PathBuf),
    /// A service that speaks the protocol of OpenAI.
    OpenAi(Box<OpenAiSettings>),
}

/// A service that speaks the protocol of OpenAI.
#[derive(Clone, Debug)]
pub struct OpenAiSettings {
    /// The URL to which texts are sent.
    pub url: Url,
    /// How this server authenticates.
    pub auth: OpenAiAuth,
    /// The name of the deployment or model, which is also stored beside each vector.
    pub model: String,
    /// How many numbers an embedding has.
    pub dimensions: usize,
}

/// How this server authenticates to such a service.
#[derive(Clone, Debug)]
pub enum OpenAiAuth {
    /// With a key of the Azure OpenAI resource.
    AzureKey(Secret),
    /// With a key of another service.
    BearerKey(Secret),
    /// With access tokens of the server's identity.
    Entra {
        /// Their scope.
        scope: String,
    },
}

/// The variables of which each names a source of embeddings.
const SOURCES: [&Variable; 3] = [
    &var::ZAVA_EMBEDDING_MODEL_DIR,
    &var::AZURE_OPENAI_ENDPOINT,
    &var::ZAVA_EMBEDDING_URL,
];

impl SearchSettings {
    /// Whether a service computes embeddings, which has several models.
    #[must_use]
    pub fn is_service(&self) -> bool {
        matches!(self.embedder, Some(EmbedderSettings::OpenAi(_)))
    }

    /// Reads the source of embeddings, which is that of the one variable that is set. `None` if a
    /// setting is missing or invalid.
    pub(super) fn read(reader: &mut Reader<'_>) -> Option<Self> {
        let is_set = |variable: &&Variable| reader.foreign(variable.name).is_some();
        let sources: Vec<_> = SOURCES.into_iter().filter(is_set).collect();
        if let [first, others @ ..] = sources.as_slice() {
            for other in others {
                reader.add_problem(
                    other,
                    format!(
                        "is set beside {}; both are sources of embeddings, so unset one of them",
                        first.name
                    ),
                );
            }
        }
        let directory = reader.optional(&var::ZAVA_EMBEDDING_MODEL_DIR, |text| {
            Ok(PathBuf::from(text))
        });
        let endpoint = reader.optional(&var::AZURE_OPENAI_ENDPOINT, parse_azure_endpoint);
        let url = reader.optional(&var::ZAVA_EMBEDDING_URL, base_url);
        let embedder = match (directory, endpoint, url) {
            (Some(directory), _, _) => Some(EmbedderSettings::StaticModel(directory)),
            (_, Some(endpoint), _) => Some(EmbedderSettings::OpenAi(
                read_azure(reader, endpoint)?.into(),
            )),
            (_, _, Some(url)) => Some(EmbedderSettings::OpenAi(
                read_compatible(reader, url)?.into(),
            )),
            (None, None, None) => None,
        };
        Some(Self { embedder })
    }
}

/// Reads how a deployment of Azure OpenAI is called.
fn read_azure(reader: &mut Reader<'_>, endpoint: Url) -> Option<OpenAiSettings> {
    let version = reader.optional(&var::AZURE_OPENAI_API_VERSION, parse_api_version);
    let auth = if reader.foreign(var::ZAVA_EMBEDDING_API_KEY.name).is_some() {
        read_key(reader).map(OpenAiAuth::AzureKey)
    } else {
        read_entra(reader)
    };
    let model = read_model(reader);
    let dimensions = reader.number(&var::ZAVA_EMBEDDING_DIMENSIONS, 1, MAX_DIMENSIONS);
    let model = model?;
    let url = match version {
        None => with_path(endpoint, &["openai", "v1", "embeddings"]),
        Some(version) => {
            let path = ["openai", "deployments", model.as_str(), "embeddings"];
            let mut url = with_path(endpoint, &path);
            url.query_pairs_mut().append_pair("api-version", &version);
            url
        }
    };
    Some(OpenAiSettings {
        url,
        auth: auth?,
        model,
        dimensions: dimensions?.get() as usize,
    })
}

/// Reads the tokens that authenticate this server to Azure OpenAI.
fn read_entra(reader: &mut Reader<'_>) -> Option<OpenAiAuth> {
    let scope = reader.parsed(&var::AZURE_OPENAI_SCOPE, parse_token_scope);
    let has_identity = reader.foreign(var::ZAVA_AZURE_CREDENTIAL.name).is_some();
    if !has_identity && reader.azure_credential.is_none() {
        reader.add_problem(
            &var::ZAVA_AZURE_CREDENTIAL,
            "is not set; AZURE_OPENAI_ENDPOINT needs it, or else ZAVA_EMBEDDING_API_KEY",
        );
        return None;
    }
    AzureCredential::require(reader)?;
    Some(OpenAiAuth::Entra { scope: scope? })
}

/// Reads how any other service is called.
fn read_compatible(reader: &mut Reader<'_>, url: Url) -> Option<OpenAiSettings> {
    let key = read_key(reader);
    let model = read_model(reader);
    let dimensions = reader.number(&var::ZAVA_EMBEDDING_DIMENSIONS, 1, MAX_DIMENSIONS);
    Some(OpenAiSettings {
        url: with_path(url, &["embeddings"]),
        auth: OpenAiAuth::BearerKey(key?),
        model: model?,
        dimensions: dimensions?.get() as usize,
    })
}

/// The largest value of ZAVA_EMBEDDING_DIMENSIONS: no common model has more.
const MAX_DIMENSIONS: u32 = 4096;

/// The longest name of a model, in bytes.
const MAX_MODEL_BYTES: usize = 128;

fn read_model(reader: &mut Reader<'_>) -> Option<String> {
    reader.parsed(&var::EMBEDDING_MODEL_DEPLOYMENT_NAME, |text| {
        if text.len() <= MAX_MODEL_BYTES && text.bytes().all(|byte| byte.is_ascii_graphic()) {
            Ok(text.to_owned())
        } else {
            Err("must have at most 128 characters, all ASCII and none of them white space")
        }
    })
}

fn parse_azure_endpoint(text: &str) -> Result<Url, &'static str> {
    let url = base_url(text)?;
    if url
        .path_segments()
        .is_some_and(|mut path| path.any(|part| part == "openai"))
    {
        Err("must end before `/openai`; this server adds the path")
    } else {
        Ok(url)
    }
}

/// A date, and `-preview` for some.
fn parse_api_version(text: &str) -> Result<String, &'static str> {
    let date = text.strip_suffix("-preview").unwrap_or(text);
    let is_date = chrono::NaiveDate::parse_from_str(date, "%Y-%m-%d").is_ok();
    let problem = "must be a date, and `-preview` for some; unset it for the path without versions";
    is_date.then(|| text.to_owned()).ok_or(problem)
}

/// Reads the key of the service, which is sent in a header.
fn read_key(reader: &mut Reader<'_>) -> Option<Secret> {
    let key = Secret::read(reader, &var::ZAVA_EMBEDDING_API_KEY)?;
    if let Secret::Literal(text) = &key
        && !text
            .expose_secret()
            .bytes()
            .all(|byte| byte.is_ascii_graphic())
    {
        reader.add_problem(
            &var::ZAVA_EMBEDDING_API_KEY,
            "must consist of ASCII characters without white space",
        );
        return None;
    }
    Some(key)
}

/// A URL with further segments of its path.
fn with_path(mut url: Url, segments: &[&str]) -> Url {
    if let Ok(mut path) = url.path_segments_mut() {
        path.pop_if_empty().extend(segments);
    }
    url
}
