//! Invents customers: random combinations of common names, with e-mail addresses and phone numbers
//! that belong to nobody.
use chrono::{Days, NaiveDate, NaiveDateTime, TimeDelta};
use rand::{Rng, RngExt as _};

use super::stores::Store;

const FIRST_NAMES: &str = include_str!("people/first_names.txt");
const LAST_NAMES: &str = include_str!("people/last_names.txt");

/// The lists of names.
#[derive(Clone, Debug)]
pub(super) struct People {
    first_names: Vec<&'static str>,
    last_names: Vec<&'static str>,
}

/// The personal data of a customer.
#[derive(Clone, Debug)]
pub(super) struct Person {
    pub(super) first_name: &'static str,
    pub(super) last_name: &'static str,
    pub(super) email: String,
    pub(super) phone: String,
    pub(super) created_at: NaiveDateTime,
}

impl People {
    pub(super) fn new() -> Self {
        Self {
            first_names: FIRST_NAMES.lines().collect(),
            last_names: LAST_NAMES.lines().collect(),
        }
    }

    /// Draws the customer with this id, who registers up to ninety days before the first order.
    pub(super) fn draw(
        &self,
        id: i32,
        store: &Store,
        first_order: NaiveDate,
        stream: &mut impl Rng,
    ) -> Person {
        let first_name = draw_name(&self.first_names, stream);
        let last_name = draw_name(&self.last_names, stream);
        Person {
            first_name,
            last_name,
            email: email(first_name, last_name, id),
            phone: phone(store, stream),
            created_at: registration_time(first_order, stream),
        }
    }
}

fn draw_name(names: &[&'static str], stream: &mut impl Rng) -> &'static str {
    // The range is u32, because usize would draw other numbers on a 32-bit machine.
    names[stream.random_range(0..names.len() as u32) as usize]
}

/// An e-mail address, unique because it contains the id. `example.com` is reserved (RFC 2606,
/// section 3).
fn email(first_name: &str, last_name: &str, id: i32) -> String {
    let plain = |name: &str| {
        name.chars()
            .filter(char::is_ascii_alphabetic)
            .collect::<String>()
            .to_ascii_lowercase()
    };
    format!("{}.{}{id}@example.com", plain(first_name), plain(last_name))
}

/// A phone number from 555-0100 to 555-0199, which are reserved for fiction in every area code
/// (ATIS-0300115).
fn phone(store: &Store, stream: &mut impl Rng) -> String {
    format!(
        "({}) 555-01{:02}",
        store.area_code,
        stream.random_range(0..100)
    )
}

fn registration_time(first_order: NaiveDate, stream: &mut impl Rng) -> NaiveDateTime {
    let day = first_order - Days::new(stream.random_range(1..=90));
    // People register between 06:00 and 23:00.
    day.and_time(chrono::NaiveTime::MIN)
        + TimeDelta::seconds(stream.random_range(6 * 3_600..23 * 3_600))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn email_addresses_contain_only_ascii_letters_of_the_names() {
        assert_eq!(
            email("Mary-Ann", "O'Brien", 7),
            "maryann.obrien7@example.com"
        );
    }

    #[test]
    fn names_are_distinct_and_trimmed() {
        let People {
            first_names,
            last_names,
        } = People::new();
        for names in [first_names, last_names] {
            assert!(names.len() >= 150, "{}", names.len());
            assert!(
                names
                    .iter()
                    .all(|name| name.len() >= 2 && name.trim() == *name)
            );
            let distinct: std::collections::HashSet<_> = names.iter().collect();
            assert_eq!(distinct.len(), names.len());
        }
    }
}
