//! The eight stores, the tenants that manage them, and how busy each one is.
use uuid::{Uuid, uuid};

/// The tenant that sees all stores.
pub const HEAD_OFFICE: Uuid = Uuid::nil();

/// The name of the tenant that sees all stores.
pub const HEAD_OFFICE_NAME: &str = "Head office";

/// A store and its weights, which are integers so that every machine rounds alike.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Store {
    /// Its `store_id`: 1 to 8, in the order of [`STORES`].
    pub id: i32,
    /// Its name, which is also the name of its manager's tenant.
    pub name: &'static str,
    /// The tenant id of its manager (`rls_user_id`).
    pub tenant: Uuid,
    /// Whether it is the web shop.
    pub is_online: bool,
    /// Its share of the customers; the shares add up to 130. The stock scales with it too.
    pub share: u32,
    /// Order frequency of its customers in tenths: 30 is three times as often as 10.
    pub frequency_tenths: u32,
    /// Its price level in percent of the list price.
    pub value_percent: u32,
    /// The telephone area code of its location.
    pub(super) area_code: u32,
}

/// The stores in the order of their ids.
pub const STORES: [Store; 8] = [
    store(
        1,
        "Zava Retail Seattle",
        uuid!("f47ac10b-58cc-4372-a567-0e02b2c3d479"),
        [30, 30, 130, 206],
    ),
    store(
        2,
        "Zava Retail Bellevue",
        uuid!("6ba7b810-9dad-11d1-80b4-00c04fd430c8"),
        [25, 26, 120, 425],
    ),
    store(
        3,
        "Zava Retail Tacoma",
        uuid!("a1b2c3d4-e5f6-7890-abcd-ef1234567890"),
        [20, 24, 110, 253],
    ),
    store(
        4,
        "Zava Retail Spokane",
        uuid!("d8e9f0a1-b2c3-4567-8901-234567890abc"),
        [8, 20, 100, 509],
    ),
    store(
        5,
        "Zava Retail Everett",
        uuid!("3b9ac9fa-cd5e-4b92-a7f2-b8c1d0e9f2a3"),
        [7, 18, 95, 425],
    ),
    store(
        6,
        "Zava Retail Redmond",
        uuid!("e7f8a9b0-c1d2-3e4f-5678-90abcdef1234"),
        [6, 16, 90, 425],
    ),
    store(
        7,
        "Zava Retail Kirkland",
        uuid!("9c8b7a65-4321-fed0-9876-543210fedcba"),
        [4, 14, 85, 425],
    ),
    Store {
        is_online: true,
        ..store(
            8,
            "Zava Retail Online",
            uuid!("2f4e6d8c-1a3b-5c7e-9f0a-b2d4f6e8c0a2"),
            [30, 30, 150, 360],
        )
    },
];

/// A physical store; `weights` are its share, order frequency, price level and area code.
const fn store(id: i32, name: &'static str, tenant: Uuid, weights: [u32; 4]) -> Store {
    let [share, frequency_tenths, value_percent, area_code] = weights;
    Store {
        id,
        name,
        tenant,
        is_online: false,
        share,
        frequency_tenths,
        value_percent,
        area_code,
    }
}
