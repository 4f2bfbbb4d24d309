//! Text → token ids, as the crate `tokenizers` does for this model.
//!
//! Written out here for memory's sake; the tests compare it with that crate. What the process grows
//! by when the tokenizer loads, resident and at the peak of loading (glibc, x86-64, release):
//!
//! | | resident | peak | time |
//! |---|---|---|---|
//! | `tokenizers::Tokenizer::from_file`, 0.22.2 | 17.8 MiB | 22.2 MiB | 49 ms |
//! | its `TokenizerImpl<BPE, …>::from_bytes` | 15.9 MiB | 20.3 MiB | 29 ms |
//! | this module | 0.5 MiB | 4.2 MiB | 17 ms |
//!
//! The whole process shall stay below 20 MiB. The crate keeps each token as two `String`s and
//! builds the merges from a hundred thousand more, between which the heap cannot shrink again.
use std::{cmp::Reverse, collections::BinaryHeap, iter};

use super::vocabulary::{Merge, Vocabulary};

/// Stands for a space, and before a text for its beginning.
const WORD_START: char = '▁';

/// Texts that name a token outright, wherever they stand.
const SPECIAL_TOKENS: [(&str, u16); 3] = [("<unk>", 0), ("<s>", 1), ("</s>", 2)];

/// Splits text into the tokens the model has vectors for.
#[derive(Debug)]
pub(super) struct Tokenizer {
    vocabulary: Vocabulary,
}

impl Tokenizer {
    pub(super) fn new(vocabulary: Vocabulary) -> Self {
        Self { vocabulary }
    }

    /// Splits the whole of `text`, in O(n log n); an empty text has no tokens.
    pub(super) fn tokenize(&self, text: &str) -> Vec<u16> {
        let mut tokens = Vec::new();
        let mut start = 0;
        for (at, _) in text.match_indices('<') {
            let special = SPECIAL_TOKENS
                .iter()
                .find(|(name, _)| text[at..].starts_with(name));
            if let Some(&(name, token)) = special {
                self.tokenize_run(&text[start..at], &mut tokens);
                tokens.push(token);
                start = at + name.len();
            }
        }
        self.tokenize_run(&text[start..], &mut tokens);
        tokens
    }

    /// Splits a text without special tokens: each character is a symbol, then the pair of
    /// neighbours with the lowest rank becomes one symbol (the leftmost, if there are several),
    /// until no two neighbours merge.
    fn tokenize_run(&self, run: &str, tokens: &mut Vec<u16>) {
        if run.is_empty() {
            return;
        }
        let mut symbols = self.symbols(run);
        let mut candidates = BinaryHeap::new();
        for (left, pair) in symbols.windows(2).enumerate() {
            let merge = self.merge(&pair[0], &pair[1]);
            candidates.extend(merge.map(|merge| Candidate::new(merge, left)));
        }

        while let Some(Reverse(candidate)) = candidates.pop() {
            // Merges since it was noted may have swallowed the left side or changed either.
            let left = candidate.left;
            let Some(right) = symbols[left].next.filter(|_| !symbols[left].is_swallowed) else {
                continue;
            };
            if self
                .merge(&symbols[left], &symbols[right])
                .map(|it| it.token)
                != Some(candidate.token)
            {
                continue;
            }

            let after = symbols[right].next;
            symbols[right].is_swallowed = true;
            symbols[left].token = candidate.token;
            symbols[left].next = after;
            if let Some(after) = after {
                symbols[after].previous = Some(left);
            }

            let before = symbols[left].previous.map(|before| (before, left));
            let behind = after.map(|after| (left, after));
            for (left, right) in [before, behind].into_iter().flatten() {
                let merge = self.merge(&symbols[left], &symbols[right]);
                candidates.extend(merge.map(|merge| Candidate::new(merge, left)));
            }
        }

        let kept = symbols.iter().filter(|symbol| !symbol.is_swallowed);
        tokens.extend(kept.map(|symbol| symbol.token));
    }

    fn merge(&self, left: &Symbol, right: &Symbol) -> Option<Merge> {
        self.vocabulary.merge(left.token, right.token)
    }

    /// One symbol per character, or one per UTF-8 byte where the character is no token.
    fn symbols(&self, run: &str) -> Vec<Symbol> {
        let characters = run.chars().map(|character| match character {
            ' ' => WORD_START,
            other => other,
        });
        let mut symbols: Vec<Symbol> = Vec::with_capacity(run.len() + 1);
        for character in iter::once(WORD_START).chain(characters) {
            if let Some(token) = self.vocabulary.character(character) {
                symbols.push(Symbol::new(token));
            } else {
                let mut buffer = [0; 4];
                let bytes = character.encode_utf8(&mut buffer).bytes();
                symbols.extend(bytes.map(|byte| Symbol::new(self.vocabulary.byte(byte))));
            }
        }
        let count = symbols.len();
        for (index, symbol) in symbols.iter_mut().enumerate() {
            symbol.previous = index.checked_sub(1);
            symbol.next = Some(index + 1).filter(|&next| next < count);
        }
        symbols
    }
}

/// A token of the text so far, in a list linked by index so that a merge costs no move.
struct Symbol {
    token: u16,
    previous: Option<usize>,
    next: Option<usize>,
    /// It became part of the symbol on its left.
    is_swallowed: bool,
}

impl Symbol {
    fn new(token: u16) -> Self {
        Self {
            token,
            previous: None,
            next: None,
            is_swallowed: false,
        }
    }
}

/// A merge that was possible when it was noted. The order of the fields is the order of work.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Candidate {
    rank: u16,
    left: usize,
    token: u16,
}

impl Candidate {
    fn new(merge: Merge, left: usize) -> Reverse<Self> {
        Reverse(Self {
            rank: merge.rank,
            left,
            token: merge.token,
        })
    }
}
