//! The whole model against its Python original, against the crate `tokenizers`, and against
//! damaged files. Needs the real model files.
use std::{
    fs::{self, OpenOptions},
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
};

use super::weights::DIMENSIONS;
use super::{Embedding, MAX_TOKENS, ModelFileError, StaticModel, StaticModelError};

const WEIGHTS_FILE: &str = "l2_supercat_256.safetensors";
const TOKENIZER_FILE: &str = "l2_supercat_tokenizer_config.json";

/// The folder of the model. Without it the tests fail; a skipped test would prove nothing.
#[expect(
    clippy::disallowed_methods,
    reason = "a test has no settings to take the folder from"
)]
fn model_directory() -> PathBuf {
    let directory = std::env::var("ZAVA_EMBEDDING_MODEL_DIR").expect(
        "these tests need the embedding model: run ./scripts/up, or set ZAVA_EMBEDDING_MODEL_DIR \
         to the folder that holds l2_supercat_256.safetensors and \
         l2_supercat_tokenizer_config.json",
    );
    PathBuf::from(directory)
}

fn model() -> StaticModel {
    StaticModel::open(&model_directory()).expect("the model in ZAVA_EMBEDDING_MODEL_DIR opens")
}

/// Components 0–7, 100, 200 and 255 of `v / |v|` with `v = WordLlama.load().embed(text)[0]`, from
/// wordllama 0.4.0.post1 on CPython 3.11 (weights F16, arithmetic f32). The last text has 5,427
/// tokens: there `v` is the mean over the first 512.
fn golden() -> Vec<(&'static str, String, [f32; 11])> {
    let items = |count: u32| {
        let items = (0..count).map(|i| format!("item {i} is {} mm wide", i * i));
        items.collect::<Vec<_>>().join(" ")
    };
    #[rustfmt::skip]
    let golden = vec![
        ("paint", "waterproof outdoor paint".to_owned(),
         [0.077351, 0.040123, -0.089740, 0.028425, -0.036631, 0.014851, 0.056999, 0.094514, 0.016760, -0.008961, -0.079451]),
        ("one letter", "x".to_owned(),
         [0.044362, -0.053632, -0.097756, -0.134184, 0.026950, 0.018021, 0.092348, -0.021423, -0.013698, -0.116238, -0.062160]),
        ("capitals", "CORDLESS Drill/Driver".to_owned(),
         [-0.144542, 0.032366, 0.005208, 0.025908, -0.033367, -0.041665, 0.003187, -0.051437, -0.107808, 0.009508, 0.035727]),
        ("punctuation", "!!! ... ??? --".to_owned(),
         [0.034768, -0.064774, -0.052267, -0.003368, -0.023074, -0.055824, -0.026713, -0.098136, 0.082034, -0.068527, -0.061759]),
        ("digits", "2x4 10ft 16-gauge 3/4 in. 1,250.99".to_owned(),
         [0.060400, 0.003097, -0.047185, -0.107975, -0.005553, -0.080078, -0.032989, -0.007253, -0.168541, -0.055712, 0.044307]),
        ("german", "Überstreichbare Spachtelmasse – für Küche & Bad".to_owned(),
         [-0.143962, 0.024063, -0.067970, -0.098973, -0.070606, -0.051294, -0.050059, -0.030580, -0.156003, -0.012615, -0.026595]),
        ("chinese", "防水外墙漆".to_owned(),
         [-0.035098, 0.137875, 0.008034, -0.028601, 0.092038, 0.003923, -0.010144, 0.070690, -0.033398, 0.002499, -0.005539]),
        ("emoji, byte fall-back", "👩\u{200d}🔧 toolbox \0".to_owned(),
         [-0.013099, -0.040559, -0.060902, 0.003822, -0.008872, 0.161926, 0.042161, -0.114924, -0.032085, -0.024459, 0.059676]),
        ("spaces", "  two  spaces   everywhere  ".to_owned(),
         [-0.068799, -0.047919, 0.061466, 0.083540, -0.077590, -0.019781, -0.008740, -0.005025, 0.003055, 0.049501, -0.041932]),
        ("line ends", "line one\nline two\ttabbed\r\n".to_owned(),
         [-0.087439, -0.087158, -0.020406, -0.030075, 0.031356, -0.130088, 0.022825, -0.092630, -0.100125, 0.072967, 0.170470]),
        ("special tokens", "a<s>b </s><unk> <sX".to_owned(),
         [-0.073663, 0.008380, -0.059675, 0.038709, 0.029317, 0.093855, -0.035577, 0.111072, 0.087705, -0.013930, 0.074168]),
        ("long", items(40),
         [0.011695, 0.006341, -0.077234, -0.088787, -0.052491, -0.033639, -0.011447, -0.026341, -0.188070, -0.017734, -0.012533]),
        ("cut at 512 tokens", items(400),
         [0.012891, 0.009119, -0.080650, -0.087967, -0.054673, -0.034171, -0.013354, -0.027911, -0.194123, -0.015390, -0.014158]),
    ];
    golden
}

#[test]
fn embeddings_equal_those_of_the_python_package() {
    let model = model();
    for (label, text, expect) in golden() {
        let embedding = model.embed(&text).unwrap();
        let values = embedding.as_slice();
        let picked = (0..8).chain([100, 200, 255]).map(|index| values[index]);
        for (value, expect) in picked.zip(expect) {
            assert!(
                (value - expect).abs() < 1e-4,
                "{label}: {value} is not {expect}"
            );
        }
    }
}

/// The golden texts, texts for each rule of the tokenizer, and random ones.
fn odd_texts() -> Vec<String> {
    #[rustfmt::skip]
    let edges = [
        "", " ", "  ", "a", " a", "a ", "\t", "\r", "▁", "▁▁a ▁", "\\\"", "<", "<<s>", "<s", "<s>",
        "</s></s>", "<unk>x<s>", "x <s> y", "<0x0A>", "\0", "\u{feff}", "e\u{301}", "½ ″ ⌀ ²",
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "-----------------====----", "𝔘𝔫𝔦", "שלום עולם",
        "مرحبا", "ไทย", "한국어", "👩‍👩‍👧‍👦🇩🇪", "http://x.y/z?a=b&c=%20", "\u{10ffff}\u{e000}",
    ];
    let mut texts = Vec::from(edges.map(str::to_owned));
    texts.extend(golden().into_iter().map(|(_, text, _)| text));

    // Words and fragments in a pseudo-random but fixed order (a linear congruential generator).
    #[rustfmt::skip]
    let pieces = [
        "paint", "er", " ", "  ", "Ü", "ß", "99", ".", "<s>", "<", "\n", "漆", "🎨", "ing", "un",
        "straight", "forward", "▁", "\u{7f}", "x", "/", "--", "\"", "tion", "s",
    ];
    let mut state: u32 = 17;
    for length in 0..400 {
        let mut text = String::new();
        for _ in 0..length % 60 {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            text.push_str(pieces[(state >> 16) as usize % pieces.len()]);
        }
        texts.push(text);
    }
    texts
}

#[test]
fn token_ids_equal_those_of_the_tokenizers_crate() {
    let path = model_directory().join(TOKENIZER_FILE);
    let reference = tokenizers::Tokenizer::from_file(&path).unwrap();
    let vocabulary = super::vocabulary::read(&fs::read(&path).unwrap(), super::weights::ROWS);
    let tokenizer = super::tokenizer::Tokenizer::new(vocabulary.unwrap());
    for text in odd_texts() {
        let encoding = reference.encode_fast(text.as_str(), false).unwrap();
        let tokens: Vec<u32> = tokenizer
            .tokenize(&text)
            .into_iter()
            .map(u32::from)
            .collect();
        assert_eq!(tokens, encoding.get_ids(), "{text:?}");
    }
}

#[test]
fn table_equals_that_of_the_safetensors_crate() {
    let file = fs::read(model_directory().join(WEIGHTS_FILE)).unwrap();
    let tensors = safetensors::SafeTensors::deserialize(&file).unwrap();
    let table = tensors.tensor("embedding.weight").unwrap();
    assert_eq!(table.dtype(), safetensors::Dtype::F16);
    assert_eq!(
        table.shape(),
        [usize::from(super::weights::ROWS), DIMENSIONS]
    );
    assert_eq!(table.data().len() + 96, file.len());
}

#[test]
fn every_row_of_the_table_is_finite() {
    let weights = super::weights::Weights::open(model_directory().join(WEIGHTS_FILE)).unwrap();
    for row in 0..super::weights::ROWS {
        weights.add_row(row, &mut [0.0; DIMENSIONS]).unwrap();
    }
}

#[test]
fn embeddings_have_unit_length() {
    let model = model();
    for text in odd_texts() {
        let Ok(embedding) = model.embed(&text) else {
            assert_eq!(text.trim(), "");
            continue;
        };
        let values = embedding.as_slice();
        assert_eq!(values.len(), model.dimensions());
        assert!((similarity(&embedding, &embedding) - 1.0).abs() < 1e-5);
    }
}

fn similarity(one: &Embedding, other: &Embedding) -> f32 {
    let products = one.as_slice().iter().zip(other.as_slice());
    products.map(|(one, other)| one * other).sum()
}

#[test]
fn related_products_are_nearer_than_unrelated_ones() {
    let model = model();
    let query = model.embed("waterproof outdoor paint").unwrap();
    let related = model.embed("exterior acrylic house paint").unwrap();
    let unrelated = model.embed("cordless drill").unwrap();
    // The Python package says 0.510 and 0.052.
    assert!(similarity(&query, &related) > 0.5);
    assert!(similarity(&query, &unrelated) < 0.1);
}

#[test]
fn text_without_words_is_rejected() {
    let model = model();
    for text in ["", " ", "\n\t ", "\u{3000}", &" ".repeat(100_000)] {
        let result = model.embed(text);
        assert!(
            matches!(result, Err(StaticModelError::NothingToEmbed)),
            "{result:?}"
        );
    }
}

#[test]
fn text_beyond_the_limit_is_ignored() {
    let model = model();
    let limit = "paint ".repeat(MAX_TOKENS);
    let beyond = format!("{limit}{}", "drill ".repeat(200_000));
    assert_eq!(
        model.embed(limit.trim_end()).unwrap(),
        model.embed(&beyond).unwrap()
    );
}

#[test]
fn pgvector_text_parses_to_the_same_numbers() {
    let embedding = model().embed("cordless drill").unwrap();
    let text = embedding.to_pgvector_text();
    let numbers = text.strip_prefix('[').unwrap().strip_suffix(']').unwrap();
    let numbers: Vec<f32> = numbers.split(',').map(|it| it.parse().unwrap()).collect();
    assert_eq!(numbers, embedding.as_slice());
}

#[test]
fn debug_output_hides_the_embedded_text() {
    let embedding = model().embed("cordless drill").unwrap();
    assert_eq!(format!("{embedding:?}"), "Embedding { .. }");
}

/// A copy of the model to damage.
fn copy_of_model() -> tempfile::TempDir {
    let copy = tempfile::tempdir().unwrap();
    for name in [WEIGHTS_FILE, TOKENIZER_FILE] {
        fs::copy(model_directory().join(name), copy.path().join(name)).unwrap();
    }
    copy
}

fn overwrite(path: &Path, bytes: &[u8], offset: u64) {
    let file = OpenOptions::new().write(true).open(path).unwrap();
    file.write_all_at(bytes, offset).unwrap();
}

fn set_length(path: &Path, bytes: u64) {
    let file = OpenOptions::new().write(true).open(path).unwrap();
    file.set_len(bytes).unwrap();
}

#[track_caller]
fn check_damage(name: &str, damage: impl Fn(&Path), expect: ModelFileError) {
    let copy = copy_of_model();
    damage(&copy.path().join(name));
    let result = StaticModel::open(copy.path()).and_then(|model| model.embed("paint"));
    match result {
        Err(StaticModelError::Damaged { path, source }) => {
            assert_eq!(path, copy.path().join(name));
            assert_eq!(source, expect);
        }
        other => panic!("{expect:?} was expected, not {other:?}"),
    }
}

#[test]
fn damaged_files_are_rejected() {
    let length = |expected, found| ModelFileError::Length { expected, found };
    let (weights, tokenizer) = (WEIGHTS_FILE, TOKENIZER_FILE);
    check_damage(weights, |it| set_length(it, 0), length(16_384_096, 0));
    check_damage(weights, |it| set_length(it, 95), length(16_384_096, 95));
    check_damage(
        weights,
        |it| set_length(it, 16_384_095),
        length(16_384_096, 16_384_095),
    );
    check_damage(
        weights,
        |it| set_length(it, 1 << 40), // sparse: rejected by its length, never read
        length(16_384_096, 1 << 40),
    );
    check_damage(
        weights,
        |it| overwrite(it, &[0xff; 8], 0),
        ModelFileError::Header,
    );
    check_damage(
        weights,
        |it| overwrite(it, b"BF16", 38),
        ModelFileError::Header,
    );
    let row = 10_675; // "▁paint"
    check_damage(
        weights,
        |it| overwrite(it, &[0x00, 0x7e], 96 + u64::from(row) * 512), // not a number
        ModelFileError::NotFinite { row },
    );
    check_damage(tokenizer, |it| set_length(it, 0), length(1_842_796, 0));
    check_damage(tokenizer, |it| set_length(it, 99), length(1_842_796, 99));
    check_damage(
        tokenizer,
        |it| overwrite(it, b"~~", 4_200),
        ModelFileError::Checksum,
    );
    check_damage(
        tokenizer,
        |it| overwrite(it, &[0xff; 9], 900_000), // not UTF-8
        ModelFileError::Checksum,
    );
}

#[test]
fn missing_files_are_named_with_a_fix() {
    for name in [WEIGHTS_FILE, TOKENIZER_FILE] {
        let copy = copy_of_model();
        fs::remove_file(copy.path().join(name)).unwrap();
        let err = StaticModel::open(copy.path()).unwrap_err();
        assert!(matches!(&err, StaticModelError::Missing { path, .. } if path.ends_with(name)));
        let text = err.to_string();
        assert!(text.contains("./scripts/up"), "{text}");
        assert!(text.contains("ZAVA_EMBEDDING_MODEL_DIR"), "{text}");
    }
}

#[test]
fn folder_in_place_of_a_file_is_rejected() {
    let copy = copy_of_model();
    let path = copy.path().join(WEIGHTS_FILE);
    fs::remove_file(&path).unwrap();
    fs::create_dir(&path).unwrap();
    let err = StaticModel::open(copy.path()).unwrap_err();
    assert!(
        matches!(
            err,
            StaticModelError::Damaged { .. } | StaticModelError::Unreadable { .. }
        ),
        "{err:?}"
    );
}

#[test]
fn file_truncated_after_opening_is_an_error() {
    let copy = copy_of_model();
    let model = StaticModel::open(copy.path()).unwrap();
    set_length(&copy.path().join(WEIGHTS_FILE), 1_000);
    let result = model.embed("paint");
    assert!(
        matches!(result, Err(StaticModelError::Unreadable { .. })),
        "{result:?}"
    );
}

#[test]
fn embedding_works_again_once_the_tokenizer_file_is_restored() {
    let copy = copy_of_model();
    let model = StaticModel::open(copy.path()).unwrap();
    let path = copy.path().join(TOKENIZER_FILE);
    fs::remove_file(&path).unwrap();
    let missing = model.embed("paint");
    assert!(
        matches!(missing, Err(StaticModelError::Missing { .. })),
        "{missing:?}"
    );
    fs::copy(model_directory().join(TOKENIZER_FILE), &path).unwrap();
    assert!(model.embed("paint").is_ok());
}
