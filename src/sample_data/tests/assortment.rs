//! The catalogue's texts, the stores.
use std::collections::HashSet;

use super::super::STORES;
use super::CATALOGUE;

#[test]
fn the_catalogue_is_complete_and_distinct() {
    let names: Vec<_> = CATALOGUE
        .categories
        .iter()
        .map(|category| category.name)
        .collect();
    let expected = "HAND TOOLS, POWER TOOLS, PAINT & FINISHES, HARDWARE, LUMBER & BUILDING MATERIALS, ELECTRICAL, \
                    PLUMBING, GARDEN & OUTDOOR, STORAGE & ORGANIZATION";
    assert_eq!(names.join(", "), expected);
    assert_eq!(CATALOGUE.types.len(), 56);
    assert_eq!(CATALOGUE.products.len(), 424);
    let distinct = |values: Vec<&str>| values.iter().collect::<HashSet<_>>().len();
    assert_eq!(
        distinct(CATALOGUE.types.iter().map(|kind| kind.name).collect()),
        56
    );
    assert_eq!(
        distinct(
            CATALOGUE
                .products
                .iter()
                .map(|product| product.sku)
                .collect()
        ),
        424
    );
    assert_eq!(
        distinct(
            CATALOGUE
                .products
                .iter()
                .map(|product| product.name)
                .collect()
        ),
        424
    );
    assert_eq!(
        distinct(
            CATALOGUE
                .products
                .iter()
                .map(|product| product.description)
                .collect()
        ),
        424
    );
    for kind in &CATALOGUE.types {
        let products = CATALOGUE
            .products
            .iter()
            .filter(|product| product.type_id == kind.id);
        assert!(products.count() >= 7, "too few {}", kind.name);
    }
}

#[test]
fn every_product_reads_like_one() {
    for product in &CATALOGUE.products {
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

/// No two texts may share so many words that search by meaning cannot tell them apart.
#[test]
fn no_description_is_a_variant_of_another() {
    let words = |text: &'static str| -> HashSet<&str> {
        text.split(|letter: char| !letter.is_alphanumeric())
            .filter(|word| word.len() > 3)
            .collect()
    };
    let texts: Vec<_> = CATALOGUE
        .products
        .iter()
        .map(|product| words(product.description))
        .collect();
    for (index, one) in texts.iter().enumerate() {
        for (other, text) in texts.iter().enumerate().skip(index + 1) {
            let shared = one.intersection(text).count();
            let fewer = one.len().min(text.len());
            let products = [index, other].map(|index| CATALOGUE.products[index].name);
            assert!(
                shared * 2 <= fewer,
                "{shared} of {fewer} words are the same in {products:?}"
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
