//! On which day an order is placed.
//!
//! Invariant: what is drawn does not depend on the day on which the sample is made. The calendar
//! always reaches to the end of 2026; who asks for less leaves the later orders out.
use chrono::{Datelike as _, Days, NaiveDate};
use rand::Rng;

use super::chance::Weighted;

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

/// How busy a store is from Monday to Sunday, in per cent of its average day: weekends are for
/// projects.
pub(super) const WALK_IN_WEEK: [u32; 7] = [80, 78, 82, 92, 112, 152, 104];
/// The same of the web shop: ordered on Sunday evening and at the beginning of the week.
pub(super) const ONLINE_WEEK: [u32; 7] = [118, 104, 98, 94, 84, 86, 116];

const fn first_of(year: i32) -> NaiveDate {
    NaiveDate::from_ymd_opt(year, 1, 1).expect("every year has a first of January")
}

/// The days on which orders are placed.
#[derive(Clone, Debug)]
pub(super) struct Calendar {
    years: Weighted,
    /// By year: the choice among its days.
    walk_in: Vec<Weighted>,
    online: Vec<Weighted>,
}

impl Calendar {
    /// The whole calendar; `None` if the constants above had no weight.
    pub(super) fn new() -> Option<Self> {
        let days = |week: [u32; 7]| {
            let of_year = |(first, _): (NaiveDate, u32)| {
                Weighted::new(days_of(first).map(|day| week[weekday(day)]))
            };
            YEARS.into_iter().map(of_year).collect::<Option<Vec<_>>>()
        };
        Some(Self {
            years: Weighted::new(YEARS.map(|(_, weight)| weight))?,
            walk_in: days(WALK_IN_WEEK)?,
            online: days(ONLINE_WEEK)?,
        })
    }

    /// Draws a day: a year by weight, then one of its days by how busy the weekday is.
    pub(super) fn draw(&self, is_online: bool, stream: &mut impl Rng) -> NaiveDate {
        let year = self.years.pick(stream);
        let days = if is_online {
            &self.online
        } else {
            &self.walk_in
        };
        YEARS[year].0 + Days::new(days[year].pick(stream) as u64)
    }
}

/// From 0 for Monday.
fn weekday(day: NaiveDate) -> usize {
    day.weekday().num_days_from_monday() as usize
}

/// All days of the year that begins on `first`.
pub(super) fn days_of(first: NaiveDate) -> impl Iterator<Item = NaiveDate> {
    first
        .iter_days()
        .take_while(move |day| day.year() == first.year())
}

#[cfg(test)]
mod tests {
    use super::super::chance::{Subject, stream};
    use super::*;

    #[test]
    fn the_weeks_are_percentages_of_an_average_day() {
        for week in [WALK_IN_WEEK, ONLINE_WEEK] {
            assert_eq!(week.iter().sum::<u32>(), 700);
        }
    }

    #[test]
    fn every_day_of_seven_years_and_no_other() {
        let calendar = Calendar::new().unwrap();
        let mut stream = stream(1, Subject::Purchases);
        let mut days: Vec<_> = (0..60_000)
            .map(|_| calendar.draw(false, &mut stream))
            .collect();
        days.sort_unstable();
        days.dedup();
        let all: Vec<_> = YEARS
            .into_iter()
            .flat_map(|(first, _)| days_of(first))
            .collect();
        assert_eq!(days, all);
        assert_eq!(all.len(), 2_557);
    }
}
