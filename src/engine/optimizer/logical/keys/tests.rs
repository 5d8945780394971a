//! What is derived, and that the rows keep it.

use std::collections::{HashMap, HashSet};
use std::fmt::Write as _;

use expect_test::{Expect, expect};

use super::{ColumnSet, RelationKeys, derive};
use crate::engine::Engine;
use crate::engine::optimizer::logical::testing::{Queries, keys, optimized, rows, shop};

/// The keys in words. Columns go by their names in the result.
fn shown(known: &RelationKeys, names: &[String]) -> String {
    let list = |columns: &ColumnSet| columns.iter().map(|column| names[column].as_str()).collect::<Vec<_>>().join(" ");
    let mut lines = String::new();
    for unique in &known.unique {
        writeln!(lines, "unique {}", list(unique)).expect("into a text");
    }
    for dependency in &known.determines {
        let others = dependency.to.iter().filter(|column| !dependency.from.contains(*column)).collect();
        writeln!(lines, "{} -> {}", list(&dependency.from), list(&others)).expect("into a text");
    }
    if !known.not_null.is_empty() {
        writeln!(lines, "not null {}", list(&known.not_null)).expect("into a text");
    }
    for reference in &known.references {
        let columns: Vec<&str> = reference.columns.iter().map(|column| names[*column].as_str()).collect();
        writeln!(lines, "refers {}", columns.join(" ")).expect("into a text");
    }
    lines
}

async fn trusting_shop() -> Engine {
    let engine = shop(&[]).await;
    engine.trust_keys(keys());
    engine
}

async fn known(engine: &Engine, sql: &str) -> (RelationKeys, Vec<String>) {
    let plan = optimized(engine, sql).await;
    let names = plan.schema().fields().iter().map(|field| field.name().clone()).collect();
    (derive(&plan, engine.trusted_keys()), names)
}

#[track_caller]
fn check(sql: &'static str, expected: Expect) {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let shown = runtime.block_on(async {
        let (known, names) = known(&trusting_shop().await, sql).await;
        shown(&known, &names)
    });
    expected.assert_eq(&shown);
}

#[test]
fn of_tables() {
    check(
        "select * from sales",
        expect![[r#"
        unique ticket line
        not null ticket line
        refers ticket line
        refers s_item
        refers s_store
    "#]],
    );
    check(
        "select line, qty from sales",
        expect![[r#"
        not null line
    "#]],
    );
    check("select * from other", expect![""]);
    check(
        "select i_sk as a, i_name, i_sk as b from item where i_name = 'one' and i_cat > 'a'",
        expect![[r#"
        unique a
         -> i_name
        a -> b
        b -> a
        not null a i_name b
        refers a
    "#]],
    );
}

#[test]
fn of_joins() {
    check(
        "select * from sales join item on s_item = i_sk",
        expect![[r#"
        unique ticket line
        ticket line -> s_item s_store qty
        i_sk -> i_name i_cat
        s_item -> i_sk
        i_sk -> s_item
        not null ticket line s_item i_sk
        refers ticket line
        refers s_item
        refers s_store
        refers i_sk
    "#]],
    );
    check(
        "select i_sk, o_b, i_name from item join other on i_sk = o_a",
        expect![[r#"
            i_sk -> i_name
            not null i_sk
            refers i_sk
        "#]],
    );
    check(
        "select * from item left join store on i_sk = s_sk",
        expect![[r#"
        unique i_sk
        i_sk -> i_name i_cat
        s_sk -> s_city
        not null i_sk
        refers i_sk
        refers s_sk
    "#]],
    );
    check(
        "select s_sk, i_sk, i_name, qty from sales full join item on s_item = i_sk join store on qty = s_sk",
        expect![[r#"
            i_sk -> i_name
            qty -> s_sk
            s_sk -> qty
            not null s_sk qty
            refers i_sk
            refers s_sk
        "#]],
    );
    check(
        "select s_item, i_name from sales join item on s_item = i_sk",
        expect![[r#"
            s_item -> i_name
            not null s_item
            refers s_item
        "#]],
    );
    check(
        "select * from item, store",
        expect![[r#"
        unique i_sk s_sk
        i_sk -> i_name i_cat
        s_sk -> s_city
        not null i_sk s_sk
        refers i_sk
        refers s_sk
    "#]],
    );
    check(
        "select * from item where i_sk in (select o_a from other)",
        expect![[r#"
        unique i_sk
        not null i_sk
        refers i_sk
    "#]],
    );
}

#[test]
fn of_aggregates_and_unions() {
    check(
        "select s_item, s_store, count(*) from sales group by s_item, s_store",
        expect![[r#"
        unique s_item s_store
        refers s_item
        refers s_store
    "#]],
    );
    check(
        "select s_item, i_name, count(*) from sales join item on s_item = i_sk group by s_item, i_name",
        expect![[r#"
            unique s_item i_name
            s_item -> i_name count(*)
            not null s_item
            refers s_item
        "#]],
    );
    check("select s_item, count(*) from sales group by rollup(s_item)", expect![""]);
    check(
        "select max(qty), count(*) from sales",
        expect![[r#"
        unique 
    "#]],
    );
    check(
        "select s_store from sales union all select s_sk from store",
        expect![[r#"
        refers s_store
    "#]],
    );
    check(
        "select i_sk, i_cat, row_number() over (order by i_name) from item",
        expect![[r#"
        unique i_sk
        not null i_sk
        refers i_sk
    "#]],
    );
    check(
        "select * from other limit 1",
        expect![[r#"
        unique 
    "#]],
    );
}

/// Whether rows keep what is said of them.
fn violation(known: &RelationKeys, rows: &[Vec<String>]) -> Option<String> {
    let of = |row: &[String], columns: &ColumnSet| columns.iter().map(|column| row[column].clone()).collect::<Vec<_>>();
    for unique in &known.unique {
        let mut seen = HashSet::new();
        if rows.iter().any(|row| !seen.insert(of(row, unique))) {
            return Some(format!("{unique:?} is not unique"));
        }
    }
    for dependency in &known.determines {
        let mut seen = HashMap::new();
        for row in rows {
            let to = of(row, &dependency.to);
            if *seen.entry(of(row, &dependency.from)).or_insert_with(|| to.clone()) != to {
                return Some(format!("{dependency:?}"));
            }
        }
    }
    let is_null = |column: &usize| rows.iter().any(|row| row[*column] == "NULL");
    known.not_null.iter().find(is_null).map(|column| format!("{column} is NULL"))
}

#[tokio::test]
async fn random_queries_keep_what_is_derived() {
    let engine = trusting_shop().await;
    let (mut queries, mut said) = (Queries::new(7), [0; 3]);
    for _ in 0..1500 {
        let sql = queries.next();
        let (known, _) = known(&engine, &sql).await;
        let violation = violation(&known, &rows(&engine, &sql).await);
        assert_eq!(violation, None, "{sql}\n{}", optimized(&engine, &sql).await.display_indent());
        said[0] += usize::from(!known.unique.is_empty());
        said[1] += usize::from(!known.determines.is_empty());
        said[2] += usize::from(!known.references.is_empty());
    }
    assert!(said.iter().all(|count| *count > 200), "the queries say too little: {said:?}");
}
