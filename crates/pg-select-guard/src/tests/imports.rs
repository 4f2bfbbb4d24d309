//! No file of the crate imports from another that imports from it, directly or through others.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

/// The text of each module, by its path.
type Sources = BTreeMap<String, String>;

#[test]
fn no_modules_import_each_other() {
    let mut sources = Sources::new();
    let root = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/src"));
    read(root, "crate", &mut sources);
    assert!(sources.len() > 50, "{}", sources.len());
    let imports = sources.iter().map(|(module, text)| {
        let imported = imports(text).into_iter();
        let imported = imported.map(|path| imported_module(&path, module, &sources));
        // A module may use the types of the modules around it.
        let is_around = |other: &String| format!("{module}::").starts_with(&format!("{other}::"));
        let others = imported.filter(|other| !is_around(other));
        (module, others.collect::<BTreeSet<_>>())
    });
    let mut imports: BTreeMap<_, _> = imports.collect();
    // A module that imports from none of those that are left is in no circle.
    loop {
        let left: BTreeSet<String> = imports.keys().map(ToString::to_string).collect();
        imports.retain(|_, imported| !imported.is_disjoint(&left));
        if imports.len() == left.len() {
            break;
        }
    }
    assert!(imports.is_empty(), "{imports:#?}");
}

/// Reads the modules of a folder, without tests.
fn read(folder: &Path, module: &str, sources: &mut Sources) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        let name = path.file_stem().and_then(|name| name.to_str());
        let name = name.expect("a name");
        let inner = format!("{module}::{name}");
        match name {
            "tests" => {}
            _ if path.is_dir() => read(&path, &inner, sources),
            _ if path.extension().is_none_or(|kind| kind != "rs") => {}
            _ => {
                let text = fs::read_to_string(&path).expect("a file");
                let code = text.split("#[cfg(test)]").next().unwrap_or_default();
                let module = if matches!(name, "lib" | "mod") {
                    module
                } else {
                    &inner
                };
                sources.insert(module.to_owned(), code.to_owned());
            }
        }
    }
}

/// The paths that a text imports.
fn imports(text: &str) -> Vec<String> {
    let mut paths = Vec::new();
    for (position, _) in text.match_indices("use ") {
        let (before, after) = text.split_at(position);
        let visibility = before.rsplit('\n').next();
        if let Some("" | "pub " | "pub(super) " | "pub(crate) ") = visibility {
            let path = after["use ".len()..].split(';').next();
            expand("", path.unwrap_or_default(), &mut paths);
        }
    }
    paths
}

/// Expands the braces of an imported path.
fn expand(outer: &str, path: &str, paths: &mut Vec<String>) {
    let Some((prefix, list)) = path.split_once('{') else {
        paths.push(format!("{outer}{}", path.trim()));
        return;
    };
    let list = list.trim_end();
    let list = list.strip_suffix('}').unwrap_or(list);
    let outer = format!("{outer}{}", prefix.trim());
    let mut depth = 0_usize;
    let items = list.split(|character| {
        match character {
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
        character == ',' && depth == 0
    });
    items.for_each(|item| expand(&outer, item, paths));
}

/// The module that an imported path leads to; a path outside of the crate stays at `module`.
fn imported_module(path: &str, module: &str, sources: &Sources) -> String {
    let mut at = module;
    let mut rest = path;
    if let Some(inner) = path.strip_prefix("crate::") {
        (at, rest) = ("crate", inner);
    }
    while let Some(inner) = rest.strip_prefix("super::") {
        (at, rest) = (at.rsplit_once("::").map_or(at, |(around, _)| around), inner);
    }
    let mut at = at.to_owned();
    for segment in rest.split("::") {
        let inner = format!("{at}::{segment}");
        if !sources.contains_key(&inner) {
            break;
        }
        at = inner;
    }
    at
}
