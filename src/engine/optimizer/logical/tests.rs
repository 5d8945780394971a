//! The rules that go by keys: what they make of plans, where they stay away, and that rows stay the same.

use std::path::Path;
use std::sync::atomic::AtomicBool;

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::SchemaRef;
use expect_test::{Expect, expect};

use super::testing::{Queries, RULES, engine, keys, optimized, rows, shop};
use crate::answers::{SqlShape, compare_results};
use crate::engine::{Engine, ForeignKey, TableKeys};
use crate::suite::{Substitution, Suite};
use crate::tables::{DataSet, DataUrl, Expectation};

fn block_on<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Runtime::new().expect("a runtime").block_on(work)
}

async fn sorted_rows(engine: &Engine, sql: &str) -> Vec<Vec<String>> {
    let mut rows = rows(engine, sql).await;
    rows.sort();
    rows
}

/// The shop with all rules and its keys trusted.
async fn with_keys() -> Engine {
    let engine = shop(&RULES).await;
    engine.trust_keys(keys());
    engine
}

/// The plan with the rules on, if it is another one, after the rows of both were compared.
async fn rewritten(engine: &Engine, sql: &str) -> String {
    let off = shop(&[]).await;
    off.trust_keys(keys());
    let (with, without) = (optimized(engine, sql).await, optimized(&off, sql).await);
    assert_eq!(sorted_rows(engine, sql).await, sorted_rows(&off, sql).await, "{sql}\n{}", with.display_indent());
    let names = |plan: &datafusion::logical_expr::LogicalPlan| plan.schema().field_names();
    assert_eq!(names(&with), names(&without));
    match with == without {
        true => "as it was\n".to_owned(),
        false => format!("{}\n", with.display_indent()),
    }
}

#[track_caller]
fn check(sql: &'static str, expected: Expect) {
    expected.assert_eq(&block_on(async { rewritten(&with_keys().await, sql).await }));
}

#[track_caller]
fn check_stays(sql: &'static str) {
    assert_eq!(block_on(async { rewritten(&with_keys().await, sql).await }), "as it was\n", "{sql}");
}

#[test]
fn a_join_on_a_whole_key_goes() {
    check(
        "select ticket, qty from sales join item on s_item = i_sk",
        expect![[r#"
        Projection: sales.ticket, sales.qty
          Filter: sales.s_item IS NOT NULL
            TableScan: sales projection=[ticket, s_item, qty]
    "#]],
    );
    check(
        "select i_sk, qty from item join sales on s_item = i_sk where qty > 1",
        expect![[r#"
        Projection: sales.s_item AS i_sk, sales.qty
          Filter: sales.qty > Int64(1) AND sales.s_item IS NOT NULL
            TableScan: sales projection=[s_item, qty]
    "#]],
    );
    check(
        "select r_qty, ticket from returns join sales on r_ticket = ticket and line = r_line",
        expect![[r#"
        Projection: returns.r_qty, returns.r_ticket AS ticket
          TableScan: returns projection=[r_ticket, r_qty]
    "#]],
    );
    // One after the other, and under other names.
    check(
        "select count(*) from returns r join sales s on r.r_ticket = s.ticket and r.r_line = s.line join item i on i.i_sk = s.s_item",
        expect![[r#"
            Projection: count(Int64(1)) AS count(*)
              Aggregate: groupBy=[[]], aggr=[[count(Int64(1))]]
                Projection:
                  Inner Join: r.r_ticket = s.ticket, r.r_line = s.line
                    SubqueryAlias: r
                      TableScan: returns projection=[r_ticket, r_line]
                    SubqueryAlias: s
                      Projection: sales.ticket, sales.line
                        Filter: sales.s_item IS NOT NULL
                          TableScan: sales projection=[ticket, line, s_item]
        "#]],
    );
    check(
        "select s_item from sales where s_item in (select i_sk from item)",
        expect![[r#"
        Filter: sales.s_item IS NOT NULL
          TableScan: sales projection=[s_item]
    "#]],
    );
    check(
        "select qty from sales where exists (select 1 from store where s_sk = s_store)",
        expect![[r#"
        Projection: sales.qty
          Filter: sales.s_store IS NOT NULL
            TableScan: sales projection=[s_store, qty]
    "#]],
    );
    check(
        "select a.i_name from item a join item b on a.i_sk = b.i_sk",
        expect![[r#"
        SubqueryAlias: a
          TableScan: item projection=[i_name]
    "#]],
    );
    check(
        "select k from (select s_store as k from sales union all select s_sk from store) u join store on k = s_sk",
        expect![[r#"
            SubqueryAlias: u
              Union
                Projection: sales.s_store AS k
                  Filter: sales.s_store IS NOT NULL
                    TableScan: sales projection=[s_store]
                Projection: store.s_sk AS k
                  TableScan: store projection=[s_sk]
        "#]],
    );
}

/// What is asked of the key is asked of what refers to it.
#[test]
fn conditions_on_the_key_go_over() {
    check(
        "select qty from sales where exists (select 1 from store where s_sk = s_store) and s_store > 1",
        expect![[r#"
        Projection: sales.qty
          Filter: sales.s_store > Int64(1)
            TableScan: sales projection=[s_store, qty]
    "#]],
    );
    check(
        "select qty from sales join item i on s_item = i.i_sk where i.i_sk between 2 and 3",
        expect![[r#"
        Projection: sales.qty
          Filter: sales.s_item >= Int64(2) AND sales.s_item <= Int64(3)
            TableScan: sales projection=[s_item, qty]
    "#]],
    );
    check(
        "select k, qty from sales join (select i_sk as k from item where i_sk + 1 > 2 or i_sk is null) i on s_item = k",
        expect![[r#"
            Projection: sales.s_item AS k, sales.qty
              Filter: sales.s_item IS NOT NULL AND sales.s_item + Int64(1) > Int64(2)
                TableScan: sales projection=[s_item, qty]
        "#]],
    );
}

#[test]
fn an_optional_side_that_nobody_asks_for_goes() {
    check(
        "select ticket, line from sales left join returns on ticket = r_ticket and line = r_line",
        expect![[r#"
        TableScan: sales projection=[ticket, line]
    "#]],
    );
    check(
        "select ticket from sales left join item on s_item = i_sk and i_cat = 'a' and qty > 2",
        expect![[r#"
        TableScan: sales projection=[ticket]
    "#]],
    );
    check(
        "select qty from item right join sales on s_item = i_sk",
        expect![[r#"
        TableScan: sales projection=[qty]
    "#]],
    );
    check(
        "select ticket, i_sk is null as no_item from sales left join item on s_item = i_sk",
        expect![[r#"
        Projection: sales.ticket, sales.s_item IS NULL AS no_item
          TableScan: sales projection=[ticket, s_item]
    "#]],
    );
    // DataFusion knows it of an aggregate by itself.
    check_stays("select count(*) from sales left join (select distinct o_a from other) o on s_item = o_a");
}

#[test]
fn joins_that_change_something_stay() {
    for sql in [
        // Something else is asked of the table.
        "select ticket, i_name from sales join item on s_item = i_sk",
        "select ticket from sales join item on s_item = i_sk order by i_cat",
        "select ticket from sales left join item on s_item = i_sk where i_cat = 'a' or i_name is null",
        // Not the whole table.
        "select ticket from sales join item on s_item = i_sk where i_cat = 'a'",
        "select ticket from sales join item on s_item = i_sk where i_sk > 1 and i_sk < length(i_name)",
        "select ticket from sales left join (select i_sk from item where i_sk > 1) i on s_item = i_sk where i_sk is null",
        "select ticket from sales join (select i_sk from item limit 2) i on s_item = i_sk",
        "select s_item from sales where s_item in (select i_sk from item where i_name is null)",
        // Another condition.
        "select ticket from sales join item on s_item = i_sk and qty > length(i_name)",
        "select ticket from sales join item on s_item = i_sk and s_store = i_sk",
        // Half a key.
        "select r_qty from returns join sales on r_ticket = ticket",
        "select ticket from sales left join returns on ticket = r_ticket",
        // No foreign key, or to another table.
        "select o_a from other join item on o_a = i_sk",
        "select ticket from sales join store on s_item = s_sk",
        "select r_qty from returns join sales on r_line = ticket and r_ticket = line",
        // The other way round, and where nobody is left out.
        "select i_sk from sales right join item on s_item = i_sk",
        "select i_sk from item left join sales on s_item = i_sk",
        "select ticket from sales full join item on s_item = i_sk",
        "select ticket from sales where s_item not in (select i_sk from item)",
        // The key is NULL where there is no partner.
        "select r_line, line from returns left join sales on r_ticket = ticket and r_line = line",
    ] {
        check_stays(sql);
    }
}

#[test]
fn what_is_distinct_anyway_is_not_made_so() {
    check(
        "select distinct i_sk, i_name from item",
        expect![[r#"
        TableScan: item projection=[i_sk, i_name]
    "#]],
    );
    check(
        "select ticket + 1 as t, line, ticket from sales group by ticket + 1, line, ticket",
        expect![[r#"
        Projection: sales.ticket + Int64(1) AS t, sales.line, sales.ticket
          TableScan: sales projection=[ticket, line]
    "#]],
    );
    check(
        "select count(*) from (select distinct s_item, i_name, ticket, line from sales join item on s_item = i_sk) d",
        expect![[r#"
            Projection: count(Int64(1)) AS count(*)
              Aggregate: groupBy=[[]], aggr=[[count(Int64(1))]]
                SubqueryAlias: d
                  Projection:
                    Filter: sales.s_item IS NOT NULL
                      TableScan: sales projection=[s_item]
        "#]],
    );
    for sql in [
        "select distinct i_name from item",
        "select distinct ticket from sales",
        "select distinct i_sk, o_b from item join other on i_sk = o_a",
        "select i_sk, count(*) from item group by i_sk",
        "select i_sk from item group by rollup(i_sk)",
        "select distinct k from (select s_store as k from sales union all select s_sk from store) u",
    ] {
        check_stays(sql);
    }
}

#[test]
fn what_a_key_determines_is_carried() {
    check(
        "select i_name, s_item, sum(qty) from sales join item on s_item = i_sk group by i_name, s_item",
        expect![[r#"
        Projection: carry(item.i_name) AS i_name, sales.s_item, sum(sales.qty)
          Aggregate: groupBy=[[sales.s_item]], aggr=[[carry(item.i_name), sum(sales.qty)]]
            Projection: sales.s_item, sales.qty, item.i_name
              Inner Join: sales.s_item = item.i_sk
                TableScan: sales projection=[s_item, qty]
                TableScan: item projection=[i_sk, i_name]
    "#]],
    );
    check("select i_sk, i_cat, i_name, s_city, sum(qty) as q from sales join item on s_item = i_sk join store on s_store = s_sk
        group by i_sk, i_cat, i_name, s_city having i_cat is not null order by i_name, q", expect![[r#"
            Sort: item.i_name ASC NULLS LAST, q ASC NULLS LAST
              Projection: item.i_sk, carry(item.i_cat) AS i_cat, carry(item.i_name) AS i_name, store.s_city, sum(sales.qty) AS q
                Aggregate: groupBy=[[item.i_sk, store.s_city]], aggr=[[carry(item.i_cat), carry(item.i_name), sum(sales.qty)]]
                  Projection: sales.qty, item.i_sk, item.i_name, item.i_cat, store.s_city
                    Inner Join: sales.s_store = store.s_sk
                      Projection: sales.s_store, sales.qty, item.i_sk, item.i_name, item.i_cat
                        Inner Join: sales.s_item = item.i_sk
                          TableScan: sales projection=[s_item, s_store, qty]
                          Filter: item.i_cat IS NOT NULL
                            TableScan: item projection=[i_sk, i_name, i_cat]
                      TableScan: store projection=[s_sk, s_city]
        "#]]);
    check(
        "select substr(i_name, 1, 2) as n, i_sk, count(*) from item join other on i_sk = o_a group by substr(i_name, 1, 2), i_sk",
        expect![[r#"
            Projection: carry(substr(item.i_name,Int64(1),Int64(2))) AS n, item.i_sk, count(Int64(1)) AS count(*)
              Aggregate: groupBy=[[item.i_sk]], aggr=[[carry(substr(item.i_name, Int64(1), Int64(2))), count(Int64(1))]]
                Projection: item.i_sk, item.i_name
                  Inner Join: item.i_sk = other.o_a
                    TableScan: item projection=[i_sk, i_name]
                    TableScan: other projection=[o_a]
        "#]],
    );
    // NULLs of an outer join are those of one row.
    check(
        "select i_sk, i_name, count(*) from item right join sales on s_item = i_sk group by i_sk, i_name",
        expect![[r#"
            Projection: item.i_sk, carry(item.i_name) AS i_name, count(Int64(1)) AS count(*)
              Aggregate: groupBy=[[item.i_sk]], aggr=[[carry(item.i_name), count(Int64(1))]]
                Projection: item.i_sk, item.i_name
                  Right Join: item.i_sk = sales.s_item
                    TableScan: item projection=[i_sk, i_name]
                    TableScan: sales projection=[s_item]
        "#]],
    );
    check(
        "select ticket, line, qty, count(distinct r_qty), count(*) from sales left join returns on r_ticket = ticket group by ticket, line, qty",
        expect![[r#"
            Projection: sales.ticket, sales.line, carry(sales.qty) AS qty, count(DISTINCT returns.r_qty), count(Int64(1)) AS count(*)
              Aggregate: groupBy=[[sales.ticket, sales.line]], aggr=[[carry(sales.qty), count(DISTINCT returns.r_qty), count(Int64(1))]]
                Projection: sales.ticket, sales.line, sales.qty, returns.r_qty
                  Left Join: sales.ticket = returns.r_ticket
                    TableScan: sales projection=[ticket, line, qty]
                    TableScan: returns projection=[r_ticket, r_qty]
        "#]],
    );
}

#[test]
fn what_is_not_determined_is_grouped_by() {
    for sql in [
        "select i_cat, i_name, count(*) from item group by i_cat, i_name",
        "select s_item, i_name, count(*) from sales left join item on s_item = i_sk and qty > 5 group by s_item, i_name",
        "select i_sk, i_name, count(*) from sales join item on s_item = i_sk group by rollup(i_sk, i_name)",
        "select i_sk, i_name, count(*) from item group by grouping sets ((i_sk), (i_sk, i_name))",
        "select ticket, qty, count(*) from sales group by ticket, qty",
        "select o_a, o_b, count(*) from other group by o_a, o_b",
        "select i_sk, random() > 2 as r, count(*) from item group by i_sk, random() > 2",
    ] {
        check_stays(sql);
    }
}

/// No rows make no group, whatever is constant.
#[test]
fn a_constant_is_carried_beside_another_column_alone() {
    check(
        "select i_cat, i_name, count(*) from item where i_cat = 'a' and i_name = 'x' group by i_cat, i_name",
        expect![[r#"
            Projection: carry(item.i_cat) AS i_cat, item.i_name, count(Int64(1)) AS count(*)
              Aggregate: groupBy=[[item.i_name]], aggr=[[carry(item.i_cat), count(Int64(1))]]
                Filter: item.i_cat = Utf8("a") AND item.i_name = Utf8("x")
                  TableScan: item projection=[i_name, i_cat]
        "#]],
    );
}

#[test]
fn nothing_happens_without_trust_or_with_the_rule_off() {
    let queries = [
        "select ticket from sales join item on s_item = i_sk",
        "select distinct i_sk from item",
        "select i_sk, i_name, count(*) from item group by i_sk, i_name",
    ];
    block_on(async {
        let untrusting = shop(&RULES).await;
        let off = shop(&[]).await;
        off.trust_keys(keys());
        for sql in queries {
            assert_eq!(rewritten(&untrusting, sql).await, "as it was\n", "{sql}");
            assert_eq!(rewritten(&off, sql).await, "as it was\n", "{sql}");
        }
        for (rule, sql) in RULES.iter().zip(queries) {
            off.run(&format!("set {}", rule.replace('=', " = "))).await.expect("set");
            assert_ne!(rewritten(&off, sql).await, "as it was\n", "{rule}");
        }
    });
}

/// The join stays after what was done to its tables.
#[track_caller]
fn check_lost(statements: &'static [&'static str], sql: &'static str) {
    block_on(async {
        let engine = with_keys().await;
        let before = "select count(*) from sales join item on s_item = i_sk";
        assert!(!optimized(&engine, before).await.display_indent().to_string().contains("Join"));
        for statement in statements {
            engine.run(statement).await.unwrap_or_else(|error| panic!("{statement}: {error}"));
        }
        let plan = optimized(&engine, sql).await.display_indent().to_string();
        assert!(plan.contains("Join"), "{statements:?}: {plan}");
    });
}

#[test]
fn trust_ends_with_the_table() {
    let sql = "select count(*) from sales join item on s_item = i_sk";
    check_lost(&["drop table item", "create table item as select 1 as i_sk"], sql);
    check_lost(&["drop table sales", "create table sales as select 9 as s_item"], sql);
    check_lost(&["drop table item", "create view item as select 1 as i_sk"], sql);
    check_lost(&["create or replace table item as select 1 as i_sk union all select 1"], sql);
    // What is written may break a key.
    check_lost(&["insert into item values (1, 'again', 'a')"], sql);
    check_lost(&["insert into sales values (9, 9, 9, 9, 9)"], sql);
    check_lost(
        &["create view v as select * from item where i_cat = 'a'"],
        "select count(*) from sales join v on s_item = i_sk",
    );
}

#[test]
fn random_queries_give_the_same_rows() {
    block_on(async {
        let (on, off) = (with_keys().await, shop(&[]).await);
        let (mut queries, mut changed) = (Queries::new(11), 0);
        for _ in 0..1500 {
            let sql = queries.next();
            let plan = optimized(&on, &sql).await;
            assert_eq!(sorted_rows(&on, &sql).await, sorted_rows(&off, &sql).await, "{sql}\n{}", plan.display_indent());
            changed += usize::from(
                plan.display_indent().to_string() != optimized(&off, &sql).await.display_indent().to_string(),
            );
        }
        assert!(changed > 300, "the rules fired for {changed} queries only");
    });
}

/// The keys of the suite's tables, as the specification has them.
fn suite_keys() -> Vec<TableKeys> {
    let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    let foreign = |key: &datagen::schema::ForeignKey| ForeignKey {
        columns: names(&key.columns),
        table: key.table.to_owned(),
        referenced: names(&key.references),
    };
    let of = |table: &datagen::schema::Table| TableKeys {
        table: table.name.to_owned(),
        primary: names(&table.primary_key),
        foreign: table.foreign_keys.iter().map(foreign).collect(),
    };
    datagen::schema::tables().iter().map(of).collect()
}

async fn open(data: &Path, engine: &Engine) {
    let url = DataUrl::from_path(data).expect("a path");
    let data = DataSet::open(url, &Expectation::default()).await.expect("opens");
    data.register(engine).expect("registers");
}

async fn result(engine: &Engine, sql: &str) -> (SchemaRef, Vec<RecordBatch>, String) {
    let plan = engine.plan(sql).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
    let (schema, shown) = (plan.schema(), plan.display());
    (schema, engine.execute(plan).await.unwrap_or_else(|error| panic!("{sql}: {error}")), shown)
}

/// The suite with keys and without. On a thread with a stack for deep plans, as the program has them.
#[test]
fn the_suite_gives_the_same_rows() {
    let folder = tempfile::tempdir().expect("a folder");
    let options = datagen::Options::new("0.01".parse().expect("a scale"), folder.path());
    datagen::generate(&options, &(), &AtomicBool::new(false)).expect("data");
    let work = move || {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().thread_stack_size(16 << 20).build();
        runtime.expect("threads").block_on(async {
            // The least scale has groups whose totals are 0, by which a statement divides.
            let sets = ["engine.ansi.enabled=false"];
            let (on, off) = (engine("default", &sets).await, engine("default", &sets).await);
            open(folder.path(), &on).await;
            open(folder.path(), &off).await;
            on.trust_keys(suite_keys());
            let suite = Suite::built_in().expect("the suite");
            let defaults = Substitution::defaults(&suite.domains);
            let mut changed = Vec::new();
            for statement in suite.statements() {
                let (name, sql) = (statement.name.to_string(), statement.render(&defaults).expect("renders"));
                let (with, without) = (result(&on, &sql).await, result(&off, &sql).await);
                let shape = SqlShape::parse(&sql).expect("a query");
                let outcome = compare_results(&shape, &with.0, &with.1, &without.0, &without.1);
                assert!(outcome.is_match(), "{name}: {outcome:?}\n{}", with.2);
                if with.2 != without.2 {
                    changed.push(name);
                }
            }
            let lines: Vec<String> = changed.chunks(12).map(|names| format!("{}\n", names.join(" "))).collect();
            expect![[r#"
                q4 q11 q13 q14a q14b q18 q23a q23b q24a q24b q31 q39a
                q39b q42 q46 q48 q50 q52 q53 q54 q63 q64 q66 q68
                q72 q74 q77 q78 q84 q85
            "#]]
            .assert_eq(&lines.concat());
        });
    };
    let thread = std::thread::Builder::new().stack_size(16 << 20).spawn(work).expect("a thread");
    thread.join().expect("it ends well");
}
