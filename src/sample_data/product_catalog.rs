//! Parses the product catalog: categories, product types and products, in one text file per
//! category below `product_catalog/`.
//!
//! A file consists of lines of tab-separated fields; empty lines and lines that begin with `#` are
//! ignored:
//! ```text
//! category    <name>
//! months      <twelve integers: demand from January to December, percent of an average month>
//! margin      <integer: mean gross margin of the category, percent of the list price>
//! type        <name>
//! <sku>       <cost in dollars, two decimals>    <name>    <description>
//! ```
//! A product belongs to the type above it. Ids are positions, so a product that is inserted changes
//! the ids and the orders of all products after it.

use super::SampleDataError;

/// The files, in the order of the category ids.
const FILES: [(&str, &str); 9] = [
    (
        "hand_tools.tsv",
        include_str!("product_catalog/hand_tools.tsv"),
    ),
    (
        "power_tools.tsv",
        include_str!("product_catalog/power_tools.tsv"),
    ),
    (
        "paint_and_finishes.tsv",
        include_str!("product_catalog/paint_and_finishes.tsv"),
    ),
    ("hardware.tsv", include_str!("product_catalog/hardware.tsv")),
    (
        "lumber_and_building_materials.tsv",
        include_str!("product_catalog/lumber_and_building_materials.tsv"),
    ),
    (
        "electrical.tsv",
        include_str!("product_catalog/electrical.tsv"),
    ),
    ("plumbing.tsv", include_str!("product_catalog/plumbing.tsv")),
    (
        "garden_and_outdoor.tsv",
        include_str!("product_catalog/garden_and_outdoor.tsv"),
    ),
    (
        "storage_and_organization.tsv",
        include_str!("product_catalog/storage_and_organization.tsv"),
    ),
];

/// The product catalog, which is the same in all stores.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct ProductCatalog {
    /// In the order of ids.
    pub categories: Vec<Category>,
    /// In the order of ids; the types of a category are contiguous.
    pub types: Vec<ProductType>,
    /// In the order of ids; the products of a type are contiguous.
    pub products: Vec<Product>,
}

/// A category, the top level of the catalog.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Category {
    /// Its `category_id`, from 1.
    pub id: i32,
    /// Its name, in capitals.
    pub name: &'static str,
    /// Demand from January to December in Washington State, in percent of an average month.
    pub month_percent: [u32; 12],
    /// Mean gross margin of the category, in percent of the list price.
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
    /// Its unique name.
    pub name: &'static str,
    /// One or two sentences, for customers who search for it in other words.
    pub description: &'static str,
    /// Unit cost of the store, in cents.
    pub cost_cents: i64,
    /// Gross margin before the list price is rounded to cents, in percent of the list price: at
    /// most `MAX_MARGIN_DEVIATION` points from the category's.
    pub margin_percent: i64,
}

/// Maximum difference between the margins of a product and its category, in percentage points.
const MAX_MARGIN_DEVIATION: i64 = 6;

impl Product {
    /// The list price in cents, rounded half up.
    #[must_use]
    pub fn base_price_cents(&self) -> i64 {
        let divisor = 100 - self.margin_percent;
        (self.cost_cents * 100 + divisor / 2) / divisor
    }

    /// The gross margin in hundredths of a percent of the list price, rounded half up.
    #[must_use]
    pub fn margin_basis_points(&self) -> i64 {
        let base = self.base_price_cents();
        ((base - self.cost_cents) * 10_000 + base / 2) / base
    }
}

/// Parses the product catalog that is built into this binary; takes about a millisecond.
///
/// # Errors
/// [`SampleDataError::Catalog`] if a built-in file is malformed.
pub fn read_product_catalog() -> Result<ProductCatalog, SampleDataError> {
    let mut catalog = ProductCatalog::default();
    for (file, text) in FILES {
        let error_at = |line| {
            move |message| SampleDataError::Catalog {
                file,
                line,
                message,
            }
        };
        for (index, line) in text.lines().enumerate() {
            catalog.parse_line(line).map_err(error_at(index + 1))?;
        }
        catalog.check_category().map_err(error_at(0))?;
    }
    Ok(catalog)
}

impl ProductCatalog {
    fn parse_line(&mut self, line: &'static str) -> Result<(), &'static str> {
        if line.is_empty() || line.starts_with('#') {
            return Ok(());
        }
        match line.split_once('\t') {
            Some(("category", name)) => self.begin_category(name),
            Some(("months", weights)) => self.set_months(weights)?,
            Some(("margin", percent)) => self.set_margin(percent)?,
            Some(("type", name)) => self.begin_type(name)?,
            Some((sku, rest)) => self.add_product(sku, rest)?,
            None => return Err("line without a tab"),
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
            .ok_or("`months` before a category")?;
        let weights: Vec<u32> = weights
            .split('\t')
            .map(|weight| {
                weight
                    .parse()
                    .ok()
                    .filter(|weight| (1..=1_000).contains(weight))
            })
            .collect::<Option<_>>()
            .ok_or("`months` must be integers from 1 to 1000")?;
        category.month_percent = weights
            .try_into()
            .map_err(|_| "`months` must have twelve numbers")?;
        Ok(())
    }

    fn set_margin(&mut self, percent: &str) -> Result<(), &'static str> {
        let category = self
            .categories
            .last_mut()
            .ok_or("`margin` before a category")?;
        category.margin_percent = percent
            .parse()
            .ok()
            .filter(|percent| (10..=70).contains(percent))
            .ok_or("`margin` must be an integer from 10 to 70")?;
        Ok(())
    }

    fn begin_type(&mut self, name: &'static str) -> Result<(), &'static str> {
        let category_id = self.categories.last().ok_or("type before a category")?.id;
        let id = next_id(&self.types);
        self.types.push(ProductType {
            id,
            category_id,
            name,
        });
        Ok(())
    }

    fn add_product(&mut self, sku: &'static str, rest: &'static str) -> Result<(), &'static str> {
        let kind = self.types.last().ok_or("product before a type")?;
        let category = self.categories.last().ok_or("product before a category")?;
        let id = next_id(&self.products);
        let mut fields = rest.split('\t');
        let (Some(cost), Some(name), Some(description), None) =
            (fields.next(), fields.next(), fields.next(), fields.next())
        else {
            return Err("a product must have four fields");
        };
        self.products.push(Product {
            id,
            category_id: kind.category_id,
            type_id: kind.id,
            sku,
            name,
            description,
            cost_cents: parse_cents(cost).ok_or("the cost must have the form dollars.cents")?,
            // 7 and 13 are coprime: adjacent products differ, and all 13 deviations occur.
            margin_percent: category.margin_percent + i64::from(id) * 7 % 13 - MAX_MARGIN_DEVIATION,
        });
        Ok(())
    }

    /// Checks what the generator relies on: the category just parsed has weights and products.
    fn check_category(&self) -> Result<(), &'static str> {
        let category = self.categories.last().ok_or("no category")?;
        if category.month_percent[0] == 0 {
            return Err("no `months`");
        }
        if category.margin_percent == 0 {
            return Err("no `margin`");
        }
        match self.products.last() {
            Some(product) if product.category_id == category.id => Ok(()),
            _ => Err("no products"),
        }
    }
}

/// The id after those of `items`; ids are positions counted from 1.
fn next_id<T>(items: &[T]) -> i32 {
    items.len() as i32 + 1
}

/// Parses an amount of dollars into cents: `12.50` → 1250.
fn parse_cents(dollars: &str) -> Option<i64> {
    let (whole, fraction) = dollars.split_once('.')?;
    let fraction: i64 = (fraction.len() == 2).then(|| fraction.parse().ok())??;
    Some(whole.parse::<i64>().ok()? * 100 + fraction)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_rejected(lines: &[&'static str], expect: &str) {
        let mut catalog = ProductCatalog::default();
        let result = lines.iter().try_for_each(|line| catalog.parse_line(line));
        assert_eq!(result.and_then(|()| catalog.check_category()), Err(expect));
    }

    #[test]
    fn malformed_files_are_rejected() {
        check_rejected(&["hammer"], "line without a tab");
        check_rejected(&["type\tHammers"], "type before a category");
        check_rejected(&["months\t1"], "`months` before a category");
        check_rejected(
            &["category\tA", "months\t1\t2"],
            "`months` must have twelve numbers",
        );
        check_rejected(
            &["category\tA", "months\t0\t2"],
            "`months` must be integers from 1 to 1000",
        );
        check_rejected(
            &["category\tA", "X\t1.00\tname\ttext"],
            "product before a type",
        );
        check_rejected(
            &["category\tA", "type\tT", "X\t1.00\tname"],
            "a product must have four fields",
        );
        check_rejected(
            &["category\tA", "type\tT", "X\t1.5\tname\ttext"],
            "the cost must have the form dollars.cents",
        );
        check_rejected(&["margin\t33"], "`margin` before a category");
        check_rejected(
            &["category\tA", "margin\t9"],
            "`margin` must be an integer from 10 to 70",
        );
        check_rejected(&["category\tA", "type\tT"], "no `months`");
        let months = "months\t1\t1\t1\t1\t1\t1\t1\t1\t1\t1\t1\t1";
        check_rejected(&["category\tA", months], "no `margin`");
        check_rejected(&["category\tA", months, "margin\t33"], "no products");
    }

    #[test]
    fn list_price_and_margin_are_rounded_half_up() {
        let price = |(cost_cents, margin_percent)| {
            let mut catalog = ProductCatalog::default();
            for line in ["category\tA", "type\tT", "X\t1.00\tname\ttext"] {
                catalog.parse_line(line).unwrap();
            }
            let product = Product {
                cost_cents,
                margin_percent,
                ..catalog.products.remove(0)
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
}
