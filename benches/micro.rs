//! The guard and the mapping of rows to JSON, without a database: `cargo bench --bench micro`.
//!
//! `benches/budget` measures whole requests. This says where a change of either function shows.
use std::hint::black_box;
use std::num::{NonZeroU32, NonZeroUsize};

use criterion::{Criterion, Throughput, criterion_group, criterion_main};

use zava_mcp_server::query::guard;
use zava_mcp_server::query::rows::{Collector, RowLimits};
use zava_mcp_server::query::scope::{Column, RowSink as _};

const STATEMENTS: [(&str, &str); 4] = [
    ("select_1", "SELECT 1"),
    ("two_tables", include_str!("budget/category_roll_up.sql")),
    ("three_tables", include_str!("budget/week_of_sales.sql")),
    ("four_tables", include_str!("budget/sales_by_category.sql")),
];

/// Ids of the types in `pg_type`, with a value of each in PostgreSQL's text form.
const COLUMNS: [(u32, &str); 6] = [
    (23, "1234567"),
    (20, "9007199254740993"),
    (1700, "1234.50"),
    (25, "Cordless drill, 18 V, with \"two\" batteries"),
    (1184, "2025-06-30 12:34:56.789+00"),
    (16, "t"),
];

const ROWS: u64 = 1_000;

fn check(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("guard");
    for (name, sql) in STATEMENTS {
        group.bench_function(name, |bencher| {
            bencher.iter(|| guard::check(black_box(sql)).expect("an accepted statement"));
        });
    }
    let refused = "SELECT pg_sleep(10) FROM retail.orders";
    group.bench_function("refused", |bencher| {
        bencher.iter(|| guard::check(black_box(refused)).expect_err("a refused statement"));
    });
}

fn collect(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("rows");
    group.throughput(Throughput::Elements(ROWS));
    let limits = RowLimits {
        rows: NonZeroU32::new(10_000).expect("not zero"),
        bytes: NonZeroUsize::new(16 << 20).expect("not zero"),
        cell_bytes: NonZeroUsize::new(64 << 10).expect("not zero"),
        counted_rows: 0,
    };
    group.bench_function("1000", |bencher| {
        bencher.iter(|| {
            let mut collector = Collector::new(limits);
            let columns = COLUMNS.iter().map(|(type_oid, _)| Column {
                name: format!("c{type_oid}"),
                type_oid: *type_oid,
            });
            collector.columns(columns.collect());
            for _ in 0..ROWS {
                let mut values = COLUMNS.iter().map(|(_, value)| Some(value.as_bytes()));
                let _ = collector.row(&mut values);
            }
            let rows = collector.finish().expect("few columns");
            assert_eq!(u64::from(rows.count), ROWS);
            rows
        });
    });
}

criterion_group!(benches, check, collect);
criterion_main!(benches);
