use std::fmt;

use uuid::Uuid;

/// A tenant's id, a UUID.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TenantId(Uuid);

/// A text is not a tenant id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a UUID of the form 00000000-0000-0000-0000-000000000000")]
pub struct ParseTenantIdError;

impl TenantId {
    /// Head office, which sees every store.
    pub const HEAD_OFFICE: Self = Self(Uuid::nil());

    /// The sixteen bytes in network order, as `uuid_send` returns them.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 16] {
        self.0.as_bytes()
    }
}

impl From<Uuid> for TenantId {
    fn from(id: Uuid) -> Self {
        Self(id)
    }
}

/// Accepts only the hyphenated form of RFC 9562, in either case, so that a tenant has one spelling:
/// the other forms that the `uuid` crate parses (braced, URN, without hyphens) are rejected.
impl TryFrom<&[u8]> for TenantId {
    type Error = ParseTenantIdError;

    fn try_from(text: &[u8]) -> Result<Self, Self::Error> {
        const HYPHENATED_LENGTH: usize = 36;
        if text.len() != HYPHENATED_LENGTH {
            return Err(ParseTenantIdError);
        }
        Uuid::try_parse_ascii(text)
            .map(Self)
            .map_err(|_| ParseTenantIdError)
    }
}

impl fmt::Display for TenantId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parses_only_the_hyphenated_form() {
        assert!(TenantId::try_from(b"f47ac10b-58cc-4372-a567-0e02b2c3d479".as_slice()).is_ok());
        assert!(TenantId::try_from(b"F47AC10B-58CC-4372-A567-0E02B2C3D479".as_slice()).is_ok());
        for text in [
            "",
            " ",
            "seattle",
            "f47ac10b58cc4372a5670e02b2c3d479",
            "{f47ac10b-58cc-4372-a567-0e02b2c3d479}",
            "urn:uuid:f47ac10b-58cc-4372-a567-0e02b2c3d479",
            "f47ac10b-58cc-4372-a567-0e02b2c3d479 ",
            "f47ac10b-58cc-4372-a567-0e02b2c3d47g",
            "f47ac10b-58cc-4372-a567-0e02b2c3d479\0",
            "00000000-0000-0000-0000-000000000000,x",
            "f47ac10b-58cc-4372-a567-0e02b2c3d47é",
        ] {
            assert_eq!(
                TenantId::try_from(text.as_bytes()),
                Err(ParseTenantIdError),
                "{text:?}"
            );
        }
    }
}
