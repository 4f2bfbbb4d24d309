use crate::settings::SigningKey;

/// SHA-256's block, in bytes.
const BLOCK: usize = 64;

/// A key as RFC 2104 mixes it into the two hashes, so that the database can do without an HMAC of its own.
pub(super) struct Pads {
    pub(super) inner: [u8; BLOCK],
    pub(super) outer: [u8; BLOCK],
}

/// The pads of a key.
pub(super) fn of(key: &SigningKey) -> Pads {
    let mut pads = Pads {
        inner: [0x36; BLOCK],
        outer: [0x5c; BLOCK],
    };
    for (index, byte) in key.expose().iter().enumerate() {
        pads.inner[index] ^= byte;
        pads.outer[index] ^= byte;
    }
    pads
}
