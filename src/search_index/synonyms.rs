//! The synonyms of the trade that the program knows: British and American words, trade names,
//! abbreviations, everyday words, and Spanish ones.

use std::collections::BTreeSet;

use sqlx::{Connection as _, PgConnection};

use crate::search::words;

/// A header, and lines of term, synonym and direction (`one` or `both`), separated by tabs.
const SYNONYMS: &str = include_str!("synonyms.tsv");

/// Replaces the rows that `migrate` has inserted; those of operators stay.
///
/// # Errors
/// When a statement fails.
pub(crate) async fn replace_built_in(db: &mut PgConnection) -> Result<(), sqlx::Error> {
    let (terms, synonyms): (Vec<String>, Vec<String>) = pairs().into_iter().unzip();
    let mut tx = db.begin().await?;
    sqlx::query("DELETE FROM retail.search_synonyms WHERE is_built_in")
        .execute(&mut *tx)
        .await?;
    sqlx::query(
        "INSERT INTO retail.search_synonyms (term, synonym, is_built_in) \
         SELECT r.term, r.synonym, true FROM unnest($1::text[], $2::text[]) AS r (term, synonym) \
         ON CONFLICT DO NOTHING",
    )
    .bind(terms)
    .bind(synonyms)
    .execute(&mut *tx)
    .await?;
    tx.commit().await
}

/// The pairs of terms and synonyms, in the words that searches consist of.
fn pairs() -> BTreeSet<(String, String)> {
    let mut pairs = BTreeSet::new();
    for line in SYNONYMS.lines().skip(1) {
        let mut fields = line.split('\t').map(words::normalize_query);
        let (Some(term), Some(synonym), direction) = (fields.next(), fields.next(), fields.next())
        else {
            continue;
        };
        // Spellings that the words have in common, such as `15a` and `15 amp`.
        if term == synonym {
            continue;
        }
        if direction.as_deref() == Some("both") {
            pairs.insert((synonym.clone(), term.clone()));
        }
        pairs.insert((term, synonym));
    }
    pairs
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_is_a_pair_in_one_or_both_directions() {
        for line in SYNONYMS.lines().skip(1) {
            let fields: Vec<_> = line.split('\t').collect();
            let [term, synonym, direction] = fields.as_slice() else {
                panic!("{line}");
            };
            assert!(["one", "both"].contains(direction), "{line}");
            for text in [term, synonym] {
                assert!(!words::normalize_query(text).is_empty(), "{line}");
                assert_eq!(text.to_lowercase(), **text, "{line}");
            }
        }
        let pairs = pairs();
        for (term, synonym) in [
            ("secateurs", "pruning shear"),
            ("jubilee clip", "hose clamp"),
            ("worktop", "countertop"),
            ("baseboard", "skirting"),
            ("martillo", "hammer"),
        ] {
            assert!(
                pairs
                    .iter()
                    .any(|(one, other)| one == term && other.starts_with(synonym)),
                "{term}"
            );
        }
    }
}
