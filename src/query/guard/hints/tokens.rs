//! A text as PostgreSQL's scanner reads it, also where the parser does not: hints look at words.

use pg_query::protobuf::{KeywordKind, ScanToken, Token};

/// The tokens of a text without comments; none when the scanner itself fails, as at an open quote.
pub(super) struct Tokens<'a> {
    text: &'a str,
    is_broken: bool,
    /// Bytes of the text: start, end.
    spans: Vec<(usize, usize, TokenKind)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TokenKind {
    /// A name, or a keyword that may be one.
    Word,
    /// A keyword that is no name unless it is quoted.
    Keyword,
    /// A text in single quotes, or one of its relatives.
    Text,
    Number,
    /// An operator, a parenthesis, a comma.
    Symbol,
}

/// PostgreSQL's scanner looks at a run of operator characters again and again; no statement has one
/// this long.
const MAX_OPERATOR_RUN: usize = 256;

/// Whether scanning a text takes time in proportion to its length.
pub(super) fn scans_quickly(text: &str) -> bool {
    let is_operator = |byte: &u8| b"+-*/<>=~!@#%^&|`?".contains(byte);
    let mut runs = text
        .as_bytes()
        .chunk_by(|one, other| is_operator(one) == is_operator(other));
    runs.all(|run| run.len() <= MAX_OPERATOR_RUN || !is_operator(&run[0]))
}

impl<'a> Tokens<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        // Not `scan_tokens`: for a text without any it makes a slice of a null pointer (pg_query
        // 18.1).
        let readable = if scans_quickly(text) { text } else { "" };
        let scanned = pg_query::scan(readable);
        let is_broken = scanned.is_err();
        let tokens = scanned.map_or_else(|_| Vec::new(), |scanned| scanned.tokens);
        let spans = tokens.iter().filter_map(|token| {
            let kind = kind(token)?;
            let start = usize::try_from(token.start).ok()?;
            let end = usize::try_from(token.end).ok()?;
            text.get(start..end).map(|_| (start, end, kind))
        });
        Self {
            text,
            is_broken,
            spans: spans.collect(),
        }
    }

    /// Whether the scanner could not read the text to its end.
    pub(super) fn is_broken(&self) -> bool {
        self.is_broken
    }

    pub(super) fn len(&self) -> usize {
        self.spans.len()
    }

    /// The token as it is written; empty beyond the ends.
    pub(super) fn get(&self, at: usize) -> &'a str {
        self.spans
            .get(at)
            .and_then(|(start, end, _)| self.text.get(*start..*end))
            .unwrap_or_default()
    }

    pub(super) fn kind(&self, at: usize) -> Option<TokenKind> {
        self.spans.get(at).map(|(_, _, kind)| *kind)
    }

    pub(super) fn span(&self, at: usize) -> Option<(usize, usize)> {
        self.spans.get(at).map(|(start, end, _)| (*start, *end))
    }

    /// The text from one token to the one before another.
    pub(super) fn between(&self, first: usize, end: usize) -> Option<&'a str> {
        let (start, _) = self.span(first)?;
        let (_, end) = self.span(end.checked_sub(1)?)?;
        self.text.get(start..end)
    }

    /// Whether the parenthesis at a token is still open at another.
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

    /// The first token that ends behind a byte.
    pub(super) fn at_byte(&self, byte: usize) -> usize {
        self.spans.partition_point(|(_, end, _)| *end <= byte)
    }

    /// Whether a token is this keyword, name or symbol, in any case.
    pub(super) fn is(&self, at: usize, word: &str) -> bool {
        self.get(at).eq_ignore_ascii_case(word)
    }

    /// Whether the token before another is this word.
    pub(super) fn is_before(&self, at: usize, word: &str) -> bool {
        at.checked_sub(1)
            .is_some_and(|before| self.is(before, word))
    }

    /// What a name means: in lower case unless it is quoted. `None` for what is no name.
    pub(super) fn name(&self, at: usize) -> Option<String> {
        if !matches!(self.kind(at), Some(TokenKind::Word | TokenKind::Keyword)) {
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

    /// The value of a plain text in single quotes.
    pub(super) fn text_value(&self, at: usize) -> Option<String> {
        let inner = self.get(at).strip_prefix('\'')?.strip_suffix('\'')?;
        Some(inner.replace("''", "'"))
    }
}

fn kind(scanned: &ScanToken) -> Option<TokenKind> {
    // A single character that the grammar has no use for, such as a brace, is its own number.
    let Ok(token) = Token::try_from(scanned.token) else {
        return Some(TokenKind::Symbol);
    };
    Some(match token {
        Token::Nul | Token::SqlComment | Token::CComment => return None,
        Token::Sconst | Token::Usconst | Token::Bconst | Token::Xconst => TokenKind::Text,
        Token::Iconst | Token::Fconst | Token::Param => TokenKind::Number,
        Token::Ident | Token::Uident => TokenKind::Word,
        Token::Op
        | Token::Typecast
        | Token::DotDot
        | Token::ColonEquals
        | Token::EqualsGreater
        | Token::LessEquals
        | Token::GreaterEquals
        | Token::NotEquals => TokenKind::Symbol,
        // Single characters come before the named tokens; all that is left is keywords.
        other if (other as i32) < Token::Ident as i32 => TokenKind::Symbol,
        _ => match scanned.keyword_kind() {
            KeywordKind::ReservedKeyword | KeywordKind::TypeFuncNameKeyword => TokenKind::Keyword,
            KeywordKind::NoKeyword
            | KeywordKind::UnreservedKeyword
            | KeywordKind::ColNameKeyword => TokenKind::Word,
        },
    })
}
