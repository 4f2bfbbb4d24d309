//! Draws the dates of orders.
//!
//! Invariant: the dates do not depend on the day on which the sample is generated. The calendar
//! always ends with 2026; an earlier end is made by leaving out the later orders.
use chrono::{Datelike as _, Days, NaiveDate};
use rand::Rng;

use super::random::WeightedChoice;

/// The first day of each year and the year's weight in thousandths: business grows, with a dip in
/// 2023.
pub(super) const YEARS: [(NaiveDate, u32); 7] = [
    (january_first(2020), 1_000),
    (january_first(2021), 1_100),
    (january_first(2022), 1_210),
    (january_first(2023), 1_150),
    (january_first(2024), 1_265),
    (january_first(2025), 1_392),
    (january_first(2026), 1_531),
];

/// Orders of a physical store from Monday to Sunday, in percent of its average day. Weekends are
/// the busiest, because people work on their projects then.
pub(super) const WALK_IN_WEEK: [u32; 7] = [80, 78, 82, 92, 112, 152, 104];
/// Orders of the web shop from Monday to Sunday. People order on Sunday evenings and early in the
/// week.
pub(super) const ONLINE_WEEK: [u32; 7] = [118, 104, 98, 94, 84, 86, 116];

const fn january_first(year: i32) -> NaiveDate {
    NaiveDate::from_ymd_opt(year, 1, 1).expect("every year has a first of January")
}

/// The days on which orders are placed.
#[derive(Clone, Debug)]
pub(super) struct Calendar {
    years: WeightedChoice,
    /// For each year, the choice among its days in a physical store.
    walk_in: Vec<WeightedChoice>,
    /// For each year, the choice among its days in the web shop.
    online: Vec<WeightedChoice>,
}

impl Calendar {
    /// The calendar to the end of 2026; `None` if the weights above are all zero.
    pub(super) fn new() -> Option<Self> {
        let days = |week: [u32; 7]| {
            let days_in_year = |(first, _): (NaiveDate, u32)| {
                WeightedChoice::new(year_days(first).map(|day| week[weekday(day)]))
            };
            YEARS
                .into_iter()
                .map(days_in_year)
                .collect::<Option<Vec<_>>>()
        };
        Some(Self {
            years: WeightedChoice::new(YEARS.map(|(_, weight)| weight))?,
            walk_in: days(WALK_IN_WEEK)?,
            online: days(ONLINE_WEEK)?,
        })
    }

    /// Draws a day: a year by its weight, then one of its days by the weight of the weekday.
    pub(super) fn draw(&self, is_online: bool, stream: &mut impl Rng) -> NaiveDate {
        let year = self.years.draw(stream);
        let days = if is_online {
            &self.online
        } else {
            &self.walk_in
        };
        YEARS[year].0 + Days::new(days[year].draw(stream) as u64)
    }
}

/// The weekday of a date; Monday is 0.
fn weekday(day: NaiveDate) -> usize {
    day.weekday().num_days_from_monday() as usize
}

/// All days of the year that begins on `first`.
pub(super) fn year_days(first: NaiveDate) -> impl Iterator<Item = NaiveDate> {
    first
        .iter_days()
        .take_while(move |day| day.year() == first.year())
}

#[cfg(test)]
mod tests {
    use super::super::random::{StreamId, random_stream};
    use super::*;

    #[test]
    fn the_weekday_percentages_have_a_mean_of_one_hundred() {
        for week in [WALK_IN_WEEK, ONLINE_WEEK] {
            assert_eq!(week.iter().sum::<u32>(), 700);
        }
    }

    #[test]
    fn every_day_of_the_seven_years_is_drawn_and_no_other() {
        let calendar = Calendar::new().unwrap();
        let mut stream = random_stream(1, StreamId::Purchases);
        let mut days: Vec<_> = (0..60_000)
            .map(|_| calendar.draw(false, &mut stream))
            .collect();
        days.sort_unstable();
        days.dedup();
        let all: Vec<_> = YEARS
            .into_iter()
            .flat_map(|(first, _)| year_days(first))
            .collect();
        assert_eq!(days, all);
        assert_eq!(all.len(), 2_557);
    }
}
