//! The tokens of a text, from PostgreSQL's scanner. Hints work on tokens, because a text may not
//! parse.

use pg_query::protobuf::{KeywordKind, ScanToken, Token};

/// The tokens of a text without comments; none if the scanner fails, as it does at an open quote.
///
/// Methods take the index of a token as `at`.
pub(super) struct Tokens<'a> {
    text: &'a str,
    scan_failed: bool,
    /// Byte offsets of the start and the end, and the kind, of each token.
    spans: Vec<(usize, usize, TokenKind)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TokenKind {
    /// A name, or a keyword that may be used as a column name.
    Name,
    /// A keyword that may be used as a column name only in quotes.
    Keyword,
    /// A string literal of any form, such as `'…'`, `E'…'`, `$$…$$` or `X'…'`.
    String,
    Number,
    /// An operator, or punctuation such as a parenthesis or a comma.
    Symbol,
}

/// Longest run of operator characters in a text that is scanned. The scanner takes quadratic time
/// for such runs, and no real statement has one this long.
const MAX_OPERATOR_RUN_BYTES: usize = 256;

/// Whether the scanner takes time proportional to the length of the text.
pub(super) fn scans_in_linear_time(text: &str) -> bool {
    let is_operator = |byte: &u8| b"+-*/<>=~!@#%^&|`?".contains(byte);
    let mut runs = text
        .as_bytes()
        .chunk_by(|one, other| is_operator(one) == is_operator(other));
    runs.all(|run| run.len() <= MAX_OPERATOR_RUN_BYTES || !is_operator(&run[0]))
}

impl<'a> Tokens<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        // `scan_tokens` is not used: for a text without tokens it makes a slice of a null pointer
        // (pg_query 18.1).
        let readable = if scans_in_linear_time(text) { text } else { "" };
        let scanned = pg_query::scan(readable);
        let scan_failed = scanned.is_err();
        let tokens = scanned.map_or_else(|_| Vec::new(), |scanned| scanned.tokens);
        let spans = tokens.iter().filter_map(|token| {
            let kind = kind(token)?;
            let start = usize::try_from(token.start).ok()?;
            let end = usize::try_from(token.end).ok()?;
            text.get(start..end).map(|_| (start, end, kind))
        });
        Self {
            text,
            scan_failed,
            spans: spans.collect(),
        }
    }

    /// Whether the scanner failed before the end of the text.
    pub(super) fn scan_failed(&self) -> bool {
        self.scan_failed
    }

    pub(super) fn len(&self) -> usize {
        self.spans.len()
    }

    /// The token as written; empty if there is no such token.
    pub(super) fn get(&self, at: usize) -> &'a str {
        self.spans
            .get(at)
            .and_then(|(start, end, _)| self.text.get(*start..*end))
            .unwrap_or_default()
    }

    pub(super) fn kind(&self, at: usize) -> Option<TokenKind> {
        self.spans.get(at).map(|(_, _, kind)| *kind)
    }

    /// The byte offsets at which a token starts and ends.
    pub(super) fn span(&self, at: usize) -> Option<(usize, usize)> {
        self.spans.get(at).map(|(start, end, _)| (*start, *end))
    }

    /// The text from the token `first` to the token before `end`.
    pub(super) fn between(&self, first: usize, end: usize) -> Option<&'a str> {
        let (start, _) = self.span(first)?;
        let (_, end) = self.span(end.checked_sub(1)?)?;
        self.text.get(start..end)
    }

    /// Whether the parenthesis that opens at one token is still open at another.
    pub(super) fn is_open(&self, parenthesis: usize, at: usize) -> bool {
        let mut depth = 0_i32;
        (parenthesis..at).all(|at| {
            depth += match self.get(at) {
                "(" => 1,
                ")" => -1,
                _ => 0,
            };
            depth > 0
        })
    }

    /// The index of the first token that ends after a byte offset.
    pub(super) fn index_at_byte(&self, byte: usize) -> usize {
        self.spans.partition_point(|(_, end, _)| *end <= byte)
    }

    /// Whether a token is this keyword, name or symbol, ignoring case.
    pub(super) fn is(&self, at: usize, word: &str) -> bool {
        self.get(at).eq_ignore_ascii_case(word)
    }

    /// Whether the token before `at` is this word.
    pub(super) fn follows(&self, at: usize, word: &str) -> bool {
        at.checked_sub(1)
            .is_some_and(|before| self.is(before, word))
    }

    /// The identifier that a token stands for: without quotes, and in lower case unless it is
    /// quoted. `None` if the token is not a name or keyword.
    pub(super) fn name(&self, at: usize) -> Option<String> {
        if !matches!(self.kind(at), Some(TokenKind::Name | TokenKind::Keyword)) {
            return None;
        }
        let written = self.get(at);
        let quoted = written
            .strip_prefix('"')
            .and_then(|rest| rest.strip_suffix('"'));
        Some(match quoted {
            Some(inner) => inner.replace("\"\"", "\""),
            None => written.to_ascii_lowercase(),
        })
    }

    /// The value of a string literal in single quotes without a prefix.
    pub(super) fn string_value(&self, at: usize) -> Option<String> {
        let inner = self.get(at).strip_prefix('\'')?.strip_suffix('\'')?;
        Some(inner.replace("''", "'"))
    }
}

fn kind(scanned: &ScanToken) -> Option<TokenKind> {
    // The scanner returns a character that the grammar does not use, such as a brace, as its code.
    let Ok(token) = Token::try_from(scanned.token) else {
        return Some(TokenKind::Symbol);
    };
    Some(match token {
        Token::Nul | Token::SqlComment | Token::CComment => return None,
        Token::Sconst | Token::Usconst | Token::Bconst | Token::Xconst => TokenKind::String,
        Token::Iconst | Token::Fconst | Token::Param => TokenKind::Number,
        Token::Ident | Token::Uident => TokenKind::Name,
        Token::Op
        | Token::Typecast
        | Token::DotDot
        | Token::ColonEquals
        | Token::EqualsGreater
        | Token::LessEquals
        | Token::GreaterEquals
        | Token::NotEquals => TokenKind::Symbol,
        // Single characters have lower codes than the named tokens; all remaining tokens are
        // keywords.
        other if (other as i32) < Token::Ident as i32 => TokenKind::Symbol,
        _ => match scanned.keyword_kind() {
            KeywordKind::ReservedKeyword | KeywordKind::TypeFuncNameKeyword => TokenKind::Keyword,
            KeywordKind::NoKeyword
            | KeywordKind::UnreservedKeyword
            | KeywordKind::ColNameKeyword => TokenKind::Name,
        },
    })
}
