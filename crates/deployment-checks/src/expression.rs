//! Bicep expressions, as far as the templates use them.
//!
//! tree-sitter-bicep finds declarations, objects and properties, but ranks `??` and lambdas above
//! member access, so expressions that are evaluated are parsed here, with Bicep's precedence.

use std::iter::Peekable;
use std::str::CharIndices;

/// An expression.
#[derive(Clone, Debug, PartialEq)]
pub enum Expression {
    /// `null`
    Null,
    /// `true` or `false`
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A string with its interpolations.
    Text(Vec<Part>),
    /// The name of a parameter, a variable, a resource or a module.
    Name(String),
    /// `of.name` or `of.?name`
    Member(Box<Expression>, String),
    /// `of[index]`
    Index(Box<Expression>, Box<Expression>),
    /// `function(arguments)`
    Call(String, Vec<Expression>),
    /// `{ key: value }`
    Object(Vec<(Vec<Part>, Expression)>),
    /// `[ item ]`
    Array(Vec<Expression>),
    /// `condition ? consequence : alternative`
    Ternary(Box<[Expression; 3]>),
    /// `left operator right`
    Binary(&'static str, Box<[Expression; 2]>),
    /// `!operand` or `-operand`
    Unary(char, Box<Expression>),
    /// `parameter => body`
    Lambda(String, Box<Expression>),
}

/// A part of a string.
#[derive(Clone, Debug, PartialEq)]
pub enum Part {
    /// Text as it is.
    Literal(String),
    /// `${expression}`
    Value(Expression),
}

/// A text is no expression.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected {expected} at byte {offset} of `{text}`")]
pub struct ExpressionError {
    expected: &'static str,
    offset: usize,
    text: String,
}

/// Binary operators, each with its rank; a higher one binds tighter. Longer ones come first.
const OPERATORS: [(&str, u8); 14] = [
    ("??", 1),
    ("||", 2),
    ("&&", 3),
    ("==", 4),
    ("!=", 4),
    ("<=", 5),
    (">=", 5),
    ("<", 5),
    (">", 5),
    ("+", 6),
    ("-", 6),
    ("*", 7),
    ("/", 7),
    ("%", 7),
];

impl Expression {
    /// Parses a whole text.
    ///
    /// # Errors
    /// [`ExpressionError`] names what was expected, and where.
    pub fn parse(text: &str) -> Result<Self, ExpressionError> {
        let (expression, end) = Self::parse_prefix(text)?;
        match text[end..].trim() {
            "" => Ok(expression),
            _ => Err(ExpressionError::new("the end", end, text)),
        }
    }

    /// Parses the expression at the beginning of a text, and returns where it ends.
    ///
    /// # Errors
    /// [`ExpressionError`] names what was expected, and where.
    pub fn parse_prefix(text: &str) -> Result<(Self, usize), ExpressionError> {
        let mut parser = Parser::new(text);
        let expression = parser.ternary()?;
        Ok((expression, parser.offset()))
    }
}

impl ExpressionError {
    fn new(expected: &'static str, offset: usize, text: &str) -> Self {
        Self {
            expected,
            offset,
            text: text.chars().take(200).collect(),
        }
    }
}

struct Parser<'a> {
    text: &'a str,
    chars: Peekable<CharIndices<'a>>,
}

impl<'a> Parser<'a> {
    fn new(text: &'a str) -> Self {
        Self {
            text,
            chars: text.char_indices().peekable(),
        }
    }

    fn offset(&mut self) -> usize {
        self.chars
            .peek()
            .map_or(self.text.len(), |(offset, _)| *offset)
    }

    fn rest(&mut self) -> &'a str {
        let offset = self.offset();
        &self.text[offset..]
    }

    fn error(&mut self, expected: &'static str) -> ExpressionError {
        let offset = self.offset();
        ExpressionError::new(expected, offset, self.text)
    }

    fn skip(&mut self, bytes: usize) {
        let end = self.offset() + bytes;
        while self.chars.next_if(|(offset, _)| *offset < end).is_some() {}
    }

    /// Skips white space within a line.
    fn skip_blanks(&mut self) {
        while self
            .chars
            .next_if(|(_, c)| *c == ' ' || *c == '\t')
            .is_some()
        {}
    }

    /// Skips white space, line ends and comments.
    fn skip_lines(&mut self) {
        loop {
            while self.chars.next_if(|(_, c)| c.is_whitespace()).is_some() {}
            if !self.rest().starts_with("//") {
                return;
            }
            while self.chars.next_if(|(_, c)| *c != '\n').is_some() {}
        }
    }

    fn take(&mut self, token: &str) -> bool {
        let found = self.rest().starts_with(token);
        if found {
            self.skip(token.len());
        }
        found
    }

    fn expect(&mut self, token: &'static str) -> Result<(), ExpressionError> {
        if self.take(token) {
            Ok(())
        } else {
            Err(self.error(token))
        }
    }

    fn ternary(&mut self) -> Result<Expression, ExpressionError> {
        let condition = self.binary(0)?;
        self.skip_blanks();
        let rest = self.rest();
        if !rest.starts_with('?') || rest.starts_with("??") {
            return Ok(condition);
        }
        self.skip(1);
        let consequence = self.ternary()?;
        self.skip_lines();
        self.expect(":")?;
        let alternative = self.ternary()?;
        Ok(Expression::Ternary(Box::new([
            condition,
            consequence,
            alternative,
        ])))
    }

    fn binary(&mut self, min_rank: u8) -> Result<Expression, ExpressionError> {
        let mut left = self.unary()?;
        loop {
            self.skip_blanks();
            let rest = self.rest();
            if rest.starts_with("//") {
                return Ok(left);
            }
            let found = OPERATORS.iter().find(|(token, _)| rest.starts_with(token));
            let Some((token, rank)) = found.filter(|(_, rank)| *rank > min_rank) else {
                return Ok(left);
            };
            self.skip(token.len());
            let right = self.binary(*rank)?;
            left = Expression::Binary(token, Box::new([left, right]));
        }
    }

    fn unary(&mut self) -> Result<Expression, ExpressionError> {
        self.skip_lines();
        for operator in ['!', '-'] {
            if self.chars.next_if(|(_, c)| *c == operator).is_some() {
                return Ok(Expression::Unary(operator, Box::new(self.unary()?)));
            }
        }
        self.postfix()
    }

    fn postfix(&mut self) -> Result<Expression, ExpressionError> {
        let mut expression = self.primary()?;
        loop {
            let rest = self.rest();
            if rest.starts_with('.') {
                self.skip(1);
                self.take("?");
                let name = self.name()?;
                expression = Expression::Member(Box::new(expression), name);
            } else if rest.starts_with('[') {
                self.skip(1);
                let index = self.ternary()?;
                self.skip_lines();
                self.expect("]")?;
                expression = Expression::Index(Box::new(expression), Box::new(index));
            } else if rest.starts_with('!') && !rest.starts_with("!=") {
                self.skip(1);
            } else {
                return Ok(expression);
            }
        }
    }

    fn primary(&mut self) -> Result<Expression, ExpressionError> {
        match self.chars.peek().map(|(_, c)| *c) {
            Some('\'') => Ok(Expression::Text(self.string()?)),
            Some('{') => self.object(),
            Some('[') => Ok(Expression::Array(self.list("[", "]")?)),
            Some('(') => {
                self.skip(1);
                let inner = self.ternary()?;
                self.skip_lines();
                self.expect(")")?;
                Ok(inner)
            }
            Some(c) if c.is_ascii_digit() => self.number(),
            Some(c) if c.is_ascii_alphabetic() || c == '_' => self.word(),
            _ => Err(self.error("an expression")),
        }
    }

    fn number(&mut self) -> Result<Expression, ExpressionError> {
        let rest = self.rest();
        let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let number = rest[..digits]
            .parse()
            .map_err(|_| self.error("a number of 64 bits"))?;
        self.skip(digits);
        Ok(Expression::Int(number))
    }

    fn name(&mut self) -> Result<String, ExpressionError> {
        let rest = self.rest();
        let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let length = rest.len() - rest.trim_start_matches(is_part).len();
        if length == 0 {
            return Err(self.error("a name"));
        }
        self.skip(length);
        Ok(rest[..length].to_owned())
    }

    fn word(&mut self) -> Result<Expression, ExpressionError> {
        let name = self.name()?;
        if self.rest().starts_with('(') {
            return Ok(Expression::Call(name, self.list("(", ")")?));
        }
        if self.rest().trim_start_matches(' ').starts_with("=>") {
            self.skip_blanks();
            self.skip(2);
            return Ok(Expression::Lambda(name, Box::new(self.ternary()?)));
        }
        Ok(match name.as_str() {
            "null" => Expression::Null,
            "true" => Expression::Bool(true),
            "false" => Expression::Bool(false),
            _ => Expression::Name(name),
        })
    }

    fn list(
        &mut self,
        open: &'static str,
        close: &'static str,
    ) -> Result<Vec<Expression>, ExpressionError> {
        self.expect(open)?;
        let mut items = Vec::new();
        loop {
            self.skip_lines();
            if self.take(close) {
                return Ok(items);
            }
            items.push(self.ternary()?);
            self.skip_blanks();
            self.take(",");
        }
    }

    fn object(&mut self) -> Result<Expression, ExpressionError> {
        self.expect("{")?;
        let mut properties = Vec::new();
        loop {
            self.skip_lines();
            if self.take("}") {
                return Ok(Expression::Object(properties));
            }
            let key = if self.rest().starts_with('\'') {
                self.string()?
            } else {
                vec![Part::Literal(self.name()?)]
            };
            self.expect(":")?;
            properties.push((key, self.ternary()?));
            self.skip_blanks();
            self.take(",");
        }
    }

    fn string(&mut self) -> Result<Vec<Part>, ExpressionError> {
        if self.take("'''") {
            let end = self.rest().find("'''");
            let end = end.ok_or_else(|| self.error("'''"))?;
            let text = self.rest()[..end].trim_start_matches('\n').to_owned();
            self.skip(end + 3);
            return Ok(vec![Part::Literal(text)]);
        }
        self.expect("'")?;
        let (mut parts, mut literal) = (Vec::new(), String::new());
        loop {
            if self.take("${") {
                parts.push(Part::Literal(std::mem::take(&mut literal)));
                parts.push(Part::Value(self.ternary()?));
                self.skip_blanks();
                self.expect("}")?;
                continue;
            }
            match self.chars.next().map(|(_, c)| c) {
                Some('\'') => {
                    parts.push(Part::Literal(literal));
                    parts.retain(|part| *part != Part::Literal(String::new()));
                    return Ok(parts);
                }
                Some('\\') => {
                    let escaped = self.chars.next().map(|(_, c)| c);
                    literal.push(match escaped {
                        Some('n') => '\n',
                        Some('t') => '\t',
                        Some(c @ ('\'' | '\\' | '$')) => c,
                        _ => return Err(self.error("an escape sequence")),
                    });
                }
                Some('\n') | None => return Err(self.error("the end of the string")),
                Some(c) => literal.push(c),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expect: &str) {
        assert_eq!(format!("{:?}", Expression::parse(text).unwrap()), expect);
    }

    #[test]
    fn operators_have_the_precedence_of_bicep() {
        check(
            "a ?? b.c",
            r#"Binary("??", [Name("a"), Member(Name("b"), "c")])"#,
        );
        check(
            "1 + 2 * 3 - 4",
            r#"Binary("-", [Binary("+", [Int(1), Binary("*", [Int(2), Int(3)])]), Int(4)])"#,
        );
        check(
            "!a && b ? c : d",
            r#"Ternary([Binary("&&", [Unary('!', Name("a")), Name("b")]), Name("c"), Name("d")])"#,
        );
        check("x => x.name", r#"Lambda("x", Member(Name("x"), "name"))"#);
    }

    #[test]
    fn strings_have_interpolations_and_escapes() {
        check(
            r"'a${b.?c}\'d'",
            r#"Text([Literal("a"), Value(Member(Name("b"), "c")), Literal("'d")])"#,
        );
        check("'''\nx 'y'\n'''", r#"Text([Literal("x 'y'\n")])"#);
    }

    #[test]
    fn items_are_separated_by_commas_or_lines() {
        let expected = r#"Array([Int(1), Index(Name("a"), Int(2)), Int(3)])"#;
        check("[1, a[2], 3]", expected);
        check("[\n  1\n  a[2] // why\n  3\n]", expected);
    }

    #[test]
    fn malformed_expressions_are_rejected() {
        for text in ["", "a b", "'x", "f(", "a ?", "{ a 1 }", "'${a'"] {
            assert!(Expression::parse(text).is_err(), "{text}");
        }
    }
}
