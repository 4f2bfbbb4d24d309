use std::fmt;

use uuid::Uuid;

/// A tenant's id, in the form a client may write it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TenantId(Uuid);

/// A text that is no tenant id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a UUID of the form 00000000-0000-0000-0000-000000000000")]
pub struct MalformedTenant;

impl TenantId {
    /// Head office, who sees every store.
    pub const HEAD_OFFICE: Self = Self(Uuid::nil());

    /// The sixteen bytes in network order, as `uuid_send` gives them.
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

/// Only the hyphenated form of RFC 9562 is a tenant id: one spelling, one tenant.
impl TryFrom<&[u8]> for TenantId {
    type Error = MalformedTenant;

    fn try_from(text: &[u8]) -> Result<Self, Self::Error> {
        const HYPHENATED: usize = 36;
        if text.len() != HYPHENATED {
            return Err(MalformedTenant);
        }
        Uuid::try_parse_ascii(text)
            .map(Self)
            .map_err(|_| MalformedTenant)
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
    fn one_spelling_only() {
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
                Err(MalformedTenant),
                "{text:?}"
            );
        }
    }
}
