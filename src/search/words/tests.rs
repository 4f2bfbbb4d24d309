use super::*;

#[test]
fn numbers_and_units_are_one_word_however_they_are_written() {
    for (word, texts) in [
        (
            "3f4in",
            &[
                "3/4 in",
                "3/4\"",
                "3/4 inch",
                "3/4-inch",
                "¾ in",
                "3/4in",
                "3/4''",
                "3⁄4 in",
                "0.75 in",
                ".75\"",
                "three-quarter inch",
                "three quarters inch",
                "３／４ in",
            ][..],
        ),
        (
            "1f2in",
            &[
                "half inch",
                "half an inch",
                "half-inch",
                "½\"",
                "1/2 IN",
                "0.50 in",
                "1/2’’",
            ],
        ),
        (
            "1p1f4in",
            &["1-1/4 in", "1 1/4 inch", "1¼ in", "1-1/4”", "1.25 in"],
        ),
        (
            "15a",
            &["15A", "15 amp", "15-Amp", "15 amps", "15 AMPERES", "15.0 A"],
        ),
        ("12v", &["12 V", "12v", "12-volt", "12 volts", "１２Ｖ"]),
        (
            "2x4",
            &[
                "2x4",
                "2 x 4",
                "2 by 4",
                "2 X 4",
                "2×4",
                "2 in x 4 in",
                "2\" x 4\"",
                "2x4's",
            ],
        ),
        (
            "4x8",
            &["4 x 8 ft", "4 ft x 8 ft", "4' x 8'", "4'x8'", "4x8"],
        ),
        ("no10", &["#10", "# 10", "no. 10", "No 10", "number 10"]),
        ("10ft", &["10 feet", "10'", "10-foot", "10ft", "10 ft"]),
        ("2p1f2gal", &["2.5 gallons", "2.5-gal", "2-1/2 gal"]),
        ("5000btu", &["5,000 BTU", "5000 btu"]),
        ("10000000btu", &["10,000,000 btu"]),
        ("1500p1f2w", &["1,500.50 w"]),
        ("1p1f2mm", &["1,5 mm", "1.5 mm"]),
        ("0d3mm", &[".3 mm", "0.3 mm"]),
        ("16d", &["16 penny", "16d"]),
    ] {
        for text in texts {
            assert_eq!(normalize_query(text), word, "{text}");
        }
    }
}

#[test]
fn other_words_are_kept_in_lower_case_without_punctuation() {
    for (text, words) in [
        ("CORDLESS Drill!", "cordless drill"),
        ("plumber's tape, white", "plumber tape white"),
        ("push-fit", "push fit"),
        ("pbft000100", "pbft000100"),
        ("Can you find a tap?", "can you find a tap"),
        ("half of it", "half of it"),
        ("three quarters", "three quarters"),
        ("no smell", "no smell"),
        ("Type X 5/8 in", "type x 5f8in"),
        ("fünf Nägel", "fünf nägel"),
        ("jardi\u{301}n", "jardín"),
        ("Ｐａｉｎｔ", "paint"),
        ("水管 🔧 \u{0} --; DROP", "水管 drop"),
        ("?!…", ""),
        ("", ""),
    ] {
        assert_eq!(normalize_query(text), words, "{text}");
    }
}

#[test]
fn a_third_number_is_a_size_of_its_own() {
    assert_eq!(normalize_query("Stud 2 x 4 x 8 ft"), "stud 2x4 8ft");
    assert_eq!(normalize_query("1/2 in x 4 x 8 ft"), "1f2x4 8ft");
    assert_eq!(normalize_query("2x4x8"), "2x4 8");
    assert_eq!(normalize_query("#8 x 1-1/4 in"), "no8 1p1f4in");
}

#[test]
fn documents_hold_sizes_with_and_without_units_and_in_parts() {
    for (text, words) in [
        (
            "Brass Ball Valve 3/4 in, 2 Pack",
            "brass ball valve 3f4in 2 pack 3f4",
        ),
        (
            "Garden Hose 5/8 in x 50 ft",
            "garden hose 5f8x50 5f8 5f8in 50 50ft",
        ),
        ("Hex Bolt 1/2 x 3 in", "hex bolt 1f2x3 1f2 1f2in 3 3in"),
        ("Grade 5 1/2 in Bolt", "grade 5p1f2in bolt 5p1f2 1f2 1f2in"),
        ("Screws #8 x 1 in", "screws no8 1in 1"),
    ] {
        assert_eq!(normalize_document(text), words, "{text}");
    }
}

#[test]
fn texts_are_bounded() {
    let long = "word ".repeat(50_000);
    assert_eq!(normalize_query(&long).split(' ').count(), MAX_QUERY_WORDS);
    assert!(normalize_document(&long).len() <= MAX_DOCUMENT_BYTES);
    let wide = "ü".repeat(5_000);
    assert!(normalize_query(&wide).len() <= MAX_QUERY_BYTES);
}
