//! Rewrites parts of a tree that pg_query's deparser would print as a different tree, into an
//! equivalent form that it prints faithfully.

use pg_query::NodeEnum;
use pg_query::protobuf::a_const::Val;
use pg_query::protobuf::{Node, TypeCast, WindowDef};

use super::name::{check_unquoted, names};

/// Changes `'t'::boolean` to `'true'::boolean`. The deparser prints the former as `true`, which is
/// a different tree, and the latter unchanged.
pub(super) fn spell_out_boolean(cast: &mut TypeCast) {
    let is_boolean = |name: &[&str]| matches!(name, ["pg_catalog", "bool"]);
    let target = cast.type_name.as_ref();
    if !target.is_some_and(|name| is_boolean(&names(&name.names))) {
        return;
    }
    let arg = cast.arg.as_mut().and_then(|arg| arg.node.as_mut());
    if let Some(NodeEnum::AConst(constant)) = arg
        && let Some(Val::Sval(text)) = &mut constant.val
    {
        match text.sval.as_str() {
            "t" => "true".clone_into(&mut text.sval),
            "f" => "false".clone_into(&mut text.sval),
            _ => {}
        }
    }
}

/// New names for those windows of one query whose names the deparser would print without the quotes
/// that they need.
#[derive(Default)]
pub(super) struct WindowNames(Vec<(String, String)>);

impl WindowNames {
    /// New names for the windows that a WINDOW clause defines.
    pub(super) fn new(clause: &[Node]) -> Self {
        let defined = clause.iter().filter_map(|window| match &window.node {
            Some(NodeEnum::WindowDef(window)) => Some(window.name.as_str()),
            _ => None,
        });
        let defined: Vec<&str> = defined.collect();
        let mut free = (1..)
            .map(|number| format!("window_{number}"))
            .filter(|name| !defined.contains(&name.as_str()));
        let unprintable = defined.iter().filter(|name| !is_printable(name));
        let renamed = unprintable.filter_map(|name| Some(((*name).to_owned(), free.next()?)));
        Self(renamed.collect())
    }

    /// Replaces the names in a definition of a window or in a reference to one.
    pub(super) fn rename(&self, window: &mut WindowDef) {
        for name in [&mut window.name, &mut window.refname] {
            if let Some((_, new)) = self.0.iter().find(|(old, _)| old == name) {
                new.clone_into(name);
            }
        }
    }
}

/// Whether a window name is parsed as the same name without quotes: the deparser never writes
/// quotes around it.
fn is_printable(name: &str) -> bool {
    check_unquoted(name, "a window").is_ok()
        && pg_query::parse(&format!("SELECT sum(1) OVER {name}"), 0).is_ok()
}
