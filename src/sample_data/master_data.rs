//! Loads the tables of fixed size: stores and tenants, the product catalog, and the stock.
use sqlx::PgConnection;

use super::product_catalog::{Category, Product, ProductCatalog, ProductType};
use super::stock::Stock;
use super::stores::{HEAD_OFFICE, HEAD_OFFICE_NAME, STORES, Store};

/// Inserts the stores, and a tenant for each store's manager and for head office.
pub(super) async fn insert_stores(db: &mut PgConnection) -> Result<(), sqlx::Error> {
    sqlx::query(include_str!("sql/insert_stores.sql"))
        .bind(STORES.map(|Store { id, .. }| id))
        .bind(STORES.map(|Store { name, .. }| name))
        .bind(STORES.map(|Store { tenant, .. }| tenant))
        .bind(STORES.map(|Store { is_online, .. }| is_online))
        .execute(&mut *db)
        .await?;
    sqlx::query(include_str!("sql/insert_tenants.sql"))
        .bind(HEAD_OFFICE)
        .bind(HEAD_OFFICE_NAME)
        .execute(db)
        .await
        .map(drop)
}

/// Inserts categories, product types and products.
pub(super) async fn insert_catalog(
    db: &mut PgConnection,
    catalog: &ProductCatalog,
) -> Result<(), sqlx::Error> {
    let ProductCatalog {
        categories,
        types,
        products,
    } = catalog;
    sqlx::query(include_str!("sql/insert_categories.sql"))
        .bind(column(categories, |Category { id, .. }| *id))
        .bind(column(categories, |Category { name, .. }| *name))
        .execute(&mut *db)
        .await?;
    sqlx::query(include_str!("sql/insert_product_types.sql"))
        .bind(column(types, |ProductType { id, .. }| *id))
        .bind(column(types, |ProductType { category_id, .. }| {
            *category_id
        }))
        .bind(column(types, |ProductType { name, .. }| *name))
        .execute(&mut *db)
        .await?;
    sqlx::query(include_str!("sql/insert_products.sql"))
        .bind(column(products, |Product { id, .. }| *id))
        .bind(column(products, |Product { sku, .. }| *sku))
        .bind(column(products, |Product { name, .. }| *name))
        .bind(column(products, |Product { category_id, .. }| *category_id))
        .bind(column(products, |Product { type_id, .. }| *type_id))
        .bind(column(products, |Product { cost_cents, .. }| *cost_cents))
        .bind(column(products, Product::base_price_cents))
        .bind(column(products, Product::margin_basis_points))
        .bind(column(products, |Product { description, .. }| *description))
        .execute(db)
        .await
        .map(drop)
}

/// Inserts the stock of all stores.
pub(super) async fn insert_stock(
    db: &mut PgConnection,
    stock: &[Stock],
) -> Result<(), sqlx::Error> {
    sqlx::query(include_str!("sql/insert_inventory.sql"))
        .bind(column(stock, |Stock { store_id, .. }| *store_id))
        .bind(column(stock, |Stock { product_id, .. }| *product_id))
        .bind(column(stock, |Stock { level, .. }| *level))
        .execute(db)
        .await
        .map(drop)
}

fn column<'a, T, C>(rows: &'a [T], cell: impl Fn(&'a T) -> C) -> Vec<C> {
    rows.iter().map(cell).collect()
}
