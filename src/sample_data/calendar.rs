//! On which day an order is placed.
use std::cmp::Ordering;

use chrono::{Datelike as _, Days, NaiveDate};
use rand::{Rng, RngExt as _};

use super::{SampleDataError, chance::Weighted};

/// The first days of the years with their weights in thousandths: business grows, with a dip in 2023.
pub(super) const YEARS: [(NaiveDate, u32); 7] = [
    (first_of(2020), 1_000),
    (first_of(2021), 1_100),
    (first_of(2022), 1_210),
    (first_of(2023), 1_150),
    (first_of(2024), 1_265),
    (first_of(2025), 1_392),
    (first_of(2026), 1_531),
];

const fn first_of(year: i32) -> NaiveDate {
    NaiveDate::from_ymd_opt(year, 1, 1).expect("every year has a first of January")
}

/// The days on which orders may be placed.
#[derive(Clone, Debug)]
pub(super) struct Calendar {
    years: Weighted,
    today: NaiveDate,
}

impl Calendar {
    /// The calendar up to and with `today`.
    ///
    /// Today's year counts for the part of it that has passed: with its full weight, eleven months' orders
    /// would crowd into one January.
    pub(super) fn until(today: NaiveDate) -> Result<Self, SampleDataError> {
        // Times 1,000 so that a year's first days do not vanish in the division.
        let weights =
            YEARS.map(|(first, weight)| weight * 1_000 * open_days(first, today) / days_in(first));
        let years = Weighted::new(weights).ok_or(SampleDataError::TooEarly(today))?;
        Ok(Self { years, today })
    }

    /// Draws a day: a year by weight, then any of its days up to today.
    pub(super) fn draw(&self, stream: &mut impl Rng) -> NaiveDate {
        let (first, _) = YEARS[self.years.pick(stream)];
        let day = stream.random_range(0..open_days(first, self.today));
        first + Days::new(day.into())
    }
}

/// How many days of the year that begins on `first` have begun by `today`.
fn open_days(first: NaiveDate, today: NaiveDate) -> u32 {
    match first.year().cmp(&today.year()) {
        Ordering::Less => days_in(first),
        Ordering::Equal => today.ordinal(),
        Ordering::Greater => 0,
    }
}

fn days_in(first: NaiveDate) -> u32 {
    if first.leap_year() { 366 } else { 365 }
}

#[cfg(test)]
mod tests {
    use super::super::chance::{Subject, stream};
    use super::*;

    fn day(year: i32, month: u32, day: u32) -> NaiveDate {
        NaiveDate::from_ymd_opt(year, month, day).unwrap()
    }

    #[test]
    fn the_first_days_of_the_sample() {
        assert!(matches!(
            Calendar::until(day(2019, 12, 31)),
            Err(SampleDataError::TooEarly(_))
        ));
        let calendar = Calendar::until(day(2020, 1, 1)).unwrap();
        assert_eq!(
            calendar.draw(&mut stream(1, Subject::Purchases)),
            day(2020, 1, 1)
        );
    }

    #[test]
    fn nothing_after_2026() {
        let calendar = Calendar::until(day(2031, 5, 5)).unwrap();
        let mut stream = stream(1, Subject::Purchases);
        let latest = (0..20_000).map(|_| calendar.draw(&mut stream)).max();
        assert_eq!(latest, Some(day(2026, 12, 31)));
    }
}
