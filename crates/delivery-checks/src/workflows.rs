//! How the workflows are written: permissions, time limits, log-ins, and steps of one line.

use serde_yaml_ng::Value;

use crate::files::{Files, elements, entries, text};
use crate::{Claim, claims_of};

pub(crate) const CLAIMS: &[Claim] = claims_of![
    a_workflow_has_no_permission_by_itself,
    every_job_names_its_permissions,
    every_right_to_write_has_its_reason,
    every_job_ends_in_time,
    runs_are_cancelled_for_pull_requests_only,
    checkouts_keep_no_credentials,
    there_is_no_stored_secret,
    azure_is_reached_by_oidc_from_a_reviewed_environment,
    a_step_is_one_line_that_runs_a_script,
    expressions_reach_commands_through_variables_only,
    runners_are_of_an_exact_version,
    pull_requests_get_no_rights,
];

/// What a step may run besides scripts of this repository, by its first words.
const OTHER_COMMANDS: [&str; 4] = [
    "cargo install --quiet --locked",
    "cargo deny --locked",
    "curl --fail",
    "cosign sign --yes",
];

/// The jobs of all workflows, each with `file: job`.
fn jobs(files: &Files) -> Vec<(String, String, Value)> {
    let mut found = Vec::new();
    for (file, workflow) in files.workflows() {
        for (name, job) in entries(&workflow["jobs"]) {
            found.push((file.to_owned(), format!("{file}: {name}"), job.clone()));
        }
    }
    found
}

/// The steps of all jobs, each with `file: job`.
fn steps(files: &Files) -> Vec<(String, Value)> {
    let all = jobs(files).into_iter();
    all.flat_map(|(_, name, job)| {
        let steps = elements(&job["steps"]).to_vec();
        steps.into_iter().map(move |step| (name.clone(), step))
    })
    .collect()
}

fn a_workflow_has_no_permission_by_itself(files: &Files) -> Vec<String> {
    let workflows = files.workflows().filter(|(_, workflow)| {
        !workflow["permissions"]
            .as_mapping()
            .is_some_and(serde_yaml_ng::Mapping::is_empty)
    });
    workflows
        .map(|(file, _)| format!("{file}: `permissions: {{}}` is missing"))
        .collect()
}

fn every_job_names_its_permissions(files: &Files) -> Vec<String> {
    let mut found = Vec::new();
    for (_, name, job) in jobs(files) {
        if entries(&job["permissions"]).is_empty() {
            found.push(format!("{name}: names no permissions"));
        }
    }
    found
}

/// A comment in the same line.
fn every_right_to_write_has_its_reason(files: &Files) -> Vec<String> {
    let workflows = files
        .all()
        .filter(|(name, _)| name.starts_with(".github/workflows/"));
    let lines = workflows.flat_map(|(name, text)| text.lines().map(move |line| (name, line)));
    lines
        .filter(|(_, line)| line.contains(": write") && !line.contains(" # "))
        .map(|(name, line)| format!("{name}: `{}` has no reason", line.trim()))
        .collect()
}

fn every_job_ends_in_time(files: &Files) -> Vec<String> {
    let mut found = Vec::new();
    for (_, name, job) in jobs(files) {
        let minutes = job["timeout-minutes"].as_u64();
        if job["uses"].is_null() && minutes.is_none_or(|minutes| minutes > 120) {
            found.push(format!("{name}: has no time limit of at most two hours"));
        }
    }
    found
}

/// A run that deploys is never cancelled: it would end between two steps.
fn runs_are_cancelled_for_pull_requests_only(files: &Files) -> Vec<String> {
    let mut found = Vec::new();
    for (file, workflow) in files.workflows() {
        let concurrency = &workflow["concurrency"];
        let cancels = match &concurrency["cancel-in-progress"] {
            Value::Bool(false) => false,
            Value::String(text) => text != "${{ github.event_name == 'pull_request' }}",
            _ => true,
        };
        if text(&concurrency["group"]).is_empty() || cancels {
            found.push(format!(
                "{file}: needs a concurrency group that cancels no deployment"
            ));
        }
    }
    found
}

fn checkouts_keep_no_credentials(files: &Files) -> Vec<String> {
    let mut found = Vec::new();
    for (name, step) in steps(files) {
        let is_checkout = text(&step["uses"]).starts_with("actions/checkout@");
        if is_checkout && step["with"]["persist-credentials"].as_bool() != Some(false) {
            found.push(format!("{name}: the checkout leaves the token on disk"));
        }
    }
    found
}

/// Neither of the repository nor of an environment; `github.token` is made for each job.
fn there_is_no_stored_secret(files: &Files) -> Vec<String> {
    let workflows = files
        .all()
        .filter(|(name, _)| name.starts_with(".github/workflows/"));
    let stored = workflows.filter(|(_, text)| {
        text.contains("secrets.") || text.contains("secrets:") || text.contains("secrets[")
    });
    stored
        .map(|(name, _)| format!("{name}: reads a stored secret"))
        .collect()
}

fn azure_is_reached_by_oidc_from_a_reviewed_environment(files: &Files) -> Vec<String> {
    let mut found = Vec::new();
    let ids = ["client-id", "tenant-id", "subscription-id"];
    for (_, name, job) in jobs(files) {
        for step in elements(&job["steps"]) {
            if !text(&step["uses"])
                .to_ascii_lowercase()
                .starts_with("azure/login@")
            {
                continue;
            }
            let with = entries(&step["with"]);
            let is_by_ids = with.len() == ids.len()
                && with.iter().all(|(key, value)| {
                    ids.contains(key) && text(value).starts_with("${{ vars.AZURE_")
                });
            if !is_by_ids {
                found.push(format!("{name}: the log-in has more than the three ids"));
            }
            if text(&job["permissions"]["id-token"]) != "write" {
                found.push(format!("{name}: may not request a token"));
            }
            if text(&job["environment"]).is_empty() {
                found.push(format!("{name}: has no environment, which reviewers guard"));
            }
        }
    }
    found
}

fn a_step_is_one_line_that_runs_a_script(files: &Files) -> Vec<String> {
    let mut found = Vec::new();
    for (name, step) in steps(files) {
        let Some(command) = step["run"].as_str() else {
            continue;
        };
        let command = command.trim_end();
        let is_known = command.starts_with("./scripts/")
            || OTHER_COMMANDS
                .iter()
                .any(|other| command.starts_with(other));
        if command.contains('\n') || command.contains("&&") || command.contains(';') || !is_known {
            found.push(format!("{name}: `{command}` belongs into a script"));
        }
    }
    found
}

/// An expression in a command is replaced before the shell parses it.
fn expressions_reach_commands_through_variables_only(files: &Files) -> Vec<String> {
    let mut found = Vec::new();
    for (name, step) in steps(files) {
        if text(&step["run"]).contains("${{") {
            found.push(format!(
                "{name}: `{}` has an expression",
                text(&step["run"])
            ));
        }
    }
    found
}

fn runners_are_of_an_exact_version(files: &Files) -> Vec<String> {
    let mut found = Vec::new();
    for (_, name, job) in jobs(files) {
        let mut systems = vec![text(&job["runs-on"])];
        let included = elements(&job["strategy"]["matrix"]["include"]);
        systems.extend(included.iter().map(|entry| text(&entry["system"])));
        for system in systems {
            let is_exact = system.chars().any(|letter| letter.is_ascii_digit());
            if !system.is_empty() && !system.starts_with("${{") && !is_exact {
                found.push(format!(
                    "{name}: runs on `{system}`, which changes by itself"
                ));
            }
        }
    }
    found
}

/// A pull request's code runs with the right to read only, and in no environment.
fn pull_requests_get_no_rights(files: &Files) -> Vec<String> {
    let mut found = Vec::new();
    for (file, workflow) in files.workflows() {
        let events = entries(&workflow["on"]);
        if events
            .iter()
            .any(|(event, _)| *event == "pull_request_target" || *event == "workflow_run")
        {
            found.push(format!("{file}: gives rights to the code of pull requests"));
        }
        if !events.iter().any(|(event, _)| *event == "pull_request") {
            continue;
        }
        for (name, job) in entries(&workflow["jobs"]) {
            let permissions = entries(&job["permissions"]);
            let only_reads = permissions.iter().all(|(_, right)| text(right) == "read");
            if !only_reads && !is_for_pushes_only(&workflow, name) {
                found.push(format!("{file}: {name} may write in a pull request"));
            }
        }
    }
    found
}

/// Whether a job, or one that it needs, runs for pushes only.
fn is_for_pushes_only(workflow: &Value, job: &str) -> bool {
    let job = &workflow["jobs"][job];
    if text(&job["if"]) == "${{ github.event_name == 'push' }}" {
        return true;
    }
    let needs = match &job["needs"] {
        Value::String(need) => vec![need.as_str()],
        needs => elements(needs).iter().map(text).collect(),
    };
    needs
        .into_iter()
        .any(|need| is_for_pushes_only(workflow, need))
}
