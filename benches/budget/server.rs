use tokio::process::Command;

use crate::Fallible;
use crate::plan::Plan;
use crate::process::{self, Process};

/// Limits for the largest result, ten times the defaults.
const RAISED_LIMITS: [(&str, &str); 2] = [
    ("ZAVA_MAX_ROWS", "10000"),
    ("ZAVA_MAX_RESULT_BYTES", "16777216"),
];

/// A bench exceeds the production rate limits.
const RATES: [(&str, &str); 2] = [
    ("ZAVA_PRINCIPAL_RATE", "100000000"),
    ("ZAVA_ADDRESS_RATE", "100000000"),
];

/// Starts our server with default settings except the rate limits.
pub(crate) fn start(plan: &Plan) -> Fallible<Process> {
    start_with(plan, &[])
}

/// Starts our server with limits raised to 10,000 rows.
pub(crate) fn start_with_raised_limits(plan: &Plan) -> Fallible<Process> {
    start_with(plan, &RAISED_LIMITS)
}

/// The same with other settings.
pub(crate) fn start_with(plan: &Plan, extra: &[(&str, &str)]) -> Fallible<Process> {
    let address = process::free_address()?;
    let mut command = Command::new(&plan.server);
    command
        .arg("serve")
        .current_dir(&plan.work)
        .env_clear()
        .envs(plan.settings.iter().map(|(name, value)| (name, value)))
        .envs(RATES)
        .envs(extra.iter().copied())
        .env("ZAVA_LISTEN", address.to_string());
    Process::start(&mut command, address, &plan.work.join("server.log"))
}
