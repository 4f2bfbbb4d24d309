//! Which products are bought together: for each product type the types that go with it.
use std::ops::Range;

use rand::{Rng, RngExt as _};

use super::SampleDataError;
use super::catalogue::{Catalogue, Product};
use super::chance::happens;

const FILE: &str = "companions.tsv";
const TEXT: &str = include_str!("catalogue/companions.tsv");

/// Of 100 companions, how many are the product's own partner; the others are any of the partner's
/// type.
const PARTNER_PERCENT: u32 = 60;

/// The companions of every product type.
#[derive(Clone, Debug)]
pub(super) struct Companions {
    /// By type, from 0: where the type's products lie in the catalogue.
    products: Vec<Range<i32>>,
    /// By type, from 0: the types that go with it, from 0.
    companions: Vec<Vec<usize>>,
}

impl Companions {
    /// Reads the built-in file, which names each type of the catalogue once.
    pub(super) fn new(catalogue: &Catalogue) -> Result<Self, SampleDataError> {
        Self::parse(TEXT, catalogue)
    }

    fn parse(text: &str, catalogue: &Catalogue) -> Result<Self, SampleDataError> {
        let mut companions = vec![Vec::new(); catalogue.types.len()];
        let find = |name: &str| catalogue.types.iter().position(|kind| kind.name == name);
        for (index, line) in text.lines().enumerate() {
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let malformed = |defect| SampleDataError::Catalogue {
                file: FILE,
                line: index + 1,
                defect,
            };
            let mut types = line.split('\t').map(find);
            let kind = types.next().flatten().ok_or(malformed("no such type"))?;
            let others: Vec<usize> = types
                .collect::<Option<_>>()
                .ok_or(malformed("no such companion"))?;
            if others.is_empty() || others.contains(&kind) {
                return Err(malformed("a type needs a companion other than itself"));
            }
            companions[kind] = others;
        }
        if companions.iter().any(Vec::is_empty) {
            return Err(SampleDataError::Catalogue {
                file: FILE,
                line: 0,
                defect: "a type has no companion",
            });
        }
        let position = |id| {
            catalogue
                .products
                .partition_point(|product| product.type_id < id) as i32
        };
        Ok(Self {
            products: catalogue
                .types
                .iter()
                .map(|kind| position(kind.id)..position(kind.id + 1))
                .collect(),
            companions,
        })
    }

    /// Draws what is bought with a product: its position in the catalogue.
    pub(super) fn draw(&self, product: &Product, stream: &mut impl Rng) -> i32 {
        let kind = product.type_id as usize - 1;
        let companions = &self.companions[kind];
        let companion = companions[stream.random_range(0..companions.len() as u32) as usize];
        let range = self.products[companion].clone();
        if happens(stream, PARTNER_PERCENT) {
            // The third product of a type goes with the third one of the other.
            let place = product.id - 1 - self.products[kind].start;
            range.start + place % (range.end - range.start)
        } else {
            stream.random_range(range)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::catalogue;
    use super::*;

    #[test]
    fn malformed_files_are_refused() {
        let catalogue = catalogue().unwrap();
        for (text, line, defect) in [
            ("Screws\tScrewz", 1, "no such companion"),
            ("\nScrewz\tScrews", 2, "no such type"),
            ("Screws", 1, "a type needs a companion other than itself"),
            (
                "Screws\tScrews",
                1,
                "a type needs a companion other than itself",
            ),
            ("Screws\tDrills & Drivers", 0, "a type has no companion"),
        ] {
            let refused = Companions::parse(text, &catalogue).unwrap_err();
            assert_eq!(
                refused.to_string(),
                format!(
                    "the built-in catalogue file companions.tsv is malformed at line {line}: {defect}"
                )
            );
        }
    }
}
