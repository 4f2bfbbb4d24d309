//! Documents name files, headings, modules and tests that exist, and figures that were measured.
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// Folders that hold what is built or fetched.
const SKIPPED: [&str; 4] = [".git", ".zava", "node_modules", "target"];

/// What the first segment of a path such as `docs/audit.md` may be.
const TOP_LEVEL: [&str; 10] = [
    ".github",
    "benches",
    "docs",
    "fuzz",
    "infra",
    "migrations",
    "scripts",
    "src",
    "tests",
    "crates",
];

#[test]
fn every_link_of_a_document_leads_to_a_file_and_a_heading() {
    let mut broken = Vec::new();
    for (page, text) in documents() {
        for target in links(&text) {
            if target.contains("://") || target.starts_with("mailto:") {
                continue;
            }
            let (file, anchor) = target.split_once('#').unwrap_or((target, ""));
            let path = match file {
                "" => page.clone(),
                file => page.parent().expect("a page is in a folder").join(file),
            };
            if !path.exists() {
                broken.push(format!("{}: no file {file}", shown(&page)));
            } else if !anchor.is_empty() && path.extension().is_some_and(|kind| kind == "md") {
                let text = fs::read_to_string(&path).expect("a page");
                if !anchors(&text).contains(anchor) {
                    broken.push(format!("{}: no heading #{anchor} in {file}", shown(&page)));
                }
            }
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[test]
fn every_path_and_test_that_a_document_names_exists() {
    let names = Names::read();
    let mut unknown = Vec::new();
    for (page, text) in documents() {
        // What changed in the past may be gone.
        if page.ends_with("CHANGELOG.md") {
            continue;
        }
        for code in inline_code(&text) {
            let is_known = if is_path(code) {
                let path = code.split([':', ' ']).next().unwrap_or_default();
                path.contains(['*', '…', '<']) || root().join(path).exists()
            } else if is_rust_path(code) {
                names.know(code)
            } else {
                continue;
            };
            if !is_known {
                unknown.push(format!("{}: {code}", shown(&page)));
            }
        }
    }
    assert!(unknown.is_empty(), "{}", unknown.join("\n"));
}

/// The comparison in the README shows one run, which is the one of docs/performance.md.
#[test]
fn the_readme_figures_match_the_performance_page() {
    let read = |page: &str| fs::read_to_string(root().join(page)).expect("a page");
    let (readme, measured) = (read("README.md"), read("docs/performance.md"));
    let (_, section) = readme
        .split_once("\n## Performance\n")
        .expect("a comparison");
    let (section, _) = section.split_once("\n## ").expect("a next section");
    let (_, run) = section.split_once("at commit ").expect("the commit");
    let commit: String = run.chars().take_while(char::is_ascii_hexdigit).collect();
    assert!(
        measured.contains(&format!("\n- commit: {commit}\n")),
        "{commit}"
    );
    let rows = section.lines().filter(|line| line.starts_with('|'));
    let cells = rows.flat_map(|row| row.split('|')).map(str::trim);
    let figures: Vec<&str> = cells
        .filter(|cell| cell.starts_with(|char: char| char.is_ascii_digit()))
        .collect();
    assert!(figures.len() > 10, "{figures:?}");
    for figure in figures {
        assert!(measured.contains(&format!(" {figure}")), "{figure}");
    }
}

/// `a::b::c`, with or without `::*` and `()` at the end.
fn is_rust_path(code: &str) -> bool {
    code.contains("::")
        && code
            .trim_end_matches("()")
            .split("::")
            .all(|name| name == "*" || is_identifier(name))
}

fn is_identifier(name: &str) -> bool {
    !name.is_empty()
        && name
            .chars()
            .all(|char| char.is_alphanumeric() || char == '_')
}

fn is_path(code: &str) -> bool {
    code.split_once('/')
        .is_some_and(|(first, rest)| TOP_LEVEL.contains(&first) && !rest.contains("  "))
}

/// The modules of the server, of its tests and of the other crates of the workspace, and the words
/// of each of their files.
struct Names {
    /// By module path, such as `query::scope`, `tenancy` or `pg_select_guard::cost`. The paths of
    /// the server and of its tests do not begin with a crate.
    modules: BTreeMap<String, BTreeSet<String>>,
}

impl Names {
    fn read() -> Self {
        let mut modules = BTreeMap::new();
        read_modules(&root().join("src"), None, &mut modules);
        read_modules(&root().join("tests/it"), None, &mut modules);
        for entry in fs::read_dir(root().join("crates")).expect("a folder") {
            let package = entry.expect("an entry").path();
            let name = package.file_name().expect("a package's folder");
            let name = name.to_string_lossy().replace('-', "_");
            read_modules(&package.join("src"), Some(name), &mut modules);
        }
        Self { modules }
    }

    /// Whether a path is a module, or an item of one. Paths of other crates are taken as they are.
    fn know(&self, path: &str) -> bool {
        let path = path.trim_end_matches("()").trim_end_matches("::*");
        let path = path.trim_start_matches("zava_mcp_server::");
        let first = path.split("::").next().unwrap_or_default();
        let is_ours = self
            .modules
            .keys()
            .any(|module| module.split("::").next() == Some(first));
        if !is_ours || self.modules.contains_key(path) {
            return true;
        }
        // An item, or a variant or method of one.
        let mut module = path;
        while let Some((parent, _)) = module.rsplit_once("::") {
            if let Some(words) = self.modules.get(parent) {
                return path[parent.len()..]
                    .split("::")
                    .all(|word| word.is_empty() || words.contains(word));
            }
            module = parent;
        }
        false
    }
}

/// Adds the modules of one folder of sources. `crate_name` is the first segment of their paths.
fn read_modules(
    folder: &Path,
    crate_name: Option<String>,
    modules: &mut BTreeMap<String, BTreeSet<String>>,
) {
    for file in files(folder) {
        if file.extension().is_none_or(|kind| kind != "rs") {
            continue;
        }
        let text = fs::read_to_string(&file).expect("source");
        let path = file.strip_prefix(folder).expect("a file of the folder");
        let path = path.with_extension("");
        let names = path.iter().map(|name| name.to_string_lossy().into_owned());
        let mut segments: Vec<_> = crate_name.iter().cloned().chain(names).collect();
        let is_root = crate_name.is_some() && segments[1..] == ["lib"];
        if is_root || segments.last().is_some_and(|last| last == "mod") {
            segments.pop();
        }
        let words: BTreeSet<String> = text
            .split(|char: char| !char.is_alphanumeric() && char != '_')
            .map(str::to_owned)
            .collect();
        let module = segments.join("::");
        if text.contains("\nmod tests {") {
            modules.insert(format!("{module}::tests"), words.clone());
        }
        modules.insert(module, words);
    }
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn shown(page: &Path) -> String {
    page.strip_prefix(root())
        .unwrap_or(page)
        .display()
        .to_string()
}

fn documents() -> Vec<(PathBuf, String)> {
    let pages = files(root()).into_iter();
    let pages = pages.filter(|file| file.extension().is_some_and(|kind| kind == "md"));
    let pages: Vec<_> = pages
        .map(|page| {
            let text = fs::read_to_string(&page).expect("a page");
            (page, text)
        })
        .collect();
    assert!(pages.len() > 10, "{pages:?}");
    pages
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder") {
        let entry = entry.expect("an entry");
        let path = entry.path();
        if entry.file_type().expect("its type").is_dir() {
            if !SKIPPED.iter().any(|skipped| path.ends_with(skipped)) {
                found.extend(files(&path));
            }
        } else {
            found.push(path);
        }
    }
    found
}

/// The text without fenced blocks.
fn prose(text: &str) -> impl Iterator<Item = &str> {
    let mut is_fenced = false;
    text.lines().filter(move |line| {
        let is_fence = line.trim_start().starts_with("```");
        is_fenced ^= is_fence;
        !is_fenced && !is_fence
    })
}

fn links(text: &str) -> Vec<&str> {
    prose(text)
        .flat_map(|line| {
            line.split("](")
                .skip(1)
                .filter_map(|rest| rest.split(')').next())
        })
        .collect()
}

fn inline_code(text: &str) -> Vec<&str> {
    prose(text)
        .flat_map(|line| line.split('`').skip(1).step_by(2))
        .collect()
}

/// The names that GitHub gives the headings of a page.
fn anchors(text: &str) -> BTreeSet<String> {
    let mut anchors = BTreeSet::new();
    for heading in prose(text).filter(|line| line.starts_with('#')) {
        let slug: String = heading
            .trim_start_matches('#')
            .trim()
            .to_lowercase()
            .chars()
            .filter(|char| char.is_alphanumeric() || matches!(char, ' ' | '-' | '_'))
            .map(|char| if char == ' ' { '-' } else { char })
            .collect();
        let is_first = anchors.insert(slug.clone());
        if !is_first {
            let more = (1..).map(|count| format!("{slug}-{count}"));
            let free = more.into_iter().find(|slug| !anchors.contains(slug));
            anchors.extend(free);
        }
    }
    anchors
}
