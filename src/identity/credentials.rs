use std::net::IpAddr;

/// A header that means something once and nothing when repeated.
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
    /// From all values of one header.
    pub fn from_values(values: impl IntoIterator<Item = &'a [u8]>) -> Self {
        let mut values = values.into_iter();
        match (values.next(), values.next()) {
            (None, _) => Self::Missing,
            (Some(value), None) => Self::One(value),
            (Some(_), Some(_)) => Self::Duplicate,
        }
    }
}

/// What a request says about who sent it; nothing of it is believed yet.
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
    /// Who is at the other end of the connection, where that is known.
    pub peer: Option<IpAddr>,
}

impl<'a> Credentials<'a> {
    /// What it brings to prove who sent it, as it stands there.
    #[must_use]
    pub fn credential(&self) -> Option<&'a [u8]> {
        match (self.authorization, self.easyauth_principal) {
            (SingleHeader::One(credential), _)
            | (SingleHeader::Missing, SingleHeader::One(credential)) => Some(credential),
            (SingleHeader::Missing | SingleHeader::Duplicate, _) => None,
        }
    }
}
