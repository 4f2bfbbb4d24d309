//! The compose file: this machine only, generated passwords, and an order that waits for health.

use serde_yaml_ng::Value;

use crate::files::{Files, elements, entries, text};
use crate::{Claim, claims_of};

pub(crate) const CLAIMS: &[Claim] = claims_of![
    ports_are_published_to_this_machine_only,
    only_this_machine_is_trusted,
    no_password_is_written_down,
    the_server_cannot_read_the_administrators_login,
    containers_of_the_server_are_confined,
    services_start_when_what_they_need_is_ready,
    what_serves_starts_again_after_a_reboot,
    containers_have_a_memory_limit,
    the_database_has_no_way_out,
];

fn services(files: &Files) -> Value {
    files.yaml("compose.yaml")["services"].clone()
}

fn ports_are_published_to_this_machine_only(files: &Files) -> Vec<String> {
    let services = services(files);
    let mut found = Vec::new();
    for (name, service) in entries(&services) {
        for port in elements(&service["ports"]) {
            if !text(port).starts_with("127.0.0.1:") {
                found.push(format!(
                    "compose.yaml: {name} is reachable from other machines"
                ));
            }
        }
    }
    if elements(&services["server"]["ports"]).is_empty() {
        found.push("compose.yaml: the server is not reachable".to_owned());
    }
    found
}

/// The tenant header counts only from the address from which Docker forwards the published port.
fn only_this_machine_is_trusted(files: &Files) -> Vec<String> {
    let file = files.yaml("compose.yaml");
    let gateway = &file["networks"]["published"]["ipam"]["config"][0]["gateway"];
    let trusted = &file["services"]["server"]["environment"]["ZAVA_TRUSTED_PROXY"];
    if !text(gateway).is_empty() && gateway == trusted {
        Vec::new()
    } else {
        vec!["compose.yaml: the server trusts the tenant header of others".to_owned()]
    }
}

fn no_password_is_written_down(files: &Files) -> Vec<String> {
    let mut found = Vec::new();
    for (number, line) in files.text("compose.yaml").lines().enumerate() {
        let is_secret = ["PASSWORD", "SIGNING_KEY"]
            .iter()
            .any(|word| line.contains(word));
        let is_generated =
            line.contains("$$(random)") || line.contains("_FILE: ") || line.contains("sed ");
        if is_secret && !is_generated && !line.contains(":'password'") {
            found.push(format!("compose.yaml: line {} has a secret", number + 1));
        }
    }
    found
}

fn the_server_cannot_read_the_administrators_login(files: &Files) -> Vec<String> {
    let services = services(files);
    let volumes = elements(&services["server"]["volumes"]);
    let mut found = Vec::new();
    if volumes.len() != 1 || text(&volumes[0]) != "server-settings:/settings:ro" {
        found.push("compose.yaml: the server reads more than its own settings".to_owned());
    }
    if !files
        .text("compose.yaml")
        .contains("sed '/^POSTGRES_ADMIN_/d' admin/.env > server/.env")
    {
        found.push("compose.yaml: the server's settings have the administrator's login".to_owned());
    }
    found
}

fn containers_of_the_server_are_confined(files: &Files) -> Vec<String> {
    let services = services(files);
    let mut found = Vec::new();
    for (name, service) in entries(&services) {
        let has =
            |key: &str, value: &str| elements(&service[key]).iter().any(|is| text(is) == value);
        if !has("security_opt", "no-new-privileges:true") {
            found.push(format!("compose.yaml: {name} may gain privileges"));
        }
        if service["privileged"].as_bool() == Some(true) {
            found.push(format!("compose.yaml: {name} is privileged"));
        }
        let is_server = ["migrate", "seed", "server"].contains(&name);
        if is_server && service["read_only"].as_bool() != Some(true) {
            found.push(format!("compose.yaml: {name} can write to its file system"));
        }
        if is_server && !has("cap_drop", "ALL") {
            found.push(format!("compose.yaml: {name} has capabilities"));
        }
    }
    found
}

fn services_start_when_what_they_need_is_ready(files: &Files) -> Vec<String> {
    let services = services(files);
    let mut found = Vec::new();
    for (name, need, condition) in [
        ("database", "secrets", "service_completed_successfully"),
        ("migrate", "database", "service_healthy"),
        ("seed", "migrate", "service_completed_successfully"),
        ("server", "seed", "service_completed_successfully"),
    ] {
        if text(&services[name]["depends_on"][need]["condition"]) != condition {
            found.push(format!("compose.yaml: {name} does not wait for {need}"));
        }
    }
    // PostgreSQL's first start listens on its socket only.
    let test = &services["database"]["healthcheck"]["test"];
    if !elements(test)
        .iter()
        .any(|word| text(word).contains("--host 127.0.0.1"))
    {
        found.push("compose.yaml: the database counts as healthy before it is".to_owned());
    }
    found
}

/// A server without its database would answer 503 for good.
fn what_serves_starts_again_after_a_reboot(files: &Files) -> Vec<String> {
    let services = services(files);
    let serving = ["database", "server"].into_iter();
    serving
        .filter(|name| text(&services[*name]["restart"]) != "unless-stopped")
        .map(|name| format!("compose.yaml: {name} does not start again"))
        .collect()
}

fn containers_have_a_memory_limit(files: &Files) -> Vec<String> {
    let services = services(files);
    let without = entries(&services)
        .into_iter()
        .filter(|(_, service)| service["mem_limit"].is_null());
    without
        .map(|(name, _)| format!("compose.yaml: {name} may use all memory"))
        .collect()
}

fn the_database_has_no_way_out(files: &Files) -> Vec<String> {
    let file = files.yaml("compose.yaml");
    let networks: Vec<_> = elements(&file["services"]["database"]["networks"])
        .iter()
        .map(text)
        .collect();
    let is_internal = file["networks"]["database"]["internal"].as_bool() == Some(true);
    if networks == ["database"] && is_internal {
        Vec::new()
    } else {
        vec!["compose.yaml: the database reaches other networks".to_owned()]
    }
}
