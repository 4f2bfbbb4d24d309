//! The catalog's texts, and the stores.
use std::collections::HashSet;

use super::super::STORES;
use super::CATALOG;

#[test]
fn the_catalog_is_complete_and_has_no_duplicates() {
    let names: Vec<_> = CATALOG
        .categories
        .iter()
        .map(|category| category.name)
        .collect();
    let expected = "HAND TOOLS, POWER TOOLS, PAINT & FINISHES, HARDWARE, LUMBER & BUILDING MATERIALS, ELECTRICAL, \
                    PLUMBING, GARDEN & OUTDOOR, STORAGE & ORGANIZATION";
    assert_eq!(names.join(", "), expected);
    assert_eq!(CATALOG.types.len(), 56);
    assert_eq!(CATALOG.products.len(), 424);
    let distinct = |values: Vec<&str>| values.iter().collect::<HashSet<_>>().len();
    assert_eq!(
        distinct(CATALOG.types.iter().map(|kind| kind.name).collect()),
        56
    );
    assert_eq!(
        distinct(CATALOG.products.iter().map(|product| product.sku).collect()),
        424
    );
    assert_eq!(
        distinct(
            CATALOG
                .products
                .iter()
                .map(|product| product.name)
                .collect()
        ),
        424
    );
    assert_eq!(
        distinct(
            CATALOG
                .products
                .iter()
                .map(|product| product.description)
                .collect()
        ),
        424
    );
    for kind in &CATALOG.types {
        let products = CATALOG
            .products
            .iter()
            .filter(|product| product.type_id == kind.id);
        assert!(products.count() >= 7, "too few {}", kind.name);
    }
}

#[test]
fn every_product_is_well_formed() {
    for product in &CATALOG.products {
        let (letters, digits) = product.sku.split_at(4);
        assert!(
            letters.bytes().all(|byte| byte.is_ascii_uppercase()),
            "{product:?}"
        );
        assert!(
            digits.len() == 6 && digits.bytes().all(|byte| byte.is_ascii_digit()),
            "{product:?}"
        );
        assert!((50..=50_000).contains(&product.cost_cents), "{product:?}");
        assert!(
            (40..=250).contains(&product.description.len()),
            "{product:?}"
        );
        assert!(
            product.description.ends_with('.') && product.description.is_ascii(),
            "{product:?}"
        );
        assert!(!product.name.ends_with('.'), "{product:?}");
    }
}

/// No two texts may share so many words that semantic search cannot distinguish them.
#[test]
fn no_two_descriptions_share_most_of_their_words() {
    let words = |text: &'static str| -> HashSet<&str> {
        text.split(|letter: char| !letter.is_alphanumeric())
            .filter(|word| word.len() > 3)
            .collect()
    };
    let texts: Vec<_> = CATALOG
        .products
        .iter()
        .map(|product| words(product.description))
        .collect();
    for (index, one) in texts.iter().enumerate() {
        for (other, text) in texts.iter().enumerate().skip(index + 1) {
            let shared = one.intersection(text).count();
            let word_count = one.len().min(text.len());
            let products = [index, other].map(|index| CATALOG.products[index].name);
            assert!(
                shared * 2 <= word_count,
                "{shared} of {word_count} words are the same in {products:?}"
            );
        }
    }
}

#[test]
fn stores_are_numbered_in_order() {
    assert!(
        STORES
            .iter()
            .enumerate()
            .all(|(index, store)| store.id as usize == index + 1)
    );
    let online: Vec<_> = STORES
        .iter()
        .filter(|store| store.is_online)
        .map(|store| store.name)
        .collect();
    assert_eq!(online, ["Zava Retail Online"]);
}
