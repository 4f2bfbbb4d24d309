//! The vectors in an answer.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;

use crate::search::embedding::Embedding;

/// Why an answer is not usable.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AnswerError {
    /// It is longer than the vectors that were asked for can be.
    #[error("the answer is longer than {0} bytes")]
    TooLong(usize),
    /// It is not the JSON of an answer.
    #[error("the answer is not a list of embeddings")]
    Malformed,
    /// It has more or fewer vectors than texts, or the same one twice.
    #[error("the answer does not have one vector for each text")]
    Count,
    /// A vector has another length than was asked for.
    #[error(
        "the answer's vectors have {found} dimensions, and ZAVA_EMBEDDING_DIMENSIONS is {expected}; \
         set it to what the model returns, which must be what the stored vectors have"
    )]
    Dimensions {
        /// How many were asked for.
        expected: usize,
        /// How many there are.
        found: usize,
    },
    /// A number is infinite or not a number, or all are zero.
    #[error("the answer's vectors have no direction")]
    NoDirection,
}

#[derive(Deserialize)]
struct Answer {
    data: Vec<Item>,
}

#[derive(Deserialize)]
struct Item {
    index: usize,
    embedding: Numbers,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Numbers {
    /// The bytes of 32-bit numbers, little-endian.
    Base64(String),
    /// From services that do not know `encoding_format`.
    List(Vec<f32>),
}

/// A list of numbers takes at most this many bytes for each.
const MAX_BYTES_PER_NUMBER: usize = 32;

/// What a vector takes beside its numbers.
const MAX_BYTES_PER_ITEM: usize = 256;

/// What an answer has beside its vectors.
const MAX_FRAME_BYTES: usize = 4096;

/// The length of the longest answer to `texts` texts, in bytes.
pub(super) fn max_answer_bytes(texts: usize, dimensions: usize) -> usize {
    MAX_FRAME_BYTES + texts * (MAX_BYTES_PER_ITEM + dimensions * MAX_BYTES_PER_NUMBER)
}

/// The vectors in an answer to `texts` texts, in the order of the texts.
pub(super) fn parse(
    answer: &[u8],
    texts: usize,
    dimensions: usize,
) -> Result<Vec<Embedding>, AnswerError> {
    // Without the parser's error, which quotes the answer.
    let Answer { data } = serde_json::from_slice(answer).map_err(|_| AnswerError::Malformed)?;
    if data.len() != texts {
        return Err(AnswerError::Count);
    }
    let mut embeddings: Vec<Option<Embedding>> = vec![None; texts];
    for Item { index, embedding } in data {
        let numbers = embedding.into_numbers()?;
        if numbers.len() != dimensions {
            return Err(AnswerError::Dimensions {
                expected: dimensions,
                found: numbers.len(),
            });
        }
        let slot = embeddings.get_mut(index).ok_or(AnswerError::Count)?;
        let embedding = Embedding::from_direction(&numbers).ok_or(AnswerError::NoDirection)?;
        *slot = Some(embedding);
    }
    // An index that comes twice leaves another one empty.
    let embeddings: Option<Vec<_>> = embeddings.into_iter().collect();
    embeddings.ok_or(AnswerError::Count)
}

impl Numbers {
    fn into_numbers(self) -> Result<Vec<f32>, AnswerError> {
        match self {
            Self::List(numbers) => Ok(numbers),
            Self::Base64(text) => {
                let bytes = STANDARD.decode(text).map_err(|_| AnswerError::Malformed)?;
                let (numbers, rest) = bytes.as_chunks::<4>();
                if rest.is_empty() {
                    Ok(numbers
                        .iter()
                        .map(|&bytes| f32::from_le_bytes(bytes))
                        .collect())
                } else {
                    Err(AnswerError::Malformed)
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn base64(numbers: &[f32]) -> String {
        let bytes: Vec<u8> = numbers
            .iter()
            .flat_map(|number| number.to_le_bytes())
            .collect();
        STANDARD.encode(bytes)
    }

    #[test]
    fn vectors_are_returned_in_the_order_of_the_texts() {
        let answer = format!(
            r#"{{"object":"list","data":[{{"object":"embedding","index":1,"embedding":"{}"}},
                {{"index":0,"embedding":[0, -2.0]}}],"model":"m","usage":{{"total_tokens":1}}}}"#,
            base64(&[3.0, 4.0])
        );
        let vectors = parse(answer.as_bytes(), 2, 2).expect("two vectors");
        assert_eq!(vectors[0].as_slice(), [0.0, -1.0]);
        assert_eq!(vectors[1].as_slice(), [0.6, 0.8]);
        assert!(answer.len() <= max_answer_bytes(2, 2));
    }

    #[test]
    fn unusable_answers_are_rejected() {
        let one = |numbers: &[f32]| {
            format!(
                r#"{{"data":[{{"index":0,"embedding":"{}"}}]}}"#,
                base64(numbers)
            )
        };
        let wrong_length = AnswerError::Dimensions {
            expected: 2,
            found: 3,
        };
        for (answer, error) in [
            (String::new(), AnswerError::Malformed),
            (
                "<html>a login page</html>".to_owned(),
                AnswerError::Malformed,
            ),
            (r#"{"data":{}}"#.to_owned(), AnswerError::Malformed),
            (
                r#"{"data":[{"index":0,"embedding":"a-b"}]}"#.to_owned(),
                AnswerError::Malformed,
            ),
            (
                r#"{"data":[{"index":0,"embedding":"AAAA"}]}"#.to_owned(),
                AnswerError::Malformed,
            ),
            (
                r#"{"data":[{"index":0,"embedding":["1","2"]}]}"#.to_owned(),
                AnswerError::Malformed,
            ),
            (
                r#"{"data":[{"index":-1,"embedding":[1,2]}]}"#.to_owned(),
                AnswerError::Malformed,
            ),
            (r#"{"data":[]}"#.to_owned(), AnswerError::Count),
            (
                r#"{"data":[{"index":1,"embedding":[1,2]}]}"#.to_owned(),
                AnswerError::Count,
            ),
            (
                r#"{"data":[{"index":0,"embedding":[1,2]},{"index":0,"embedding":[1,2]}]}"#
                    .to_owned(),
                AnswerError::Count,
            ),
            (one(&[1.0, 2.0, 3.0]), wrong_length),
            (one(&[1.0, f32::NAN]), AnswerError::NoDirection),
            (one(&[1.0, f32::INFINITY]), AnswerError::NoDirection),
            (one(&[0.0, 0.0]), AnswerError::NoDirection),
            (
                r#"{"data":[{"index":0,"embedding":[1e300,2]}]}"#.to_owned(),
                AnswerError::NoDirection,
            ),
        ] {
            assert_eq!(parse(answer.as_bytes(), 1, 2), Err(error), "{answer}");
        }
        let twice = r#"{"data":[{"index":0,"embedding":[1,2]},{"index":0,"embedding":[1,2]}]}"#;
        assert_eq!(parse(twice.as_bytes(), 2, 2), Err(AnswerError::Count));
    }
}
