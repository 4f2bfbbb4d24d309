//! Which findings of the posture check are accepted.

use super::reader::Reader;
use super::variables as var;

/// The rules whose findings may be accepted: those on what a managed server's provider creates and
/// its customer cannot change. None of them is about roles, policies, reads or writes of tables.
const ACCEPTABLE_RULES: [&str; 4] = ["functions", "runs_text", "system", "creates"];

/// The schemas of which nothing is accepted: `migrate` owns and repairs them.
const OWN_SCHEMAS: [&str; 5] = ["retail", "guard", "bounded", "migrations", "public"];

/// A finding that is accepted: the server serves data in spite of it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct AcceptedFinding {
    rule: String,
    object: String,
}

impl AcceptedFinding {
    /// The name of its rule.
    #[must_use]
    pub fn rule(&self) -> &str {
        &self.rule
    }

    /// The object, exactly as `check` prints it.
    #[must_use]
    pub fn object(&self) -> &str {
        &self.object
    }

    /// Reads the list, in order and without duplicates.
    pub(super) fn read(reader: &mut Reader<'_>, database: Option<&str>) -> Option<Vec<Self>> {
        reader.parsed_or(&var::ZAVA_POSTURE_ACCEPT, Vec::new(), |text| {
            let entries = split(text).into_iter();
            let mut accepted = entries
                .map(|entry| Self::parse(&entry, database))
                .collect::<Result<Vec<_>, _>>()?;
            accepted.sort();
            accepted.dedup();
            Ok(accepted)
        })
    }

    fn parse(entry: &str, database: Option<&str>) -> Result<Self, &'static str> {
        let (rule, object) = entry
            .split_once(':')
            .ok_or("must be a list of `rule:object`, as `zava-mcp-server check` prints both")?;
        let (rule, object) = (rule.trim(), object.trim());
        if !ACCEPTABLE_RULES.contains(&rule) {
            return Err(
                "may only name the rules `functions`, `runs_text`, `system` and `creates`; findings of other rules must be fixed",
            );
        }
        // Grants on system tables and added casts are findings of `system` too.
        let is_routine = object.contains('(') && object.ends_with(')');
        if (rule == "creates") == is_routine {
            return Err(
                "must name a schema for `creates`, and a function with its argument types for the other rules, as `zava-mcp-server check` prints them",
            );
        }
        let schema = object.split('.').next().unwrap_or_default();
        if OWN_SCHEMAS.contains(&schema) || database == Some(object) {
            return Err(
                "must not name an object of this server's own schemas, of `public`, or the database; `migrate` or the printed statement fixes those",
            );
        }
        Ok(Self {
            rule: rule.to_owned(),
            object: object.to_owned(),
        })
    }
}

/// The entries of a list. A comma within the arguments of a function separates none: no rule's name
/// follows it.
fn split(text: &str) -> Vec<String> {
    let mut entries: Vec<String> = Vec::new();
    for part in text.split(',') {
        let rule = part.split_once(':').map(|(rule, _)| rule.trim());
        let is_rule = |rule: &str| {
            let is_allowed = |byte: u8| byte.is_ascii_lowercase() || byte == b'_';
            !rule.is_empty() && rule.bytes().all(is_allowed)
        };
        match entries.last_mut() {
            Some(entry) if !rule.is_some_and(is_rule) => {
                entry.push(',');
                entry.push_str(part);
            }
            _ => entries.push(part.to_owned()),
        }
    }
    entries
}
