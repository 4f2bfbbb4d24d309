use std::net::IpAddr;

/// A header that may be sent at most once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SingleHeader<'a> {
    /// Not sent.
    Missing,
    /// Sent once.
    One(&'a [u8]),
    /// Sent more than once: ambiguous, so it is rejected.
    Duplicate,
}

impl<'a> SingleHeader<'a> {
    /// Classifies all values of one header.
    pub fn from_values(values: impl IntoIterator<Item = &'a [u8]>) -> Self {
        let mut values = values.into_iter();
        match (values.next(), values.next()) {
            (None, _) => Self::Missing,
            (Some(value), None) => Self::One(value),
            (Some(_), Some(_)) => Self::Duplicate,
        }
    }
}

/// The parts of a request that identify its sender, not verified yet.
#[derive(Clone, Copy, Debug)]
pub struct Credentials<'a> {
    /// `Authorization`.
    pub authorization: SingleHeader<'a>,
    /// `x-rls-user-id`.
    pub tenant: SingleHeader<'a>,
    /// `X-MS-CLIENT-PRINCIPAL`.
    pub easyauth_principal: SingleHeader<'a>,
    /// `X-MS-CLIENT-PRINCIPAL-IDP`.
    pub easyauth_provider: SingleHeader<'a>,
    /// `X-MS-CLIENT-PRINCIPAL-ID`.
    pub easyauth_id: SingleHeader<'a>,
    /// The address of the TCP peer; `None` where it is unknown.
    pub peer: Option<IpAddr>,
}

impl<'a> Credentials<'a> {
    /// The raw credential of the request, unverified: `Authorization`, or else the Easy Auth
    /// principal; `None` if there is neither, or if the one that takes precedence is repeated.
    #[must_use]
    pub fn credential(&self) -> Option<&'a [u8]> {
        match (self.authorization, self.easyauth_principal) {
            (SingleHeader::One(credential), _)
            | (SingleHeader::Missing, SingleHeader::One(credential)) => Some(credential),
            (SingleHeader::Missing | SingleHeader::Duplicate, _) => None,
        }
    }
}
