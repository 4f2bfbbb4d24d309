use std::net::IpAddr;

/// A header that means something once and nothing when repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Given<'a> {
    /// It is not there.
    Absent,
    /// It is there once.
    Once(&'a [u8]),
    /// It is there more than once; which one counts is nobody's to guess.
    Repeated,
}

impl<'a> Given<'a> {
    /// Of all the values of one header.
    pub fn of(values: impl IntoIterator<Item = &'a [u8]>) -> Self {
        let mut values = values.into_iter();
        match (values.next(), values.next()) {
            (None, _) => Self::Absent,
            (Some(value), None) => Self::Once(value),
            (Some(_), Some(_)) => Self::Repeated,
        }
    }
}

/// What a request says about who sent it; nothing of it is believed yet.
#[derive(Clone, Copy, Debug)]
pub struct Presented<'a> {
    /// `Authorization`.
    pub authorization: Given<'a>,
    /// `x-rls-user-id`.
    pub tenant: Given<'a>,
    /// `X-MS-CLIENT-PRINCIPAL`.
    pub easyauth_principal: Given<'a>,
    /// `X-MS-CLIENT-PRINCIPAL-IDP`.
    pub easyauth_provider: Given<'a>,
    /// `X-MS-CLIENT-PRINCIPAL-ID`.
    pub easyauth_id: Given<'a>,
    /// Who is at the other end of the connection, where that is known.
    pub peer: Option<IpAddr>,
}

impl<'a> Presented<'a> {
    /// What it brings to prove who sent it, as it stands there.
    #[must_use]
    pub fn credential(&self) -> Option<&'a [u8]> {
        match (self.authorization, self.easyauth_principal) {
            (Given::Once(credential), _) | (Given::Absent, Given::Once(credential)) => {
                Some(credential)
            }
            (Given::Absent | Given::Repeated, _) => None,
        }
    }
}
