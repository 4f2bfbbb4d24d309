//! Categories, product types and products: text files in `catalogue/`, one per category, and their parser.
//!
//! A file is lines of tab-separated fields; empty lines and lines that begin with `#` do not count:
//! ```text
//! category    <name>
//! months      <twelve whole numbers: demand from January to December in per cent of an average month>
//! margin      <whole number: what of the list price is margin, in per cent, in the middle of the category>
//! type        <name>
//! <sku>       <cost in dollars, two decimals>    <name>    <description>
//! ```
//! A product belongs to the type above it. Ids are positions, so a new product goes to the end of its type only
//! if nobody minds that the products after it get other ids and other orders.
use sha2::{Digest as _, Sha256};

use super::SampleDataError;

/// The files in the order of the category ids.
const FILES: [(&str, &str); 9] = [
    ("hand_tools.tsv", include_str!("catalogue/hand_tools.tsv")),
    ("power_tools.tsv", include_str!("catalogue/power_tools.tsv")),
    (
        "paint_and_finishes.tsv",
        include_str!("catalogue/paint_and_finishes.tsv"),
    ),
    ("hardware.tsv", include_str!("catalogue/hardware.tsv")),
    (
        "lumber_and_building_materials.tsv",
        include_str!("catalogue/lumber_and_building_materials.tsv"),
    ),
    ("electrical.tsv", include_str!("catalogue/electrical.tsv")),
    ("plumbing.tsv", include_str!("catalogue/plumbing.tsv")),
    (
        "garden_and_outdoor.tsv",
        include_str!("catalogue/garden_and_outdoor.tsv"),
    ),
    (
        "storage_and_organization.tsv",
        include_str!("catalogue/storage_and_organization.tsv"),
    ),
];

/// The assortment, the same in all stores.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Catalogue {
    /// By id.
    pub categories: Vec<Category>,
    /// By id; each category's types lie together.
    pub types: Vec<ProductType>,
    /// By id; each type's products lie together.
    pub products: Vec<Product>,
}

/// A category, the top level of the assortment.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Category {
    /// Its `category_id`, from 1.
    pub id: i32,
    /// Its name, in capitals.
    pub name: &'static str,
    /// How much it is asked for from January to December in Washington State, in per cent of an average month.
    pub month_percent: [u32; 12],
    /// What of the list price is margin in the middle of the category, in per cent.
    pub margin_percent: i64,
}

/// A product type, the level between category and product.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ProductType {
    /// Its `type_id`, from 1.
    pub id: i32,
    /// The category it belongs to.
    pub category_id: i32,
    /// Its name.
    pub name: &'static str,
}

/// A product.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Product {
    /// Its `product_id`, from 1.
    pub id: i32,
    /// The category it belongs to.
    pub category_id: i32,
    /// The type it belongs to.
    pub type_id: i32,
    /// Its stock-keeping unit: two letters for the category, two for the type, six digits.
    pub sku: &'static str,
    /// Its name, unique.
    pub name: &'static str,
    /// One or two sentences for a customer who looks for it in other words.
    pub description: &'static str,
    /// What a store pays for one, in cents.
    pub cost_cents: i64,
    /// What of the list price is margin before that is rounded to cents, in per cent: the
    /// category's, and up to six points more or less.
    pub margin_percent: i64,
}

/// How far a product's margin is from its category's, at most, in points.
const MARGIN_SPREAD: i64 = 6;

impl Product {
    /// The list price in cents, rounded half up.
    #[must_use]
    pub fn base_price_cents(&self) -> i64 {
        let divisor = 100 - self.margin_percent;
        (self.cost_cents * 100 + divisor / 2) / divisor
    }

    /// What of the list price is margin, in hundredths of a per cent, rounded half up.
    #[must_use]
    pub fn margin_basis_points(&self) -> i64 {
        let base = self.base_price_cents();
        ((base - self.cost_cents) * 10_000 + base / 2) / base
    }

    /// The text whose vector stands for this product in search by meaning.
    #[must_use]
    pub fn embedding_text(&self) -> String {
        embedding_text(self.name, self.description)
    }
}

/// The text whose vector stands for a product: the one place that says how it is put together.
#[must_use]
pub fn embedding_text(product_name: &str, product_description: &str) -> String {
    format!("{product_name}. {product_description}")
}

/// The SHA-256 of an embedded text, by which a vector that is out of date is found.
#[must_use]
pub fn content_hash(embedding_text: &str) -> [u8; 32] {
    Sha256::digest(embedding_text).into()
}

/// Reads the catalogue that is built into this binary; takes about a millisecond.
///
/// # Errors
/// [`SampleDataError::Catalogue`] if a built-in file is malformed.
pub fn catalogue() -> Result<Catalogue, SampleDataError> {
    let mut catalogue = Catalogue::default();
    for (file, text) in FILES {
        let position = |line| move |defect| SampleDataError::Catalogue { file, line, defect };
        for (index, line) in text.lines().enumerate() {
            catalogue.read_line(line).map_err(position(index + 1))?;
        }
        catalogue.check_category().map_err(position(0))?;
    }
    Ok(catalogue)
}

impl Catalogue {
    fn read_line(&mut self, line: &'static str) -> Result<(), &'static str> {
        if line.is_empty() || line.starts_with('#') {
            return Ok(());
        }
        match line.split_once('\t') {
            Some(("category", name)) => self.begin_category(name),
            Some(("months", weights)) => self.set_months(weights)?,
            Some(("margin", percent)) => self.set_margin(percent)?,
            Some(("type", name)) => self.begin_type(name)?,
            Some((sku, rest)) => self.add_product(sku, rest)?,
            None => return Err("a line without a tab"),
        }
        Ok(())
    }

    fn begin_category(&mut self, name: &'static str) {
        let id = next_id(&self.categories);
        self.categories.push(Category {
            id,
            name,
            month_percent: [0; 12],
            margin_percent: 0,
        });
    }

    fn set_months(&mut self, weights: &str) -> Result<(), &'static str> {
        let category = self
            .categories
            .last_mut()
            .ok_or("months before a category")?;
        let weights: Vec<u32> = weights
            .split('\t')
            .map(|weight| {
                weight
                    .parse()
                    .ok()
                    .filter(|weight| (1..=1_000).contains(weight))
            })
            .collect::<Option<_>>()
            .ok_or("a month's weight that is no number from 1 to 1000")?;
        category.month_percent = weights.try_into().map_err(|_| "not twelve months")?;
        Ok(())
    }

    fn set_margin(&mut self, percent: &str) -> Result<(), &'static str> {
        let category = self
            .categories
            .last_mut()
            .ok_or("a margin before a category")?;
        category.margin_percent = percent
            .parse()
            .ok()
            .filter(|percent| (10..=70).contains(percent))
            .ok_or("a margin that is no number from 10 to 70")?;
        Ok(())
    }

    fn begin_type(&mut self, name: &'static str) -> Result<(), &'static str> {
        let category_id = self.categories.last().ok_or("a type before a category")?.id;
        let id = next_id(&self.types);
        self.types.push(ProductType {
            id,
            category_id,
            name,
        });
        Ok(())
    }

    fn add_product(&mut self, sku: &'static str, rest: &'static str) -> Result<(), &'static str> {
        let kind = self.types.last().ok_or("a product before a type")?;
        let category = self
            .categories
            .last()
            .ok_or("a product before a category")?;
        let id = next_id(&self.products);
        let mut fields = rest.split('\t');
        let (Some(cost), Some(name), Some(description), None) =
            (fields.next(), fields.next(), fields.next(), fields.next())
        else {
            return Err("a product without exactly four fields");
        };
        self.products.push(Product {
            id,
            category_id: kind.category_id,
            type_id: kind.id,
            sku,
            name,
            description,
            cost_cents: cents(cost).ok_or("a cost that is not dollars.cents")?,
            // Seven and thirteen have no common factor: neighbours differ, and all thirteen occur.
            margin_percent: category.margin_percent + i64::from(id) * 7 % 13 - MARGIN_SPREAD,
        });
        Ok(())
    }

    /// Proves what the generator relies on: the category just read has weights, and products to choose from.
    fn check_category(&self) -> Result<(), &'static str> {
        let category = self.categories.last().ok_or("no category")?;
        if category.month_percent[0] == 0 {
            return Err("no months");
        }
        if category.margin_percent == 0 {
            return Err("no margin");
        }
        match self.products.last() {
            Some(product) if product.category_id == category.id => Ok(()),
            _ => Err("no products"),
        }
    }
}

/// Ids are positions counted from 1.
fn next_id<T>(already: &[T]) -> i32 {
    already.len() as i32 + 1
}

/// `12.50` → 1250.
fn cents(dollars: &str) -> Option<i64> {
    let (whole, fraction) = dollars.split_once('.')?;
    let fraction: i64 = (fraction.len() == 2).then(|| fraction.parse().ok())??;
    Some(whole.parse::<i64>().ok()? * 100 + fraction)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_refused(lines: &[&'static str], expect: &str) {
        let mut catalogue = Catalogue::default();
        let result = lines.iter().try_for_each(|line| catalogue.read_line(line));
        assert_eq!(
            result.and_then(|()| catalogue.check_category()),
            Err(expect)
        );
    }

    #[test]
    fn malformed_files_are_refused() {
        check_refused(&["hammer"], "a line without a tab");
        check_refused(&["type\tHammers"], "a type before a category");
        check_refused(&["months\t1"], "months before a category");
        check_refused(&["category\tA", "months\t1\t2"], "not twelve months");
        check_refused(
            &["category\tA", "months\t0\t2"],
            "a month's weight that is no number from 1 to 1000",
        );
        check_refused(
            &["category\tA", "X\t1.00\tname\ttext"],
            "a product before a type",
        );
        check_refused(
            &["category\tA", "type\tT", "X\t1.00\tname"],
            "a product without exactly four fields",
        );
        check_refused(
            &["category\tA", "type\tT", "X\t1.5\tname\ttext"],
            "a cost that is not dollars.cents",
        );
        check_refused(&["margin\t33"], "a margin before a category");
        check_refused(
            &["category\tA", "margin\t9"],
            "a margin that is no number from 10 to 70",
        );
        check_refused(&["category\tA", "type\tT"], "no months");
        let months = "months\t1\t1\t1\t1\t1\t1\t1\t1\t1\t1\t1\t1";
        check_refused(&["category\tA", months], "no margin");
        check_refused(&["category\tA", months, "margin\t33"], "no products");
    }

    #[test]
    fn list_price_and_margin_round_to_the_nearest() {
        let price = |(cost_cents, margin_percent)| {
            let mut catalogue = Catalogue::default();
            for line in ["category\tA", "type\tT", "X\t1.00\tname\ttext"] {
                catalogue.read_line(line).unwrap();
            }
            let product = Product {
                cost_cents,
                margin_percent,
                ..catalogue.products.remove(0)
            };
            (product.base_price_cents(), product.margin_basis_points())
        };
        // 67 / 0.67 = 100; 100 / 0.67 = 149.25; 1_234 / 0.67 = 1841.79; 999 / 0.8 = 1248.75; 50 /
        // 0.52 = 96.15
        assert_eq!(
            [(67, 33), (100, 33), (1_234, 33), (999, 20), (50, 48)].map(price),
            [
                (100, 3_300),
                (149, 3_289),
                (1_842, 3_301),
                (1_249, 2_002),
                (96, 4_792)
            ]
        );
    }

    #[test]
    fn the_embedded_text_is_name_and_description() {
        assert_eq!(embedding_text("Tack Hammer", "Slim."), "Tack Hammer. Slim.");
        let abc = content_hash("abc")
            .map(|byte| format!("{byte:02x}"))
            .concat();
        assert!(
            abc.starts_with("ba7816bf8f01cfea"),
            "FIPS 180-4's example: {abc}"
        );
    }
}
