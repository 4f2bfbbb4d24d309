//! What the printer of pg_query would write otherwise than it was read, put into a form that it
//! keeps and that means the same.

use pg_query::NodeEnum;
use pg_query::protobuf::a_const::Val;
use pg_query::protobuf::{Node, TypeCast, WindowDef};

use super::name::{names, plain};

/// `'t'::boolean` is printed as `true`, which is another tree; `'true'::boolean` is kept.
pub(super) fn spell_boolean(cast: &mut TypeCast) {
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

/// New names for the windows of one query whose own names would be printed without the quotes that
/// they need.
#[derive(Default)]
pub(super) struct WindowNames(Vec<(String, String)>);

impl WindowNames {
    /// Those that a WINDOW clause defines.
    pub(super) fn new(clause: &[Node]) -> Self {
        let defined = clause.iter().filter_map(|window| match &window.node {
            Some(NodeEnum::WindowDef(window)) => Some(window.name.as_str()),
            _ => None,
        });
        let defined: Vec<&str> = defined.collect();
        let mut free = (1..)
            .map(|number| format!("window_{number}"))
            .filter(|name| !defined.contains(&name.as_str()));
        let odd = defined.iter().filter(|name| !is_printable(name));
        let renamed = odd.filter_map(|name| Some(((*name).to_owned(), free.next()?)));
        Self(renamed.collect())
    }

    /// Puts the new names into a definition or a use of a window.
    pub(super) fn rename(&self, window: &mut WindowDef) {
        for name in [&mut window.name, &mut window.refname] {
            if let Some((_, new)) = self.0.iter().find(|(old, _)| old == name) {
                new.clone_into(name);
            }
        }
    }
}

/// Whether the printer, which writes the name of a window as it stands, writes this one so that it
/// is read again.
fn is_printable(name: &str) -> bool {
    plain(name, "a window").is_ok()
        && pg_query::parse(&format!("SELECT sum(1) OVER {name}"), 0).is_ok()
}
