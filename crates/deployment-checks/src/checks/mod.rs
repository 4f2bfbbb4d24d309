//! The checks: what the templates promise. Each is a function from files to violations.

mod budget;
mod database;
mod hosting;
mod identity;
mod language;
mod modules;
mod monitoring;
mod names;
mod network;
mod parameter_files;
mod releases;
mod roles;
mod secrets;
mod settings;

use std::fmt;

use crate::syntax::{Declaration, File};
use crate::templates::Project;

/// What is wrong, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// Path in the repository.
    pub path: String,
    /// Line; 0 for the whole file.
    pub line: usize,
    /// What is wrong.
    pub problem: String,
}

/// A promise of the templates.
#[derive(Clone, Copy, Debug)]
pub struct Check {
    /// The promise, as a name.
    pub name: &'static str,
    /// What breaks it.
    pub find_violations: fn(&Project) -> Vec<Violation>,
}

/// All checks.
pub const CHECKS: &[Check] = &[
    check("every_file_is_in_the_dialect", language::dialect),
    check("names_are_declared", language::names_are_declared),
    check("nothing_is_unused", language::nothing_is_unused),
    check(
        "parameters_are_described_and_bounded",
        language::descriptions,
    ),
    check("versions_are_pinned", language::versions),
    check("modules_get_their_parameters", modules::parameters),
    check("values_fit_the_parameters_of_modules", modules::values),
    check("outputs_of_modules_exist", modules::outputs),
    check("parameter_files_fit_the_template", parameter_files::fit),
    check(
        "scripts_find_outputs_and_variables",
        parameter_files::interface,
    ),
    check("no_secret_leaves_a_template", secrets::outputs),
    check("no_secret_enters_a_template", secrets::inputs),
    check(
        "private_resources_have_no_public_endpoint",
        network::public_access,
    ),
    check("production_is_private", network::production),
    check("connections_are_encrypted", network::encryption),
    check(
        "local_authentication_is_off",
        identity::local_authentication,
    ),
    check("each_process_has_its_own_identity", identity::processes),
    check("role_assignments_are_complete", roles::form),
    check("roles_are_the_least_that_work", roles::grants),
    check(
        "database_is_as_the_server_needs_it",
        database::configuration,
    ),
    check("database_is_changed_one_step_at_a_time", database::order),
    check("replicas_have_names_and_parameters", database::replicas),
    check("database_is_sized_by_profile", database::sizes),
    check("connections_stay_within_the_budget", budget::connections),
    check("names_fit_their_limits", names::limits),
    check("every_resource_has_tags", monitoring::tags),
    check("every_resource_has_diagnostics", monitoring::diagnostics),
    check("telemetry_is_kept_and_capped", monitoring::telemetry),
    check("alerts_use_names_of_the_server", monitoring::alert_names),
    check(
        "alerts_have_the_thresholds_of_the_original",
        monitoring::thresholds,
    ),
    check("alerts_last_as_long_as_the_fault", monitoring::lasting),
    check("alerts_are_in_the_run_book", monitoring::run_book),
    check("settings_are_known_to_the_server", settings::known),
    check("settings_of_each_process_are_complete", settings::complete),
    check(
        "settings_are_known_to_the_previous_release",
        releases::settings,
    ),
    check("settings_of_this_version_are_recorded", releases::record),
    check("origins_have_one_source", settings::origins),
    check(
        "functions_are_hosted_as_the_server_needs",
        hosting::functions,
    ),
    check(
        "container_app_is_hosted_as_the_server_needs",
        hosting::container_app,
    ),
    check("jobs_run_in_both_hostings", hosting::jobs),
    check("secrets_and_packages_can_be_restored", hosting::recovery),
];

const fn check(name: &'static str, find_violations: fn(&Project) -> Vec<Violation>) -> Check {
    Check {
        name,
        find_violations,
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.path, self.line, self.problem)
    }
}

/// The violations that a check has found so far.
#[derive(Default)]
struct Report(Vec<Violation>);

impl Report {
    fn add(&mut self, path: &str, line: usize, problem: impl Into<String>) {
        self.0.push(Violation {
            path: path.to_owned(),
            line,
            problem: problem.into(),
        });
    }

    /// Requires that a property has exactly this text.
    fn require(&mut self, file: &File, of: &Declaration, path: &str, expected: &str) {
        let found = of.get(path).unwrap_or("absent");
        if found != expected {
            let problem = format!("{}: `{path}` is {found}, not {expected}", of.name);
            self.add(&file.path, of.line, problem);
        }
    }

    /// Requires the properties of all resources of a type, of which there must be some.
    fn require_all(&mut self, project: &Project, resource_type: &str, expected: &[(&str, &str)]) {
        let mut is_there = false;
        for (file, resource) in project.with_type(resource_type) {
            is_there = true;
            for (path, text) in expected {
                self.require(file, resource, path, text);
            }
        }
        if !is_there {
            self.add("infra", 0, format!("there is no {resource_type}"));
        }
    }

    /// Requires that a file has a text.
    fn require_text(&mut self, project: &Project, path: &str, text: &str) {
        if !project.text(path).contains(text) {
            self.add(path, 0, format!("`{text}` is missing"));
        }
    }

    fn require_that(&mut self, is_so: bool, path: &str, problem: impl Into<String>) {
        if !is_so {
            self.add(path, 0, problem);
        }
    }
}
