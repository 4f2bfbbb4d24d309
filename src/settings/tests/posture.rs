use super::*;

fn accepted(text: &'static str) -> Vec<(String, String)> {
    let environment = environment_with(&[("ZAVA_POSTURE_ACCEPT", text)]);
    let settings = ServeSettings::from_environment(&environment).expect(text);
    let pair = |one: &AcceptedFinding| (one.rule().to_owned(), one.object().to_owned());
    settings.accepted_findings.iter().map(pair).collect()
}

#[test]
fn accepted_findings_are_a_list_of_rules_and_objects() {
    assert_eq!(accepted(""), []);
    let cases: [(&str, &[(&str, &str)]); 4] = [
        ("creates:azure", &[("creates", "azure")]),
        (
            "functions:azure.f(text, integer),creates:azure",
            &[
                ("creates", "azure"),
                ("functions", "azure.f(text, integer)"),
            ],
        ),
        (
            " system : pg_catalog.f(timestamp without time zone, text) , runs_text:azure.g() ",
            &[
                ("runs_text", "azure.g()"),
                ("system", "pg_catalog.f(timestamp without time zone, text)"),
            ],
        ),
        ("creates:azure,creates:azure", &[("creates", "azure")]),
    ];
    for (text, expected) in cases {
        let expected: Vec<(String, String)> = expected
            .iter()
            .map(|(rule, object)| ((*rule).to_owned(), (*object).to_owned()))
            .collect();
        assert_eq!(accepted(text), expected, "{text}");
    }
}

/// Findings about roles, policies, reads and writes must be fixed, and so must those about the
/// server's own objects.
#[test]
fn other_findings_cannot_be_accepted() {
    let rules = crate::query::scope::PostureRule::ALL
        .iter()
        .map(|rule| rule.name());
    for rule in rules.filter(|rule| !["functions", "runs_text", "system", "creates"].contains(rule))
    {
        for object in ["azure", "azure.f(text)"] {
            let text = format!("{rule}:{object}");
            let extra = [("ZAVA_POSTURE_ACCEPT", text.as_str())];
            assert_rejected(&extra, "ZAVA_POSTURE_ACCEPT", "may only name the rules");
        }
    }
    for (text, message) in [
        ("azure", "must be a list"),
        ("creates", "must be a list"),
        ("creates:azure,azure.f()", "must name a schema"),
        ("creates:azure.f()", "must name a schema"),
        ("functions:azure", "must name a schema"),
        ("system:pg_catalog.pg_authid", "must name a schema"),
        ("system:cast from text to integer", "must name a schema"),
        ("functions:guard.allowed_stores()", "own schemas"),
        ("runs_text:bounded.f(text)", "own schemas"),
        ("functions:retail.f()", "own schemas"),
        ("functions:public.f()", "own schemas"),
        ("creates:public", "own schemas"),
        ("creates:retail", "own schemas"),
        ("creates:zava", "own schemas"),
        ("Functions:azure.f()", "may only name the rules"),
    ] {
        let extra = [("ZAVA_POSTURE_ACCEPT", text)];
        assert_rejected(&extra, "ZAVA_POSTURE_ACCEPT", message);
    }
}
