//! Splits text into token ids, with the same result as the crate `tokenizers` for this model.
//!
//! This implementation saves memory; the tests compare it with that crate. The memory that loading
//! the tokenizer adds to the process, resident and at its peak (glibc, x86-64, release):
//!
//! | | resident | peak | time |
//! |---|---|---|---|
//! | `tokenizers::Tokenizer::from_file`, 0.22.2 | 17.8 MiB | 22.2 MiB | 49 ms |
//! | its `TokenizerImpl<BPE, …>::from_bytes` | 15.9 MiB | 20.3 MiB | 29 ms |
//! | this module | 0.5 MiB | 4.2 MiB | 17 ms |
//!
//! The whole process has to stay below 20 MiB. The crate stores each token as two `String`s and
//! builds the merges from a hundred thousand more, which keep the heap from shrinking again.
use std::{cmp::Reverse, collections::BinaryHeap, iter};

use super::vocabulary::{Merge, Vocabulary};

/// Replaces each space, and marks the start of a text.
const WORD_START: char = '▁';

/// Texts that are one token wherever they occur.
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

    /// Splits the whole text, in O(n log n). An empty text has no tokens.
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

    /// Splits a text without special tokens by byte-pair encoding: each character is a symbol; then
    /// the adjacent pair with the lowest rank becomes one symbol (the leftmost of equal ranks),
    /// until no adjacent pair merges.
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
            // A later merge may have removed the left symbol or changed either of them.
            let left = candidate.left;
            let Some(right) = symbols[left].next.filter(|_| !symbols[left].is_merged) else {
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
            symbols[right].is_merged = true;
            symbols[left].token = candidate.token;
            symbols[left].next = after;
            if let Some(after) = after {
                symbols[after].previous = Some(left);
            }

            let pair_before = symbols[left].previous.map(|before| (before, left));
            let pair_after = after.map(|after| (left, after));
            for (left, right) in [pair_before, pair_after].into_iter().flatten() {
                let merge = self.merge(&symbols[left], &symbols[right]);
                candidates.extend(merge.map(|merge| Candidate::new(merge, left)));
            }
        }

        let remaining = symbols.iter().filter(|symbol| !symbol.is_merged);
        tokens.extend(remaining.map(|symbol| symbol.token));
    }

    fn merge(&self, left: &Symbol, right: &Symbol) -> Option<Merge> {
        self.vocabulary.merge(left.token, right.token)
    }

    /// One symbol per character, or one per UTF-8 byte of a character without a token.
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

/// A token in a list that is linked by index, so that a merge moves no other symbols.
struct Symbol {
    token: u16,
    previous: Option<usize>,
    next: Option<usize>,
    /// Whether it became part of the symbol on its left.
    is_merged: bool,
}

impl Symbol {
    fn new(token: u16) -> Self {
        Self {
            token,
            previous: None,
            next: None,
            is_merged: false,
        }
    }
}

/// A merge that was possible when it was added to the queue. The order of the fields is the order
/// of processing.
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
