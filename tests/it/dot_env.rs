//! `scripts/` parse `.env` as the server does: both must reach the same database with the same
//! password.
use std::path::Path;
use std::process::Command;

use zava_mcp_server::settings::{DotEnvError, Environment, VARIABLES};

/// Prints the errors that the scripts find in a file, or `NAME=value` lines of its assignments.
const READ: &str = r#"
set -euo pipefail
. "$1/scripts/lib/load.sh"
env_file=$2
dotenv_load
for ((at = 0; at < ${#dotenv_errors[@]}; at++)); do printf '%s\n' "${dotenv_errors[at]}"; done
[ ${#dotenv_errors[@]} -eq 0 ] || exit 1
for ((at = 0; at < ${#dotenv_names[@]}; at++)); do
  if value=$(dotenv_value "${dotenv_names[at]}"); then printf '%s=%s\n' "${dotenv_names[at]}" "$value"; fi
done
"#;

/// Settings or errors, as the scripts parse a file.
fn read_by_scripts(file: &Path) -> Result<String, String> {
    let output = Command::new("bash")
        .args(["-c", READ, "bash", env!("CARGO_MANIFEST_DIR")])
        .arg(file)
        .env_remove("POSTGRES_DB_HOST")
        .output()
        .expect("bash runs");
    let text = String::from_utf8(output.stdout).expect("text");
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert_eq!(complaint, "");
    if output.status.success() {
        Ok(text)
    } else {
        Err(text)
    }
}

/// Settings or errors, as the server parses the same text, in the same format.
fn read_by_server(text: &[u8]) -> Result<String, String> {
    match Environment::new([], text) {
        Ok(environment) => {
            let names = String::from_utf8_lossy(text);
            let mut names: Vec<&str> = names
                .split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_')
                .filter(|name| environment.get(name).is_some())
                .collect();
            names.dedup();
            let line =
                |name: &&str| format!("{name}={}\n", environment.get(name).unwrap_or_default());
            Ok(names.iter().map(line).collect())
        }
        Err(DotEnvError::Malformed(errors)) => {
            let lines = errors
                .iter()
                .map(|error| format!("line {}: {} {}\n", error.line, error.name, error.message));
            Err(lines.collect())
        }
        Err(error) => {
            let text = error.to_string();
            Err(format!("{}\n", text.replace("the file .env is", "it is")))
        }
    }
}

#[test]
fn scripts_and_server_parse_dot_env_files_alike() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join(".env");
    let every_name: String = VARIABLES
        .iter()
        .map(|variable| variable.name)
        .chain(["WEBSITE_SITE_NAME", "CONTAINER_APP_NAME", "ZAVA_ANY"])
        .map(|name| format!("{name}=of-{}\n", name.to_lowercase().replace('_', "-")))
        .collect();
    for text in [
        every_name.as_bytes(),
        b"",
        b"POSTGRES_PASSWORD=k$ecret${HOME}$(id)`id`\\n\\\\",
        b"POSTGRES_PASSWORD=\"k$ecret\\n\"\r\nPOSTGRES_DB='a b \"c\" #d'\r\n",
        b"\xEF\xBB\xBFexport POSTGRES_PASSWORD = a b#c #d\n\n#ZAVA_LOG=x\n  # y\nZAVA_LOG=z",
        b"export\t \tPOSTGRES_DB\t=\t a \t\n\x0cPOSTGRES_USER=\x0cb\x0c",
        b"POSTGRES_DB=\nPOSTGRES_USER=# none\nPOSTGRES_PASSWORD=\"\"\nZAVA_LOG=''#x",
        b"POSTGRES_USER=*\nPOSTGRES_PASSWORD=[a-z]?*\\*\nPOSTGRES_DB=-n\nZAVA_LOG=~ %s {a,b}",
        b"POSTGRES_PASSWORD=\xc3\xa4\xe2\x82\xac\xc2\xa0\nPOSTGRES_USER=a\x0bb\x01",
        b"POSTGRES_PASSWORD=it's \"so\"\nPOSTGRES_DB=a==b==",
        b"FOO=${BAR\njunk\nFOO='open\nFOO=again\n=\nexport\nNAME=M\xfcller\nexportZAVA_LOG=1\nXZAVA_LOG=2",
        b"POSTGRES_DB\nPOSTGRES_USER: x\nZAVA_LOG-X=y\nZAVA_TENANT",
        b"POSTGRES_DB='a\n'\nPOSTGRES_USER=\"a\"b\"\nPOSTGRES_PASSWORD='a'b'#",
        b"POSTGRES_DB=a\nPOSTGRES_DB=a\nexport POSTGRES_DB=\nPOSTGRES_USER=\nPOSTGRES_USER=b",
        b"POSTGRES_DB=\xfc\nPOSTGRES_USER=\xc3\nPOSTGRES_PASSWORD=\xed\xa0\x80",
        b"Z\0A\0V\0A\0",
        b"\xff\xfeZ\0",
    ] {
        std::fs::write(&file, text).expect("written");
        let shown = String::from_utf8_lossy(text);
        assert_eq!(read_by_scripts(&file), read_by_server(text), "{shown}");
    }
    // The comparison covers every variable.
    assert_eq!(
        read_by_server(every_name.as_bytes()).map(|text| text.lines().count()),
        Ok(VARIABLES.len() + 3)
    );
}
