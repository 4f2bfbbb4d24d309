//! Products that are bought together: for each product type, the types that go with it.
use std::ops::Range;

use rand::{Rng, RngExt as _};

use super::SampleDataError;
use super::product_catalog::{Product, ProductCatalog};
use super::random::draw_bool;

const FILE: &str = "companions.tsv";
const TEXT: &str = include_str!("product_catalog/companions.tsv");

/// Percentage of companions that are the one product at the same position in the companion type;
/// the others are any product of that type.
const PARTNER_PERCENT: u32 = 60;

/// The companion types of every product type.
#[derive(Clone, Debug)]
pub(super) struct Companions {
    /// For each type, counted from 0: the positions of its products in the catalog.
    products: Vec<Range<i32>>,
    /// For each type, counted from 0: its companion types, counted from 0.
    companions: Vec<Vec<usize>>,
}

impl Companions {
    /// Parses the built-in file, which lists each type of the catalog once.
    pub(super) fn new(catalog: &ProductCatalog) -> Result<Self, SampleDataError> {
        Self::parse(TEXT, catalog)
    }

    fn parse(text: &str, catalog: &ProductCatalog) -> Result<Self, SampleDataError> {
        let mut companions = vec![Vec::new(); catalog.types.len()];
        let find = |name: &str| catalog.types.iter().position(|kind| kind.name == name);
        for (index, line) in text.lines().enumerate() {
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let malformed = |message| SampleDataError::Catalog {
                file: FILE,
                line: index + 1,
                message,
            };
            let mut types = line.split('\t').map(find);
            let kind = types.next().flatten().ok_or(malformed("unknown type"))?;
            let others: Vec<usize> = types
                .collect::<Option<_>>()
                .ok_or(malformed("unknown companion type"))?;
            if others.is_empty() || others.contains(&kind) {
                return Err(malformed("a type needs a companion other than itself"));
            }
            companions[kind] = others;
        }
        if companions.iter().any(Vec::is_empty) {
            return Err(SampleDataError::Catalog {
                file: FILE,
                line: 0,
                message: "a type has no companion",
            });
        }
        let position = |id| {
            catalog
                .products
                .partition_point(|product| product.type_id < id) as i32
        };
        Ok(Self {
            products: catalog
                .types
                .iter()
                .map(|kind| position(kind.id)..position(kind.id + 1))
                .collect(),
            companions,
        })
    }

    /// Draws a product that is bought together with `product`: its position in the catalog.
    pub(super) fn draw(&self, product: &Product, stream: &mut impl Rng) -> i32 {
        let kind = product.type_id as usize - 1;
        let companions = &self.companions[kind];
        let companion = companions[stream.random_range(0..companions.len() as u32) as usize];
        let range = self.products[companion].clone();
        if draw_bool(stream, PARTNER_PERCENT) {
            // The third product of a type goes with the third one of the companion type.
            let position = product.id - 1 - self.products[kind].start;
            range.start + position % (range.end - range.start)
        } else {
            stream.random_range(range)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::read_product_catalog;
    use super::*;

    #[test]
    fn malformed_files_are_rejected() {
        let catalog = read_product_catalog().unwrap();
        for (text, line, message) in [
            ("Screws\tScrewz", 1, "unknown companion type"),
            ("\nScrewz\tScrews", 2, "unknown type"),
            ("Screws", 1, "a type needs a companion other than itself"),
            (
                "Screws\tScrews",
                1,
                "a type needs a companion other than itself",
            ),
            ("Screws\tDrills & Drivers", 0, "a type has no companion"),
        ] {
            let error = Companions::parse(text, &catalog).unwrap_err();
            assert_eq!(
                error.to_string(),
                format!(
                    "the built-in catalog file companions.tsv is malformed at line {line}: {message}"
                )
            );
        }
    }
}
