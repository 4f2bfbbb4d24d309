//! The scripts that deploy, run against stand-ins for the Azure CLI, the GitHub CLI and Docker that
//! check every argument, and that can fail.

mod checkout; // a copy of the scripts, the stand-ins, and what they recorded
mod deploy; //   scripts/deploy: the order of its steps, and the server that it replaces
mod entra; //    scripts/entra
mod github; //   scripts/fetch-release and scripts/publish-release
mod help; //     every script explains itself
mod migrate_job; // scripts/migrate-job
mod packages; // scripts/package, scripts/release and scripts/build-image
mod provision; // scripts/deploy: its arguments, and what the template gets
mod smoke; //    scripts/smoke, its arguments, and which server it is given
mod teardown; // scripts/tear-down
mod templates; // scripts/bicep
