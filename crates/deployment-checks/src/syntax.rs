//! The declarations, objects and properties of a `.bicep` file, by tree-sitter.

use std::collections::BTreeSet;

use tree_sitter::{Node, Parser};

/// A parsed file.
#[derive(Clone, Debug)]
pub struct File {
    /// Path in the repository.
    pub path: String,
    /// The declarations, in their order.
    pub declarations: Vec<Declaration>,
    /// Whether the file is deployed at the subscription instead of a resource group.
    pub targets_subscription: bool,
    /// Lines on which a ternary begins that does not end on the same line.
    pub long_ternaries: Vec<usize>,
}

/// What is declared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// A name from another file.
    Import,
    /// A parameter.
    Parameter,
    /// A variable.
    Variable,
    /// A resource, or a reference to an existing one.
    Resource,
    /// A module.
    Module,
    /// An output.
    Output,
    /// A type.
    Type,
}

/// A declaration.
#[derive(Clone, Debug)]
pub struct Declaration {
    /// What is declared.
    pub kind: Kind,
    /// Its name.
    pub name: String,
    /// Its first line.
    pub line: usize,
    /// The resource type with its API version, the path of a module, or the type of a value.
    pub type_text: String,
    /// Names and arguments of the decorators.
    pub decorators: Vec<(String, String)>,
    /// Whether the resource exists already.
    pub is_existing: bool,
    /// The condition of a resource or a module.
    pub condition: Option<String>,
    /// Whether it is declared for each item of a list.
    pub is_repeated: bool,
    /// The value, or the whole right side.
    pub value: Option<Text>,
    /// The properties of that value, if it is an object.
    pub body: Block,
    /// Names of this file that the declaration uses.
    pub uses: BTreeSet<String>,
}

/// A part of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Text {
    /// The text itself.
    pub text: String,
    /// Its first line.
    pub line: usize,
}

/// The properties of an object.
#[derive(Clone, Debug, Default)]
pub struct Block(pub Vec<Property>);

/// A property of an object.
#[derive(Clone, Debug)]
pub struct Property {
    /// The name, without quotes.
    pub key: String,
    /// The value.
    pub value: Text,
    /// Its properties, if it is an object.
    pub object: Block,
    /// The objects in it, if it is an array.
    pub items: Vec<Block>,
}

/// A file cannot be parsed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{path}:{line}: tree-sitter-bicep cannot parse this")]
pub struct SyntaxError {
    /// Path in the repository.
    pub path: String,
    /// Line of the first error.
    pub line: usize,
}

impl File {
    /// Parses a file.
    ///
    /// # Errors
    /// [`SyntaxError`] names the first line that cannot be parsed.
    pub fn parse(path: &str, text: &str) -> Result<Self, SyntaxError> {
        let error = |line| SyntaxError {
            path: path.to_owned(),
            line,
        };
        let mut parser = Parser::new();
        parser
            .set_language(&tree_sitter_bicep::LANGUAGE.into())
            .map_err(|_| error(0))?;
        let tree = parser.parse(text, None).ok_or_else(|| error(0))?;
        if let Some(line) = first_error(tree.root_node()) {
            return Err(error(line));
        }
        let reader = Reader { text };
        let mut file = Self {
            path: path.to_owned(),
            declarations: Vec::new(),
            targets_subscription: false,
            long_ternaries: Vec::new(),
        };
        collect_long_ternaries(tree.root_node(), &mut file.long_ternaries);
        let mut decorators = Vec::new();
        for node in named_children(tree.root_node()) {
            match node.kind() {
                "decorators" => decorators = reader.decorators(node),
                "target_scope_assignment" => {
                    file.targets_subscription = reader.of(node).contains("'subscription'");
                }
                "import_functionality" => file.declarations.extend(reader.imports(node)),
                _ => {
                    if let Some(declaration) = reader.declaration(node, &mut decorators) {
                        file.declarations.push(declaration);
                    }
                }
            }
        }
        Ok(file)
    }

    /// The declarations of a kind.
    pub fn with_kind(&self, kind: Kind) -> impl Iterator<Item = &Declaration> {
        self.declarations
            .iter()
            .filter(move |declaration| declaration.kind == kind)
    }

    /// The declaration of a kind and a name.
    #[must_use]
    pub fn find(&self, kind: Kind, name: &str) -> Option<&Declaration> {
        self.with_kind(kind)
            .find(|declaration| declaration.name == name)
    }
}

impl Declaration {
    /// The resource type without its version.
    #[must_use]
    pub fn resource_type(&self) -> &str {
        self.type_text
            .split_once('@')
            .map_or(&*self.type_text, |(name, _)| name)
    }

    /// The text of a property; `path` has dots between the names.
    #[must_use]
    pub fn get(&self, path: &str) -> Option<&str> {
        self.body.get(path)
    }

    /// The argument of a decorator.
    #[must_use]
    pub fn decorator(&self, name: &str) -> Option<&str> {
        let mut named = self.decorators.iter().filter(|(key, _)| key == name);
        named.next().map(|(_, argument)| &**argument)
    }
}

impl Block {
    /// The property at a path, with dots between the names.
    #[must_use]
    pub fn property(&self, path: &str) -> Option<&Property> {
        let (first, rest) = path
            .split_once('.')
            .map_or((path, None), |(first, rest)| (first, Some(rest)));
        let property = self.0.iter().find(|property| property.key == first)?;
        match rest {
            Some(rest) => property.object.property(rest),
            None => Some(property),
        }
    }

    /// The text of the property at a path.
    #[must_use]
    pub fn get(&self, path: &str) -> Option<&str> {
        self.property(path)
            .map(|property| property.value.text.as_str())
    }

    /// Calls `visit` with each property, also those of inner objects and of objects in arrays.
    pub fn walk<'a>(&'a self, visit: &mut impl FnMut(&'a Property)) {
        for property in &self.0 {
            visit(property);
            property.object.walk(visit);
            for item in &property.items {
                item.walk(visit);
            }
        }
    }
}

struct Reader<'a> {
    text: &'a str,
}

impl Reader<'_> {
    fn of(&self, node: Node<'_>) -> &str {
        &self.text[node.byte_range()]
    }

    fn text(&self, node: Node<'_>) -> Text {
        Text {
            text: self.of(node).to_owned(),
            line: line(node),
        }
    }

    fn unquoted(&self, node: Node<'_>) -> String {
        self.of(node).trim_matches('\'').to_owned()
    }

    fn decorators(&self, node: Node<'_>) -> Vec<(String, String)> {
        let decorators = self
            .of(node)
            .split("\n@")
            .map(|decorator| decorator.trim_start_matches('@'));
        decorators
            .filter_map(|decorator| {
                let (name, arguments) = decorator.split_once('(')?;
                let arguments = arguments.trim_end().trim_end_matches(')');
                Some((name.to_owned(), arguments.to_owned()))
            })
            .collect()
    }

    fn imports(&self, node: Node<'_>) -> Vec<Declaration> {
        let (names, mut path) = (named_children(node), String::new());
        let mut imports = Vec::new();
        for name in names {
            match name.kind() {
                "string" => path = self.unquoted(name),
                _ => imports.push(self.of(name).to_owned()),
            }
        }
        let declare = |name| Declaration {
            type_text: path.clone(),
            ..empty(Kind::Import, name, line(node))
        };
        imports.into_iter().map(declare).collect()
    }

    fn declaration(
        &self,
        node: Node<'_>,
        decorators: &mut Vec<(String, String)>,
    ) -> Option<Declaration> {
        let kind = match node.kind() {
            "parameter_declaration" => Kind::Parameter,
            "variable_declaration" => Kind::Variable,
            "resource_declaration" => Kind::Resource,
            "module_declaration" => Kind::Module,
            "output_declaration" => Kind::Output,
            "type_declaration" => Kind::Type,
            _ => return None,
        };
        let children = named_children(node);
        let name = self.of(*children.first()?).to_owned();
        let mut declaration = empty(kind, name, line(node));
        declaration.decorators = std::mem::take(decorators);
        let mut cursor = node.walk();
        for child in node.children(&mut cursor) {
            declaration.is_existing |= child.kind() == "existing";
        }
        let mut rest = children.into_iter().skip(1);
        match kind {
            Kind::Parameter | Kind::Output => {
                declaration.type_text = self.of(rest.next()?).to_owned();
            }
            Kind::Resource | Kind::Module => declaration.type_text = self.unquoted(rest.next()?),
            Kind::Import | Kind::Variable | Kind::Type => {}
        }
        if let Some(value) = rest.next() {
            declaration.value = Some(self.text(value));
            let mut inner = value;
            loop {
                let children = named_children(inner);
                match inner.kind() {
                    "for_statement" => declaration.is_repeated = true,
                    "if_statement" => {
                        declaration.condition = children
                            .first()
                            .map(|condition| self.of(*condition).to_owned());
                    }
                    _ => break,
                }
                inner = *children.last()?;
            }
            declaration.body = self.block(inner);
            let mut locals = BTreeSet::new();
            self.collect_names(value, &mut declaration.uses, &mut locals);
            declaration.uses.retain(|name| !locals.contains(name));
        }
        Some(declaration)
    }

    fn block(&self, node: Node<'_>) -> Block {
        if node.kind() != "object" {
            return Block::default();
        }
        let properties = named_children(node).into_iter().filter_map(|property| {
            let children = named_children(property);
            let (key, value) = (children.first()?, children.get(1)?);
            Some(Property {
                key: self.unquoted(*key),
                value: self.text(*value),
                object: self.block(*value),
                items: self.items(*value),
            })
        });
        Block(properties.collect())
    }

    fn items(&self, node: Node<'_>) -> Vec<Block> {
        match node.kind() {
            "array" => {
                let items = named_children(node).into_iter();
                items
                    .filter(|item| item.kind() == "object")
                    .map(|item| self.block(item))
                    .collect()
            }
            "for_statement" => {
                let body = named_children(node).pop();
                body.map(|body| self.block(body)).into_iter().collect()
            }
            _ => Vec::new(),
        }
    }

    /// Names that are neither properties nor functions, and the names of loops and lambdas.
    fn collect_names(
        &self,
        node: Node<'_>,
        names: &mut BTreeSet<String>,
        locals: &mut BTreeSet<String>,
    ) {
        let mut cursor = node.walk();
        for (index, child) in node.children(&mut cursor).enumerate() {
            let field = u32::try_from(index)
                .ok()
                .and_then(|index| node.field_name_for_child(index));
            let is_key = node.kind() == "object_property" && index == 0;
            match child.kind() {
                "identifier" if is_key || field == Some("function") => {}
                "loop_variable" | "loop_enumerator" => {
                    locals.insert(self.of(child).to_owned());
                }
                "identifier"
                    if field == Some("initializer")
                        || (node.kind() == "lambda_expression" && index == 0) =>
                {
                    locals.insert(self.of(child).to_owned());
                }
                "identifier" => {
                    names.insert(self.of(child).to_owned());
                }
                _ => self.collect_names(child, names, locals),
            }
        }
        if node.kind() == "identifier" {
            names.insert(self.of(node).to_owned());
        }
    }
}

fn empty(kind: Kind, name: String, line: usize) -> Declaration {
    Declaration {
        kind,
        name,
        line,
        type_text: String::new(),
        decorators: Vec::new(),
        is_existing: false,
        condition: None,
        is_repeated: false,
        value: None,
        body: Block::default(),
        uses: BTreeSet::new(),
    }
}

fn line(node: Node<'_>) -> usize {
    node.start_position().row + 1
}

fn named_children(node: Node<'_>) -> Vec<Node<'_>> {
    let mut cursor = node.walk();
    let children = node.named_children(&mut cursor);
    children.filter(|child| child.kind() != "comment").collect()
}

fn first_error(node: Node<'_>) -> Option<usize> {
    if node.is_error() || node.is_missing() {
        return Some(line(node));
    }
    let mut cursor = node.walk();
    node.children(&mut cursor).find_map(first_error)
}

fn collect_long_ternaries(node: Node<'_>, lines: &mut Vec<usize>) {
    let is_long = node.start_position().row != node.end_position().row;
    if node.kind() == "ternary_expression" && is_long {
        lines.push(line(node));
    }
    for child in named_children(node) {
        collect_long_ternaries(child, lines);
    }
}
