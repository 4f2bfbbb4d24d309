//! Rate limits.

use std::num::NonZeroU32;

use super::reader::Reader;
use super::variables as var;

/// The highest rate limit that can be set, in requests per minute.
const MAX_RATE: u32 = 100_000_000;

/// Rate limits, in requests per minute; the burst is as large.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RateLimits {
    /// Requests of one principal.
    pub principal: NonZeroU32,
    /// Requests from one IPv4 address or IPv6 /64 network.
    pub address: NonZeroU32,
    /// Requests from one address with an invalid credential, or for a tenant that is not the
    /// caller's.
    pub failures: NonZeroU32,
}

impl RateLimits {
    /// Reads the rate limits.
    pub(super) fn read(reader: &mut Reader<'_>) -> Option<Self> {
        let principal = reader.number(&var::ZAVA_PRINCIPAL_RATE, 1, MAX_RATE);
        let address = reader.number(&var::ZAVA_ADDRESS_RATE, 1, MAX_RATE);
        let failures = reader.number(&var::ZAVA_FAILURE_RATE, 1, MAX_RATE);
        Some(Self {
            principal: principal?,
            address: address?,
            failures: failures?,
        })
    }
}
