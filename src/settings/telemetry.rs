//! Where traces, metrics and logs are sent.

use std::time::Duration;

use secrecy::SecretString;
use url::Url;
use uuid::Uuid;

use super::azure::{AzureCredential, parse_id};
use super::reader::Reader;
use super::secret::KeyVaultReference;
use super::variables as var;

/// Where connection strings without an endpoint send telemetry.
const DEFAULT_INGESTION_ENDPOINT: &str = "https://dc.services.visualstudio.com";

/// The scope of the tokens that Azure Monitor accepts in the public cloud. The two slashes are
/// Microsoft's: the audience ends with one.
const DEFAULT_SCOPE: &str = "https://monitor.azure.com//.default";

/// Where traces, metrics and logs are sent, and how many.
#[derive(Clone, Debug)]
pub struct TelemetrySettings {
    /// The Application Insights resource; `None` to send it nothing.
    pub application_insights: Option<ApplicationInsights>,
    /// The OpenTelemetry collector; `None` to send it nothing.
    pub otlp: Option<Otlp>,
    /// The name under which this server's telemetry is shown (`service.name`).
    pub service_name: String,
    /// The share of traces that are sent, from 0 to 1.
    pub sample_ratio: f64,
    /// How often metrics are sent.
    pub metric_interval: Duration,
}

/// An Application Insights resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApplicationInsights {
    /// Names the resource. No secret, although it is part of a connection string.
    pub instrumentation_key: Uuid,
    /// The URL below which telemetry is sent; always HTTPS.
    pub ingestion_endpoint: Url,
    /// The scope of the access tokens of this server's identity that requests carry; `None` for
    /// requests without tokens.
    pub token_scope: Option<String>,
}

/// An OpenTelemetry collector that speaks OTLP over HTTP.
#[derive(Clone, Debug)]
pub struct Otlp {
    /// The URL below which it receives `/v1/traces`, `/v1/metrics` and `/v1/logs`.
    pub endpoint: Url,
    /// Headers of each request, for example an API key.
    pub headers: Vec<(String, SecretString)>,
}

impl TelemetrySettings {
    /// Settings that send nothing.
    #[must_use]
    pub fn disabled() -> Self {
        Self {
            application_insights: None,
            otlp: None,
            service_name: String::new(),
            sample_ratio: 1.0,
            metric_interval: Duration::from_secs(60),
        }
    }

    /// Whether telemetry is sent anywhere.
    #[must_use]
    pub fn is_enabled(&self) -> bool {
        self.application_insights.is_some() || self.otlp.is_some()
    }

    pub(super) fn read(reader: &mut Reader<'_>) -> Option<Self> {
        let application_insights = read_application_insights(reader);
        let otlp = read_otlp(reader);
        let service_name = reader.parsed(&var::OTEL_SERVICE_NAME, |text| Ok(text.to_owned()));
        let sample_ratio = reader.parsed(&var::ZAVA_TRACE_SAMPLE_RATIO, |text| {
            text.parse()
                .ok()
                .filter(|ratio| (0.0..=1.0).contains(ratio))
                .ok_or("must be a number from 0 to 1")
        });
        let interval = reader.number(&var::OTEL_METRIC_EXPORT_INTERVAL, 1_000, 600_000);
        Some(Self {
            application_insights: application_insights?,
            otlp,
            service_name: service_name?,
            sample_ratio: sample_ratio?,
            metric_interval: Duration::from_millis(interval?.get().into()),
        })
    }
}

/// The resource. The outer `None` means that a setting is invalid, which has been reported.
fn read_application_insights(reader: &mut Reader<'_>) -> Option<Option<ApplicationInsights>> {
    let authentication = reader.parsed_or(
        &var::APPLICATIONINSIGHTS_AUTHENTICATION_STRING,
        None,
        |text| Authentication::parse(text).map(Some),
    );
    let connection = reader.parsed_or(&var::APPLICATIONINSIGHTS_CONNECTION_STRING, None, |text| {
        ConnectionString::parse(text).map(Some)
    });
    let (authentication, connection) = (authentication?, connection?);
    let Some(connection) = connection else {
        return Some(None);
    };
    let token_scope = match authentication {
        None => None,
        Some(authentication) => {
            authentication.check_identity(reader)?;
            Some(connection.token_scope)
        }
    };
    Some(Some(ApplicationInsights {
        instrumentation_key: connection.instrumentation_key,
        ingestion_endpoint: connection.ingestion_endpoint,
        token_scope,
    }))
}

/// What is read of a connection string.
struct ConnectionString {
    instrumentation_key: Uuid,
    ingestion_endpoint: Url,
    token_scope: String,
}

impl ConnectionString {
    /// Parses the text that the portal shows. It may end with a semicolon.
    fn parse(text: &str) -> Result<Self, &'static str> {
        if KeyVaultReference::parse(&var::APPLICATIONINSIGHTS_CONNECTION_STRING, text).is_some() {
            return Err(
                "is a Key Vault reference that Azure has not resolved; give the app's identity the role `Key Vault Secrets User` on the vault, or write the connection string itself, which is no secret",
            );
        }
        let fields = Fields::parse(text)?;
        let key = fields.get("InstrumentationKey").ok_or(
            "has no InstrumentationKey; copy the whole connection string from the overview of the Application Insights resource in the portal",
        )?;
        let instrumentation_key =
            parse_id(key).map_err(|_| "has an InstrumentationKey that is no UUID")?;
        let is_with_key = |text: &str| text.eq_ignore_ascii_case("ikey");
        if !fields.get("Authorization").is_none_or(is_with_key) {
            return Err(
                "has an Authorization other than ikey; set APPLICATIONINSIGHTS_AUTHENTICATION_STRING=Authorization=AAD to send telemetry with access tokens",
            );
        }
        let endpoint = match (
            fields.get("IngestionEndpoint"),
            fields.get("EndpointSuffix"),
        ) {
            (Some(endpoint), _) => endpoint.to_owned(),
            (None, Some(suffix)) => match fields.get("Location") {
                Some(location) => format!("https://{location}.dc.{suffix}"),
                None => format!("https://dc.{suffix}"),
            },
            (None, None) => DEFAULT_INGESTION_ENDPOINT.to_owned(),
        };
        let is_https = |url: &Url| {
            url.scheme() == "https" && url.host_str().is_some() && url.query().is_none()
        };
        let ingestion_endpoint = Url::parse(&endpoint).ok().filter(is_https);
        let ingestion_endpoint = ingestion_endpoint
            .ok_or("has an IngestionEndpoint that is no URL with https:// and a host")?;
        let token_scope = match fields.get("AADAudience") {
            Some(audience) => format!("{audience}/.default"),
            None => DEFAULT_SCOPE.to_owned(),
        };
        Ok(Self {
            instrumentation_key,
            ingestion_endpoint,
            token_scope,
        })
    }
}

/// That requests carry access tokens, and of which identity.
struct Authentication {
    client_id: Option<Uuid>,
}

impl Authentication {
    fn parse(text: &str) -> Result<Self, &'static str> {
        let fields = Fields::parse(text)?;
        match fields.get("Authorization") {
            Some(kind) if kind.eq_ignore_ascii_case("AAD") => {}
            _ => return Err("must contain Authorization=AAD"),
        }
        let client_id = fields.get("ClientId").map(parse_id).transpose();
        Ok(Self {
            client_id: client_id.map_err(|_| "has a ClientId that is no UUID")?,
        })
    }

    /// Requires an identity of this server, which must be the one that is named here.
    fn check_identity(&self, reader: &mut Reader<'_>) -> Option<()> {
        AzureCredential::require(reader)?;
        let own = reader.foreign(var::AZURE_CLIENT_ID.name).map(parse_id);
        let Some(named) = self.client_id else {
            return Some(());
        };
        if matches!(own, Some(Ok(own)) if own == named) {
            return Some(());
        }
        reader.add_problem(
            &var::APPLICATIONINSIGHTS_AUTHENTICATION_STRING,
            "names another identity by ClientId than AZURE_CLIENT_ID; set both to the client id of the app's user-assigned identity",
        );
        None
    }
}

/// A text of the form `Name=value;Name=value`. Names are case-insensitive.
struct Fields<'a>(Vec<(&'a str, &'a str)>);

impl<'a> Fields<'a> {
    fn parse(text: &'a str) -> Result<Self, &'static str> {
        let mut fields = Self(Vec::new());
        let parts = text.split(';').map(str::trim);
        for part in parts.filter(|part| !part.is_empty()) {
            let field = part.split_once('=');
            let (name, value) = field.ok_or("must consist of Name=value pairs, joined by `;`")?;
            let (name, value) = (name.trim(), value.trim());
            if value.is_empty() || value.contains('=') {
                return Err("has a pair without a value, or with two `=`");
            }
            if fields.get(name).is_some() {
                return Err("has the same name twice");
            }
            fields.0.push((name, value));
        }
        Ok(fields)
    }

    fn get(&self, name: &str) -> Option<&'a str> {
        let mut fields = self.0.iter();
        let field = fields.find(|(other, _)| other.eq_ignore_ascii_case(name));
        field.map(|(_, value)| *value)
    }
}

fn read_otlp(reader: &mut Reader<'_>) -> Option<Otlp> {
    let endpoint = reader.optional(&var::OTEL_EXPORTER_OTLP_ENDPOINT, |text| {
        let url = Url::parse(text).map_err(|_| "must be a URL")?;
        let is_usable = matches!(url.scheme(), "http" | "https")
            && url.host_str().is_some()
            && url.query().is_none()
            && url.username().is_empty()
            && url.password().is_none();
        is_usable
            .then_some(url)
            .ok_or("must be http:// or https:// with a host and at most a path")
    })?;
    reader.optional(&var::OTEL_EXPORTER_OTLP_PROTOCOL, |text| match text {
        "http/protobuf" => Ok(()),
        _ => Err("must be `http/protobuf`, whose port is usually 4318; gRPC is not supported"),
    });
    let is_private = endpoint.scheme() == "https" || is_loopback(&endpoint);
    let headers = reader.optional(&var::OTEL_EXPORTER_OTLP_HEADERS, |text| {
        if is_private {
            parse_headers(text)
        } else {
            Err("would be sent without encryption; OTEL_EXPORTER_OTLP_ENDPOINT must begin with https://")
        }
    });
    Some(Otlp {
        endpoint,
        headers: headers.unwrap_or_default(),
    })
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost",
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

/// Parses `name=value,name=value`; values may be percent-encoded
/// (<https://opentelemetry.io/docs/specs/otel/protocol/exporter/>).
fn parse_headers(text: &str) -> Result<Vec<(String, SecretString)>, &'static str> {
    let is_name_byte = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    let pairs = text.split(',').map(str::trim);
    pairs
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (name, value) = pair.split_once('=').ok_or("must be name=value pairs")?;
            let (name, value) = (name.trim(), percent_decode(value.trim()));
            let value = value.ok_or("has a value with characters that no header may have")?;
            if name.is_empty() || !name.bytes().all(is_name_byte) {
                return Err("has a name that no header may have");
            }
            Ok((name.to_owned(), SecretString::from(value)))
        })
        .collect()
}

/// `None` if the decoded text is no value of a header.
fn percent_decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, others)) = rest.split_first() {
        let encoded = others.get(..2).filter(|_| *first == b'%');
        let encoded = encoded.and_then(|digits| std::str::from_utf8(digits).ok());
        match encoded.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(byte) => {
                bytes.push(byte);
                rest = &others[2..];
            }
            None => {
                bytes.push(*first);
                rest = others;
            }
        }
    }
    let is_visible = |byte: &u8| matches!(byte, b' '..=b'~');
    let text = bytes.iter().all(is_visible).then_some(bytes)?;
    String::from_utf8(text).ok()
}
