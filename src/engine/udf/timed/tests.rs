use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, StringArray};
use datafusion::catalog::{MemTable, TableFunctionArgs, TableFunctionImpl, TableProvider};
use datafusion::common::{Result, ScalarValue, plan_err};
use datafusion::datasource::{ViewTable, provider_as_source};
use datafusion::logical_expr::{Expr, LogicalPlanBuilder};
use expect_test::{Expect, expect};

use crate::engine::test_support::engine;
use crate::engine::udf::register::tests::{how_many, plus_one};
use crate::engine::{Engine, UdfProfile};

const ON: [&str; 2] = ["engine.udf.profile=true", "datafusion.execution.target_partitions=1"];

/// The rows of a session's profile, without times.
fn counts(profiles: &[UdfProfile]) -> String {
    let mut counts: Vec<_> = profiles
        .iter()
        .map(|profile| {
            let UdfProfile { function, place, written, statements, calls, rows, nulls, errors, .. } = profile;
            let place = place.map_or_else(|| "nowhere".to_owned(), |(line, position)| format!("{line}:{position}"));
            format!(
                "{function} {place} {written}: {statements} statements, {calls} calls, {rows} rows, {nulls} NULLs, {errors} errors\n"
            )
        })
        .collect();
    counts.sort();
    counts.concat()
}

async fn engine_with_functions(sets: &[&str]) -> Engine {
    let engine = engine("default", sets).await;
    engine.register_function(plus_one()).expect("new");
    engine.register_aggregate_function(how_many()).expect("new");
    engine
}

async fn check(sets: &[&str], statements: &[&str], expected: Expect) {
    let engine = engine_with_functions(sets).await;
    for statement in statements {
        // Some fail on purpose.
        drop(engine.run(statement).await);
    }
    expected.assert_eq(&counts(&engine.udf_profiles()));
}

#[tokio::test]
async fn scalar_functions() {
    let own = "select plus_one(value),\n       plus_one(value + 1) from generate_series(1, 9)";
    check(
        &ON,
        &[own, own],
        expect![[r#"
            generate_series 2:33 generate_series(1, 9): 2 statements, 2 calls, 18 rows, 0 NULLs, 0 errors
            plus_one 1:8 plus_one(value): 2 statements, 2 calls, 18 rows, 2 NULLs, 0 errors
            plus_one 2:8 plus_one(value + 1): 2 statements, 2 calls, 18 rows, 2 NULLs, 0 errors
        "#]],
    )
    .await;
    let built_in =
        "select upper(s), extract(year from d) from (values ('a', date '2000-01-01'), (null, null)) t (s, d)";
    check(
        &ON,
        &[built_in],
        expect![[r#"
        date_part 1:18 extract(year from d): 1 statements, 1 calls, 2 rows, 1 NULLs, 0 errors
        upper 1:8 upper(s): 1 statements, 1 calls, 2 rows, 1 NULLs, 0 errors
    "#]],
    )
    .await;
    check(
        &ON,
        &["select factorial(value + 30) from generate_series(1, 9)"],
        expect![[r#"
            factorial 1:8 factorial(value + 30): 1 statements, 1 calls, 9 rows, 0 NULLs, 1 errors
            generate_series 1:35 generate_series(1, 9): 1 statements, 1 calls, 9 rows, 0 NULLs, 0 errors
        "#]],
    )
    .await;
    // The names of operations are functions, and operators are none; the analyzer replaces either where nothing can fail.
    let operations = "select abs(value - 5), abs(value * 1.5), mod(value, 3), value % 3 as o1, mod(value, value + 1), mod(value * 1.5, 2), mod(value * 1e0, 2),
        try_add(value, 9223372036854775800), try_divide(9, value - 5), try_add(date '2000-01-01', interval 1 day), mod(value, 2) % 2,
        element_at(make_array(value), 1), array_element(make_array(value), 1), make_array(value)[1] as o2, - value as o3 from generate_series(1, 9)";
    check(
        &ON,
        &[operations],
        expect![[r#"
        abs 1:24 abs(value * 1.5): 1 statements, 1 calls, 9 rows, 0 NULLs, 0 errors
        abs 1:8 abs(value - 5): 1 statements, 1 calls, 9 rows, 0 NULLs, 0 errors
        array_element 3:43 array_element(make_array(value), 1): 1 statements, 1 calls, 9 rows, 0 NULLs, 0 errors
        element_at 3:9 element_at(make_array(value), 1): 1 statements, 1 calls, 9 rows, 0 NULLs, 0 errors
        generate_series 3:127 generate_series(1, 9): 1 statements, 1 calls, 9 rows, 0 NULLs, 0 errors
        make_array 3:20 make_array(value): 1 statements, 1 calls, 9 rows, 0 NULLs, 0 errors
        mod 1:118 mod(value * 1e0, 2): 1 statements, 1 calls, 9 rows, 0 NULLs, 0 errors
        mod 1:42 mod(value, 3): 1 statements, 1 calls, 9 rows, 0 NULLs, 0 errors
        mod 1:74 mod(value, value + 1): 1 statements, 1 calls, 9 rows, 0 NULLs, 0 errors
        mod 1:97 mod(value * 1.5, 2): 1 statements, 1 calls, 9 rows, 0 NULLs, 0 errors
        mod 2:116 mod(value, 2): 1 statements, 1 calls, 9 rows, 0 NULLs, 0 errors
        try_add 2:9 try_add(value, 9223372036854775800): 1 statements, 1 calls, 9 rows, 2 NULLs, 0 errors
        try_divide 2:46 try_divide(9, value - 5): 1 statements, 1 calls, 9 rows, 1 NULLs, 0 errors
    "#]],
    )
    .await;
    let view = "create view v as select upper(chr(value + 64)) u from generate_series(1, 9)";
    let off_then_on = ["set engine.udf.profile = false", view, "set engine.udf.profile = true", "select u from v"];
    check(
        &ON,
        &off_then_on,
        expect![[r#"
            chr 1:31 chr(value + 64): 1 statements, 1 calls, 9 rows, 0 NULLs, 0 errors
            generate_series 1:55 generate_series(1, 9): 1 statements, 1 calls, 9 rows, 0 NULLs, 0 errors
            upper 1:25 upper(chr(value + 64)): 1 statements, 1 calls, 9 rows, 0 NULLs, 0 errors
        "#]],
    )
    .await;
}

#[tokio::test]
async fn aggregate_functions() {
    let grouped = "select value % 3, count(*), sum(value),\n min(value), sum(value * 1e0), avg(value), max(nullif(value, 3)),
        how_many(value), count(*) filter (where value > 7), first_value(value order by value desc) from generate_series(1, 9) group by 1";
    check(
        &ON,
        &[grouped],
        expect![[r#"
            avg 2:32 avg(value): 1 statements, 2 calls, 9 rows, 0 NULLs, 0 errors
            count 1:19 count(*): 1 statements, 2 calls, 9 rows, 0 NULLs, 0 errors
            count 3:26 count(*) filter (where value > 7): 1 statements, 2 calls, 2 rows, 0 NULLs, 0 errors
            first_value 3:61 first_value(value order by value desc): 1 statements, 2 calls, 9 rows, 0 NULLs, 0 errors
            generate_series 3:105 generate_series(1, 9): 1 statements, 1 calls, 9 rows, 0 NULLs, 0 errors
            how_many 3:9 how_many(value): 1 statements, 6 calls, 9 rows, 0 NULLs, 0 errors
            max 2:44 max(nullif(value, 3)): 1 statements, 2 calls, 9 rows, 0 NULLs, 0 errors
            min 2:2 min(value): 1 statements, 2 calls, 9 rows, 0 NULLs, 0 errors
            nullif 2:48 nullif(value, 3): 1 statements, 1 calls, 9 rows, 1 NULLs, 0 errors
            sum 1:29 sum(value): 1 statements, 2 calls, 9 rows, 0 NULLs, 0 errors
            sum 2:14 sum(value * 1e0): 1 statements, 2 calls, 9 rows, 0 NULLs, 0 errors
        "#]],
    )
    .await;
    check(
        &ON,
        &["select sum(value), count(distinct value) from generate_series(1, 9)"],
        expect![[r#"
            count 1:20 count(distinct value): 1 statements, 3 calls, 9 rows, 0 NULLs, 0 errors
            generate_series 1:47 generate_series(1, 9): 1 statements, 1 calls, 9 rows, 0 NULLs, 0 errors
            sum 1:8 sum(value): 1 statements, 6 calls, 18 rows, 0 NULLs, 0 errors
        "#]],
    )
    .await;
    let failing = "select sum(value + 9223372036854775800) from generate_series(1, 3)";
    check(
        &ON,
        &[failing],
        expect![[r#"
            generate_series 1:46 generate_series(1, 3): 1 statements, 1 calls, 3 rows, 0 NULLs, 0 errors
            sum 1:8 sum(value + 9223372036854775800): 1 statements, 2 calls, 3 rows, 0 NULLs, 1 errors
        "#]],
    )
    .await;
    check(
        &ON,
        &["select min(value) from generate_series(1, 9) where value > 10"],
        expect![[r#"
            generate_series 1:24 generate_series(1, 9): 1 statements, 1 calls, 9 rows, 0 NULLs, 0 errors
            min 1:8 min(value): 1 statements, 1 calls, 0 rows, 1 NULLs, 0 errors
        "#]],
    )
    .await;
    let view = "create view v as select sum(value) s from generate_series(1, 9)";
    check(
        &ON,
        &[view, "select s from v"],
        expect![[r#"
            generate_series 1:43 generate_series(1, 9): 1 statements, 1 calls, 9 rows, 0 NULLs, 0 errors
            sum 1:25 sum(value): 1 statements, 2 calls, 9 rows, 0 NULLs, 0 errors
        "#]],
    )
    .await;
}

/// DataFusion runs the query of a new table while it makes the table.
#[tokio::test]
async fn functions_that_fill_a_table() {
    let create = "create table t as select sum(plus_one(value)) s from generate_series(1, 9)";
    check(
        &ON,
        &[create, "select s from t"],
        expect![[r#"
            generate_series 1:54 generate_series(1, 9): 1 statements, 1 calls, 9 rows, 0 NULLs, 0 errors
            plus_one 1:30 plus_one(value): 1 statements, 1 calls, 9 rows, 1 NULLs, 0 errors
            sum 1:26 sum(plus_one(value)): 1 statements, 2 calls, 9 rows, 0 NULLs, 0 errors
        "#]],
    )
    .await;
    check(
        &ON,
        &["create table t (x bigint)", "insert into t select plus_one(1 + value) from generate_series(1, 2)"],
        expect![[r#"
            generate_series 1:47 generate_series(1, 2): 1 statements, 1 calls, 2 rows, 0 NULLs, 0 errors
            plus_one 1:22 plus_one(1 + value): 1 statements, 1 calls, 2 rows, 0 NULLs, 0 errors
        "#]],
    )
    .await;
}

#[tokio::test]
async fn window_functions() {
    let ranked = "select row_number() over (order by value), lag(value) over (order by value desc), rank() over (order by value % 3),
        sum(value) over (order by value rows between 1 preceding and current row),
        ntile(2) over (order by value) from generate_series(1, 9)";
    check(&ON, &[ranked], expect![[r#"
        generate_series 3:45 generate_series(1, 9): 1 statements, 1 calls, 9 rows, 0 NULLs, 0 errors
        lag 1:44 lag(value) over (order by value desc): 1 statements, 9 calls, 9 rows, 1 NULLs, 0 errors
        ntile 3:9 ntile(2) over (order by value): 1 statements, 1 calls, 9 rows, 0 NULLs, 0 errors
        rank 1:83 rank() over (order by value % 3): 1 statements, 9 calls, 9 rows, 0 NULLs, 0 errors
        row_number 1:8 row_number() over (order by value): 1 statements, 1 calls, 9 rows, 0 NULLs, 0 errors
        sum 2:9 sum(value) over (order by value rows between 1 preceding an…: 1 statements, 25 calls, 9 rows, 0 NULLs, 0 errors
    "#]]).await;
}

#[tokio::test]
async fn what_is_not_called_has_no_profile() {
    check(&[], &["select plus_one(value), count(*) over () from generate_series(1, 9)"], expect![[""]]).await;
    let only_planned = ["select upper('a')", "explain select sum(plus_one(value)) from generate_series(1, 9)"];
    check(&ON, &only_planned, expect![[""]]).await;
    check(
        &ON,
        &["select plus_one(value) from generate_series(1, 9) where value > 10"],
        expect![[r#"
        generate_series 1:29 generate_series(1, 9): 1 statements, 1 calls, 9 rows, 0 NULLs, 0 errors
    "#]],
    )
    .await;
}

#[tokio::test]
async fn nobody_knows_places_under_other_semantics() {
    let semantics = [ON[0], ON[1], "engine.sql.semantics=datafusion"];
    let sql = "select max(plus_one(value)), rank() over (order by max(value)) from generate_series(1, 9)";
    check(
        &semantics,
        &[sql],
        expect![[r#"
            generate_series nowhere : 1 statements, 1 calls, 9 rows, 0 NULLs, 0 errors
            max nowhere : 1 statements, 4 calls, 18 rows, 0 NULLs, 0 errors
            plus_one nowhere : 1 statements, 1 calls, 9 rows, 1 NULLs, 0 errors
            rank nowhere : 1 statements, 1 calls, 1 rows, 0 NULLs, 0 errors
        "#]],
    )
    .await;
}

/// With the profile, statements have the plans and the rows that they have without, whatever a function can be asked.
#[tokio::test]
async fn plans_and_rows_are_the_same() {
    let values = "(values (1, 'a', 1.5, true), (2, 'b', null, false), (2, null, 2.5, null), (null, 'a', 3.5, true)) t (i, s, d, b)";
    let calls = [
        "count(*)",
        "count(distinct i), sum(distinct i)",
        "count(distinct i)",
        "sum(d), avg(d), sum(i + 1), avg(i)",
        "min(s), max(i), max(s order by i)",
        "first_value(s order by i), last_value(s order by i), nth_value(s, 2 order by i)",
        "array_agg(s order by i desc), string_agg(s, ',' order by s)",
        "stddev(i), var_pop(i), corr(i, i), regr_slope(i, i)",
        "median(i), percentile_cont(0) within group (order by i), approx_percentile_cont(0.5) within group (order by i)",
        "approx_distinct(s), bit_xor(i), bool_or(b), how_many(i)",
        "sum(i) filter (where b), count(s) filter (where i > 1)",
        "grouping(s), count(i)",
    ];
    let windows = [
        "row_number() over (order by i, s)",
        "rank() over (partition by b order by i), dense_rank() over (order by i), percent_rank() over (order by i), cume_dist() over (order by i)",
        "lag(s, 1, 'x') over (order by i, s), lead(s) over (order by i desc, s)",
        "first_value(s) over (order by i, s rows between unbounded preceding and unbounded following), nth_value(s, 2) over (order by i, s)",
        "last_value(s) ignore nulls over (order by i, s)",
        "sum(d) over (order by i, s rows between 1 preceding and 1 following), count(*) over (partition by b)",
        "min(i) over (order by s, i rows between 1 preceding and current row), avg(i) over ()",
        "ntile(2) over (order by i, s)",
    ];
    let statements = calls.iter().flat_map(|calls| {
        let grouped = format!("select s, {calls} from {values} group by s order by s");
        let total = format!("select {calls} from {values} where s <> 'c'");
        let rolled = format!("select s, b, {calls} from {values} group by rollup (s, b) order by s, b");
        if calls.contains("grouping") { vec![grouped, rolled] } else { vec![grouped, total, rolled] }
    });
    let statements =
        statements.chain(windows.iter().map(|calls| format!("select i, s, {calls} from {values} order by i, s")));
    let more = [
        "select * from (select i, row_number() over (partition by b order by i, s) r from VALUES) where r = 1 order by i",
        "select * from (select i, rank() over (order by i, s) r from VALUES) where r <= 2 order by i",
        "select s, max(i) from VALUES group by s order by max(i) desc limit 1",
        "select distinct s from VALUES order by s limit 2",
        "select s, sum(i) as t from VALUES group by s having sum(i) > 1 order by sum(i), s",
        "select i from VALUES where i = (select max(i) from VALUES) order by i",
        "select i, (select count(*) from VALUES where u.i = t.i) from (values (1), (3)) u (i) order by i",
    ]
    .map(|sql| sql.replace("VALUES", values));
    for semantics in ["engine.sql.semantics=spark", "engine.sql.semantics=datafusion"] {
        let off = engine_with_functions(&[semantics]).await;
        let on = engine_with_functions(&[semantics, "engine.udf.profile=true"]).await;
        for sql in statements.clone().chain(more.clone()) {
            for sql in [format!("explain {sql}"), sql] {
                assert_eq!(answer(&on, &sql).await, answer(&off, &sql).await, "{sql}");
            }
        }
        assert!(off.udf_profiles().is_empty());
        let mut timed: Vec<_> = on.udf_profiles().into_iter().map(|profile| profile.function).collect();
        timed.sort();
        timed.dedup();
        assert_eq!(timed.len(), 29, "{timed:?}");
    }
}

/// Its rows, or the message of its error.
async fn answer(engine: &Engine, sql: &str) -> String {
    match engine.run(sql).await {
        Ok(rows) => arrow::util::pretty::pretty_format_batches(&rows).expect("can be shown").to_string(),
        Err(error) => error.to_string(),
    }
}

#[derive(Debug)]
struct Letters {
    is_view: bool,
}

impl TableFunctionImpl for Letters {
    fn call_with_args(&self, args: TableFunctionArgs<'_, '_>) -> Result<Arc<dyn TableProvider>> {
        let [Expr::Literal(ScalarValue::Int64(Some(copies)), _)] = args.exprs() else {
            return plan_err!("letters takes a number, and not {:?}", args.exprs());
        };
        let letters = StringArray::from(vec![Some("a"), None, Some("b")]);
        let batch = RecordBatch::try_from_iter([("letter", Arc::new(letters) as ArrayRef)])?;
        let table = MemTable::try_new(batch.schema(), vec![vec![batch; *copies as usize]])?;
        if !self.is_view {
            return Ok(Arc::new(table));
        }
        let plan = LogicalPlanBuilder::scan("inner", provider_as_source(Arc::new(table)), None)?.build()?;
        Ok(Arc::new(ViewTable::new(plan, None)))
    }
}

async fn engine_with_letters(sets: &[&str]) -> Engine {
    let engine = engine("default", sets).await;
    for (name, is_view) in [("letters", false), ("letters_view", true)] {
        engine.register_table_function(name, Arc::new(Letters { is_view })).expect("new");
    }
    engine
}

const TABLE_CALLS: [&str; 9] = [
    "select count(*) from generate_series(1, 20000)",
    "select value from Range(0,\n 5) where value > 2 order by value limit 1",
    "select letter from letters(2) where letter <> 'b' order by letter",
    "select * from letters(0)",
    "select a.letter, b.letter from letters(1) a join letters(2) b on a.letter = b.letter order by 1",
    "select letter from letters_view(1) order by letter nulls first",
    "with recursive r as (select 1 as x union all select x + 1 from r, letters(1) l where x < 3 and l.letter = 'a') select x from r order by x",
    "select * from letters('x')",
    "select letter from letters(1) limit 1",
];

#[tokio::test]
async fn table_functions() {
    let engine = engine_with_letters(&ON).await;
    for sql in TABLE_CALLS {
        drop(engine.run(sql).await);
    }
    drop(engine.run("select count(*) from udf_profiles()").await);
    let profiles = engine.udf_profiles();
    let tables: Vec<_> = profiles
        .iter()
        .filter(|profile| !["count", "letters_view"].contains(&profile.function.as_str()))
        .cloned()
        .collect();
    assert!(tables.iter().all(|profile| profile.total_ns > 0 && profile.total_ns == profile.function_ns), "{tables:?}");
    expect![[r#"
        generate_series 1:22 generate_series(1, 20000): 1 statements, 3 calls, 20000 rows, 0 NULLs, 0 errors
        letters 1:15 letters(0): 1 statements, 0 calls, 0 rows, 0 NULLs, 0 errors
        letters 1:20 letters(1): 1 statements, 1 calls, 1 rows, 0 NULLs, 0 errors
        letters 1:20 letters(2): 1 statements, 2 calls, 6 rows, 0 NULLs, 0 errors
        letters 1:32 letters(1): 1 statements, 1 calls, 3 rows, 0 NULLs, 0 errors
        letters 1:50 letters(2): 1 statements, 2 calls, 6 rows, 0 NULLs, 0 errors
        letters 1:67 letters(1): 1 statements, 3 calls, 9 rows, 0 NULLs, 0 errors
        range 1:19 Range(0, 5): 1 statements, 1 calls, 5 rows, 0 NULLs, 0 errors
    "#]]
    .assert_eq(&counts(&tables));
}

/// Timed or not, a scan answers as it would by itself.
#[tokio::test]
async fn table_functions_plan_as_ever() {
    for semantics in ["engine.sql.semantics=spark", "engine.sql.semantics=datafusion"] {
        let off = engine_with_letters(&[semantics]).await;
        let on = engine_with_letters(&[semantics, "engine.udf.profile=true"]).await;
        for sql in TABLE_CALLS {
            for sql in [format!("explain {sql}"), sql.to_owned()] {
                assert_eq!(answer(&on, &sql).await, answer(&off, &sql).await, "{sql}");
            }
        }
        assert!(off.udf_profiles().is_empty());
        assert!(on.udf_profiles().iter().any(|profile| profile.function == "generate_series"));
    }
}
