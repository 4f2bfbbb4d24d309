//! JSON paths, which are small programs over a document. They are checked token by token, as
//! PostgreSQL's own lexer (`jsonpath_scan.l`) splits them, and not by their spelling.

use pg_query::protobuf::Node;

use super::edits::Edits;
use super::inspect;
use super::limits::MAX_PATH_COMPARISONS;
use super::totals::check_steps;
use super::units::{Bytes, Steps, to_u64};
use crate::name::CheckOutcome;
use crate::refusal::{Refusal, Rule};

/// Characters that are tokens by themselves or begin an operator.
const SPECIAL: &str = "?%$.[]{}()|&!=<>@#,*:-+/";

/// Characters that PostgreSQL skips between two tokens.
const BLANKS: [char; 5] = [' ', '\t', '\n', '\r', '\x0c'];

/// Sizes of what a JSON path reads, in bytes.
#[derive(Clone, Copy, Debug)]
pub(super) struct PathInput {
    pub(super) document_bytes: Bytes,
    pub(super) variable_bytes: Bytes,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Token {
    /// A name, a keyword or a number, in lower case.
    Word(String),
    Quoted,
    /// `$name`
    Variable,
    /// `==`, `<`, `<=`, …
    Comparison,
    /// `&&` and `||`
    Logic,
    /// `**`
    AnyDepth,
    Symbol(char),
}

/// Checks a JSON path over a document of unknown size.
pub(super) fn check_json_path(path: Option<&Node>, location: i32) -> CheckOutcome {
    let path = path.and_then(path_literal);
    check_path(path, None, location).map(|_| ())
}

/// Checks a JSON path and returns its uninterruptible steps over these inputs.
///
/// The path must be a literal, and must not traverse the document repeatedly: `**` behind another
/// `**` returns a match for each way through the document. Nested filters and lists of subscripts
/// behave alike.
pub(super) fn bound_json_path(
    path: Option<&Node>,
    input: PathInput,
    location: i32,
    edits: &Edits,
) -> Result<Steps, Refusal> {
    let path = path.and_then(|path| edits.text_literal_as(path, &["jsonpath"]));
    check_path(path, Some(input), location)
}

/// Number of references to the document or a part of it in a JSON path.
pub(super) fn count_document_refs(path: &Node) -> u64 {
    let path = path_literal(path).unwrap_or_default();
    to_u64(path.matches(['$', '@']).count())
}

fn path_literal(path: &Node) -> Option<&str> {
    inspect::text_literal_as(path, &["jsonpath"])
}

fn check_path(
    path: Option<&str>,
    input: Option<PathInput>,
    location: i32,
) -> Result<Steps, Refusal> {
    let Some(path) = path else {
        return Err(refusal(
            "a JSON path that is not a literal is not allowed",
            "use a literal, as in jsonb_path_query(x, '$.items[*]')",
        )
        .at(location));
    };
    tokens(path)
        .and_then(|tokens| {
            check_constructs(&tokens, input.is_some())?;
            comparison_steps(&tokens, input, location)
        })
        .map_err(|refusal| refusal.at(location))
}

fn refusal(message: &str, hint: &str) -> Refusal {
    Refusal::new(Rule::Cost, message, hint)
}

/// Splits a path into tokens. A quoted name or text is one token.
fn tokens(path: &str) -> Result<Vec<Token>, Refusal> {
    let mut tokens = Vec::new();
    let mut rest = path.chars().peekable();
    while let Some(character) = rest.next() {
        let next = rest.peek().copied();
        let token = match (character, next) {
            _ if BLANKS.contains(&character) => continue,
            ('\\', _) => {
                return Err(refusal(
                    "a JSON path with a backslash outside of quotes is not allowed",
                    "write names as they are, or in double quotes, as in '$.\"a b\"'",
                ));
            }
            ('/', Some('*')) => {
                return Err(refusal(
                    "a JSON path with a comment is not allowed",
                    "remove the comment",
                ));
            }
            ('"', _) => {
                skip_quoted(&mut rest);
                Token::Quoted
            }
            ('$', Some('"')) => {
                rest.next();
                skip_quoted(&mut rest);
                Token::Variable
            }
            ('$', Some(first)) if is_word_character(first) => {
                while rest.next_if(|&next| is_word_character(next)).is_some() {}
                Token::Variable
            }
            ('&', Some('&')) | ('|', Some('|')) => {
                rest.next();
                Token::Logic
            }
            ('*', Some('*')) => {
                rest.next();
                Token::AnyDepth
            }
            ('!', Some('=')) => {
                rest.next();
                Token::Comparison
            }
            ('<' | '>' | '=', _) => {
                rest.next_if(|&next| matches!(next, '=' | '>'));
                Token::Comparison
            }
            _ if is_word_character(character) => {
                let mut word = character.to_string();
                while let Some(next) = rest.next_if(|&next| is_word_character(next)) {
                    word.push(next);
                }
                Token::Word(word.to_ascii_lowercase())
            }
            _ => Token::Symbol(character),
        };
        tokens.push(token);
    }
    Ok(tokens)
}

fn is_word_character(character: char) -> bool {
    !SPECIAL.contains(character) && !BLANKS.contains(&character) && !matches!(character, '"' | '\\')
}

fn skip_quoted(rest: &mut impl Iterator<Item = char>) {
    while let Some(character) = rest.next() {
        match character {
            '\\' => _ = rest.next(),
            '"' => return,
            _ => {}
        }
    }
}

/// Refuses constructs that traverse the document repeatedly or turn short values into long ones.
fn check_constructs(tokens: &[Token], may_filter_by_variables: bool) -> CheckOutcome {
    let has = |sought: &Token| tokens.contains(sought);
    let calls = |method: &str| {
        tokens
            .windows(2)
            .any(|pair| matches!(pair, [word, Token::Symbol('(')] if is_word(word, method)))
    };
    if has(&Token::AnyDepth) || has(&Token::Symbol(',')) {
        return Err(refusal(
            "a JSON path with ** or a list of subscripts is not allowed",
            "write the full path to the value, as in '$.items[*].price'",
        ));
    }
    if calls("number") || calls("decimal") {
        return Err(refusal(
            "a JSON path that converts texts to numbers is not allowed",
            "extract the value by ->> and cast it",
        ));
    }
    if calls("keyvalue") {
        return Err(refusal(
            "a JSON path with keyvalue() is not allowed",
            "use jsonb_each(x)",
        ));
    }
    if tokens.iter().any(|token| is_word(token, "like_regex")) {
        return Err(refusal(
            "a JSON path with like_regex is not allowed",
            "extract the value by ->> and match it by ~",
        ));
    }
    let is_filter = |token: &Token| *token == Token::Symbol('?');
    let mut filter = tokens.iter().skip_while(|token| !is_filter(token)).skip(1);
    let reads_again = |token: &Token| {
        is_filter(token)
            || *token == Token::Symbol('$')
            || (*token == Token::Variable && !may_filter_by_variables)
    };
    if filter.any(reads_again) {
        return Err(refusal(
            "a JSON path whose filter contains another filter or $ is not allowed",
            "compare @ with a value, as in '$.items[*] ? (@.price > 10)'",
        ));
    }
    Ok(())
}

fn is_word(token: &Token, sought: &str) -> bool {
    matches!(token, Token::Word(word) if word == sought)
}

/// One operand of a comparison.
#[derive(Clone, Copy, Debug, Default)]
struct PathOperand {
    /// It can return several values.
    yields_many: bool,
    reads_document: bool,
    reads_variable: bool,
}

impl PathOperand {
    fn from_tokens(operand: &[Token]) -> Self {
        let positions = operand.iter().enumerate().map(|(position, token)| {
            let before = position
                .checked_sub(1)
                .and_then(|before| operand.get(before));
            (before, token)
        });
        let mut found = Self::default();
        for (before, token) in positions {
            match token {
                Token::Symbol('*') => {
                    found.yields_many |= matches!(before, Some(Token::Symbol('.' | '[')));
                }
                Token::Word(word) if word == "to" => {
                    found.yields_many |= before != Some(&Token::Symbol('.'));
                }
                Token::Symbol('$' | '@') => found.reads_document = true,
                Token::Variable => found.reads_variable = true,
                _ => {}
            }
        }
        found
    }

    fn reads_input(self) -> bool {
        self.reads_document || self.reads_variable
    }

    /// Bytes of all values that the operand can return.
    fn max_bytes(self, input: PathInput) -> Bytes {
        let document_bytes = if self.reads_document {
            input.document_bytes
        } else {
            Bytes::ZERO
        };
        let variable_bytes = if self.reads_variable {
            input.variable_bytes
        } else {
            Bytes::ZERO
        };
        document_bytes + variable_bytes
    }
}

/// The steps of all comparisons. PostgreSQL compares each value of one operand with each value of
/// the other, and checks for no interrupt meanwhile. Unless the path is strict, either operand may
/// be an array, which is unwrapped to its elements. A pair takes about four steps, an element at
/// least two bytes.
fn comparison_steps(
    tokens: &[Token],
    input: Option<PathInput>,
    location: i32,
) -> Result<Steps, Refusal> {
    let is_strict = tokens.first().is_some_and(|token| is_word(token, "strict"));
    let is_comparison =
        |(position, token): (usize, &Token)| (*token == Token::Comparison).then_some(position);
    let positions: Vec<usize> = tokens
        .iter()
        .enumerate()
        .filter_map(is_comparison)
        .collect();
    if positions.len() > MAX_PATH_COMPARISONS {
        return Err(refusal(
            "a JSON path has too many comparisons",
            &format!("the maximum is {MAX_PATH_COMPARISONS}; split the query into smaller ones"),
        ));
    }
    let mut sum = Steps::default();
    for position in positions {
        let left =
            PathOperand::from_tokens(&tokens[left_operand_start(&tokens[..position])..position]);
        let right = &tokens[position + 1..];
        let right = PathOperand::from_tokens(&right[..right_operand_length(right)]);
        if left.yields_many && right.yields_many {
            return Err(refusal(
                "a JSON path that compares several values with several others is not allowed",
                "compare with one value, as in '$.items[*] ? (@.price > 10)'",
            ));
        }
        if is_strict || !left.reads_input() || !right.reads_input() {
            continue;
        }
        let own_steps = input.and_then(|input| {
            check_steps(
                "a JSON path",
                left.max_bytes(input).count(),
                right.max_bytes(input).count(),
                location,
            )
            .ok()
        });
        let Some(own_steps) = own_steps else {
            return Err(refusal(
                "a JSON path that compares two parts of a document, which could be long arrays, is not allowed",
                "begin it with strict, as in 'strict $.items[*] ? (@.price > @.cost)'",
            ));
        };
        sum += own_steps;
    }
    Ok(sum)
}

/// Index of the first token of a comparison's left operand.
fn left_operand_start(before: &[Token]) -> usize {
    let mut depth = 0_u32;
    for (position, token) in before.iter().enumerate().rev() {
        match token {
            Token::Symbol(')' | ']') => depth += 1,
            Token::Symbol('(' | '[') | Token::Logic if depth == 0 => return position + 1,
            Token::Symbol('(' | '[') => depth -= 1,
            _ => {}
        }
    }
    0
}

/// Number of tokens of a comparison's right operand.
fn right_operand_length(behind: &[Token]) -> usize {
    let mut depth = 0_u32;
    for (position, token) in behind.iter().enumerate() {
        match token {
            Token::Symbol('(' | '[') => depth += 1,
            Token::Symbol(')' | ']') | Token::Logic if depth == 0 => return position,
            Token::Symbol(')' | ']') => depth -= 1,
            _ => {}
        }
    }
    behind.len()
}
