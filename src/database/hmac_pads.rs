use crate::settings::SigningKey;

/// The block size of SHA-256, in bytes.
const BLOCK_BYTES: usize = 64;

/// The inner and outer padded key of HMAC-SHA-256 (RFC 2104). The database stores them instead of
/// the key, so that it can compute an HMAC with `sha256` alone.
pub(super) struct HmacPads {
    pub(super) inner: [u8; BLOCK_BYTES],
    pub(super) outer: [u8; BLOCK_BYTES],
}

impl HmacPads {
    pub(super) fn from_key(key: &SigningKey) -> Self {
        let mut pads = Self {
            inner: [0x36; BLOCK_BYTES],
            outer: [0x5c; BLOCK_BYTES],
        };
        for (index, byte) in key.expose().iter().enumerate() {
            pads.inner[index] ^= byte;
            pads.outer[index] ^= byte;
        }
        pads
    }
}
